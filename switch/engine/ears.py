"""Controls the ears process: which legs it listens to for keys that come as tones, and which of those are keys of the call; and the talks
of campaigns that want to know what was heard.

A leg that agreed on no telephone-event is listened to while a key of its means something: the caller in a menu or leaving a message, the
line in a whisper that asks for one. In talk nobody listens: there the tones reach the other side as they are. Ears that die cost keys;
calls go on.
"""

from collections.abc import Callable

import msgspec

from media.control import DigitReceived, Tap, Untap
from media.listening import EndTalk, Listen, ListenToTalk, StopListening
from switch.call.moment import Moment
from switch.call.state import CALLER, Bridged, InMenu, TakingMessage, Whispering
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


class _Talk(msgspec.Struct, frozen=True, kw_only=True):
    """`caller`, `line`: numbers of taps. `ports`: of the two legs. `attempt`: the line's leg."""

    caller: int
    line: int
    attempt: int
    ports: tuple[int, int]


class EarsController:
    """`emit` takes the effects."""

    __slots__ = ("_emit", "_media", "_of_calls", "_ports", "_talks", "_taps")

    def __init__(self, *, media: MediaController, emit: Callable[[Effect], None]) -> None:
        self._media = media
        self._emit = emit
        self._taps: str | None = None
        self._of_calls: dict[str, dict[int, _Listened]] = {}
        self._ports: dict[int, tuple[LiveCall, int]] = {}
        self._talks: dict[str, _Talk] = {}

    def follow(self, live: LiveCall, at: Moment) -> None:
        """Listens to a call's legs whose keys are wanted now, to its talk where that is, and to nothing else. Called after whatever changed
        the call."""
        self._follow_keys(live, at)
        self._follow_talk(live, at)

    def _follow_keys(self, live: LiveCall, at: Moment) -> None:
        wanted = _leg_in_demand(live)
        known = self._of_calls.get(live.call_id)
        if wanted is None and known is None:
            return
        if known is not None:
            self._drop(live, {number for number, each in known.items() if number != wanted or each.port != live.legs[number].port})
        if wanted is not None and self._taps is not None and wanted not in self._of_calls.get(live.call_id, {}):
            self._listen(live, wanted, self._taps, at)

    def stop(self, live: LiveCall, at: Moment) -> None:
        """Listens to nobody of a call any more."""
        self._drop(live, set(self._of_calls.get(live.call_id, {})))
        self._end_talk(live, at)

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

    # talks

    def _follow_talk(self, live: LiveCall, at: Moment) -> None:
        phase, known = live.call.phase, self._talks.get(live.call_id)
        if known is None and not isinstance(phase, Bridged):
            return
        legs = _talking(live, phase.leg) if isinstance(phase, Bridged) else None
        if known is not None and (legs is None or (known.attempt, known.ports) != legs):
            self._end_talk(live, at)
        if legs is not None and self._taps is not None and live.call_id not in self._talks:
            self._listen_to_talk(live, legs[0], legs[1], at)

    def _listen_to_talk(self, live: LiveCall, attempt: int, ports: tuple[int, int], at: Moment) -> None:
        talk = _Talk(caller=self._media.new_tap(), line=self._media.new_tap(), attempt=attempt, ports=ports)
        self._talks[live.call_id] = talk
        order = ListenToTalk(
            call_id=live.call_id, attempt=attempt, caller=talk.caller, line=talk.line, at_ns=at.mono_ns, started_us=at.utc_us
        )
        self._emit(TellEars(order=order))
        for number, tap in ((CALLER, talk.caller), (attempt, talk.line)):
            self._media.send(live, number, Tap, tap=tap, path=self._taps, sent=False)

    def _end_talk(self, live: LiveCall, at: Moment) -> None:
        talk = self._talks.pop(live.call_id, None)
        if talk is None:
            return
        for number, tap, port in ((CALLER, talk.caller, talk.ports[0]), (talk.attempt, talk.line, talk.ports[1])):
            if live.legs[number].port == port:
                self._media.send(live, number, Untap, tap=tap)
        self._emit(TellEars(order=EndTalk(caller=talk.caller, at_ns=at.mono_ns)))

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

    def on_lost(self, calls: list[LiveCall], at: Moment) -> None:
        """The ears died, and will be started again: then those legs are listened to whose keys are wanted."""
        self._taps = None
        for live in calls:
            self.stop(live, at)


_WITH_KEYS = frozenset({InMenu, TakingMessage, Whispering})


def _leg_in_demand(live: LiveCall) -> int | None:
    """Returns the leg whose keys mean something now, if they come as tones, or None."""
    phase = live.call.phase
    if type(phase) not in _WITH_KEYS:  # asked at each step of each call
        return None
    match phase:
        case InMenu() | TakingMessage():
            number = CALLER
        case Whispering(leg=number, accept=accept) if accept.key is not None:
            pass
        case _:
            return None
    leg = live.legs.get(number)
    return number if leg is not None and _has_tones(leg) else None


def _talking(live: LiveCall, attempt: int) -> tuple[int, tuple[int, int]] | None:
    """Returns the line's leg, and the ports of both, of a talk that is to be listened to; None: of one that is not."""
    if live.call.history.campaign not in live.context.plan.ears:
        return None
    caller, line = (live.legs[number].port if number in live.legs else None for number in (CALLER, attempt))
    return None if caller is None or line is None else (attempt, (caller, line))


def _has_tones(leg: LiveLeg) -> bool:
    """Returns whether a leg's keys come as tones, as far as is known: nothing else was agreed on, and it has used nothing else."""
    by_info = leg.peer.dtmf is DtmfMode.INFO or leg.keys_by_info
    return leg.port is not None and leg.remote is not None and leg.remote.dtmf_type is None and not by_info
