"""Controls the ears process: which legs it listens to for keys that come as tones, and which of those are keys of the call.

A leg that agreed on no telephone-event is listened to while a key of its means something: the caller in a menu, the line in a whisper that
asks for one. In talk nobody listens: there the tones reach the other side as they are. Ears that die cost keys; calls go on.
"""

from collections.abc import Callable

import msgspec

from media.control import DigitReceived, Tap, Untap
from media.listening import Listen, StopListening
from switch.call.moment import Moment
from switch.call.state import CALLER, InMenu, Whispering
from switch.engine.effect import Effect, TellEars
from switch.engine.live import LiveCall, LiveLeg
from switch.engine.media import MediaController
from switch.sip.peer import DtmfMode

REPEAT_NS = 3_000_000_000
"""A key by INFO is the one that was heard in band so long before, at most: gateways tell it when it has been released."""
MAX_KEPT = 16
"""Keys of a leg that INFO may repeat."""


class _Listened(msgspec.Struct, frozen=True, kw_only=True):
    """`number`: of the tap. `port`: of the leg, while it is listened to."""

    number: int
    port: int


class EarsController:
    """`emit` takes the effects."""

    __slots__ = ("_emit", "_media", "_of_calls", "_ports", "_taps")

    def __init__(self, *, media: MediaController, emit: Callable[[Effect], None]) -> None:
        self._media = media
        self._emit = emit
        self._taps: str | None = None
        self._of_calls: dict[str, dict[int, _Listened]] = {}
        self._ports: dict[int, tuple[LiveCall, int]] = {}

    def follow(self, live: LiveCall, at: Moment) -> None:
        """Listens to the legs of a call whose keys are wanted now, and to no others. Called after whatever changed the call."""
        wanted = _leg_in_demand(live)
        known = self._of_calls.get(live.call_id)
        if wanted is None and known is None:
            return
        if known is not None:
            self._drop(live, {number for number, each in known.items() if number != wanted or each.port != live.legs[number].port})
        if wanted is not None and self._taps is not None and wanted not in self._of_calls.get(live.call_id, {}):
            self._listen(live, wanted, self._taps, at)

    def stop(self, live: LiveCall) -> None:
        """Listens to nobody of a call any more."""
        self._drop(live, set(self._of_calls.get(live.call_id, {})))

    def _listen(self, live: LiveCall, number: int, taps: str, at: Moment) -> None:
        port = live.legs[number].port
        if port is None:
            return
        listened = _Listened(number=self._media.new_tap(), port=port)
        self._of_calls.setdefault(live.call_id, {})[number] = listened
        self._ports[port] = (live, number)
        self._emit(TellEars(order=Listen(listening=listened.number, port=port, at_ns=at.mono_ns)))
        self._media.send(live, number, Tap, tap=listened.number, path=taps, sent=False)

    def _drop(self, live: LiveCall, numbers: set[int]) -> None:
        known = self._of_calls.get(live.call_id, {})
        for number in sorted(numbers):
            listened = known.pop(number)
            del self._ports[listened.port]
            if live.legs[number].port == listened.port:  # else its tap has ended with it
                self._media.send(live, number, Untap, tap=listened.number)
            self._emit(TellEars(order=StopListening(listening=listened.number)))
        if not known:
            self._of_calls.pop(live.call_id, None)

    # keys

    def is_awaited(self, digit: DigitReceived, at: Moment) -> bool:
        """Returns whether a key that was heard is one of a leg that is still listened to. INFO may repeat it."""
        found = self._ports.get(digit.port)
        if found is None:
            return False
        live, number = found
        leg = live.legs[number]
        leg.in_band = (*leg.in_band[1 - MAX_KEPT :], (digit.digit, at.mono_ns))
        return True

    def is_repeat(self, live: LiveCall, number: int, digit: str, at: Moment) -> bool:
        """A leg sent a key by INFO: from now on its tones count for nothing. Returns whether this key has been heard as tones before."""
        leg = live.legs[number]
        leg.keys_by_info = True
        for each in leg.in_band:
            if each[0] == digit and at.mono_ns - each[1] <= REPEAT_NS:
                leg.in_band = tuple(other for other in leg.in_band if other is not each)
                return True
        return False

    # the ears

    def on_ready(self, taps: str) -> None:
        """The ears are there, and take frames at `taps`. `follow` every call."""
        self._taps = taps

    def on_lost(self, calls: list[LiveCall]) -> None:
        """The ears died, and will be started again: then those legs are listened to whose keys are wanted."""
        self._taps = None
        for live in calls:
            self.stop(live)


def _leg_in_demand(live: LiveCall) -> int | None:
    """Returns the leg whose keys mean something now, if they come as tones, or None."""
    match live.call.phase:
        case InMenu():
            number = CALLER
        case Whispering(leg=number, accept=accept) if accept.key is not None:
            pass
        case _:
            return None
    leg = live.legs.get(number)
    return number if leg is not None and _has_tones(leg) else None


def _has_tones(leg: LiveLeg) -> bool:
    """Returns whether a leg's keys come as tones, as far as is known: nothing else was agreed on, and it has used nothing else."""
    by_info = leg.peer.dtmf is DtmfMode.INFO or leg.keys_by_info
    return leg.port is not None and leg.remote is not None and leg.remote.dtmf_type is None and not by_info
