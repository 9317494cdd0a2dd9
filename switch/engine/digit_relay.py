"""Passes digits between bridged legs where the media worker can't: from or to a leg whose digits come by INFO.

Events of a leg the worker passes on by itself, as they come, or as tones to a leg that has none; then nothing is to be done here.
"""

from typing import Protocol

from media.control import SendDigit
from switch.call.moment import Moment
from switch.engine.live import LiveCall
from switch.engine.media import MediaController
from switch.sip.info import DEFAULT_DURATION_MS, InfoKey
from switch.sip.peer import DtmfMode


class PressingAgent(Protocol):
    """What of the SIP agent is needed here."""

    def press(self, leg: int, key: InfoKey, now_ns: int) -> None: ...


class DigitRelay:
    __slots__ = ("_agent", "_media")

    def __init__(self, *, agent: PressingAgent, media: MediaController) -> None:
        self._agent = agent
        self._media = media

    def on_event(self, live: LiveCall, number: int, *, digit: str, at: Moment) -> None:
        """Leg `number` sent a digit as telephone-event."""
        self._by_info(live, number, InfoKey(digit, None), at)

    def on_info(self, live: LiveCall, number: int, key: InfoKey, at: Moment) -> None:
        """Leg `number` sent a digit by INFO. One that agreed on telephone-event may say it by both; then the event counts."""
        if _has_events(live, number) or self._by_info(live, number, key, at):
            return
        other = live.partner_of(number)
        if other is not None and _takes_digits(live, other):
            duration_ms = DEFAULT_DURATION_MS if key.duration_ms is None else key.duration_ms
            self._media.send(live, other, SendDigit, digit=key.digit, duration_ms=duration_ms)

    def _by_info(self, live: LiveCall, number: int, key: InfoKey, at: Moment) -> bool:
        """Passes a digit of leg `number` on by INFO. Returns False: its partner takes none, or there is none."""
        other = live.partner_of(number)
        if other is None or live.legs[other].peer.dtmf is not DtmfMode.INFO:
            return False
        self._agent.press(live.legs[other].sip, key, at.mono_ns)
        return True


def _takes_digits(live: LiveCall, number: int) -> bool:
    """Returns whether the worker can send it one, as an event or as a tone."""
    remote = live.legs[number].remote
    return remote is not None and (remote.dtmf_type is not None or remote.takes_tones)


def _has_events(live: LiveCall, number: int) -> bool:
    remote = live.legs[number].remote
    return remote is not None and remote.dtmf_type is not None
