"""Who listens in to which call: each by a tap of the caller's leg, which carries all that the two sides hear of each other.

The call and its media know nothing of it. What the other end of a tap does not read is lost to it alone (`media/worker/tap.py`).
"""

from media.control import Tap, Untap
from switch.call.state import CALLER
from switch.engine.live import LiveCall, LiveCalls
from switch.engine.media import MediaController

MAX_LISTENERS = 4
"""Of one call."""


class CannotListen(Exception):
    """Why, for people."""


class EavesdropController:
    __slots__ = ("_calls", "_listeners", "_media")

    def __init__(self, *, media: MediaController, calls: LiveCalls) -> None:
        self._media = media
        self._calls = calls
        self._listeners: dict[int, str] = {}  # their calls, by tap

    def begin(self, live: LiveCall, path: str) -> int:
        """Frames of both sides go to the socket at `path` from now on, until `end` or the call's. Returns the number of their tap. Raises
        CannotListen."""
        if live.legs[CALLER].port is None:
            raise CannotListen("the call has no audio yet")
        if sum(call_id == live.call_id for call_id in self._listeners.values()) >= MAX_LISTENERS:
            raise CannotListen(f"{MAX_LISTENERS} others listen to this call already")
        tap = self._media.new_tap()
        self._listeners[tap] = live.call_id
        self._media.send(live, CALLER, Tap, tap=tap, path=path, sent=True)
        return tap

    def end(self, tap: int) -> None:
        """Nobody listens by this tap any more."""
        live = self._calls.get(self._listeners.pop(tap, ""))
        if live is not None:
            self._media.send(live, CALLER, Untap, tap=tap)
