"""PURE. Negotiates session timers (RFC 4028): how long a session lasts without a refresh, and which side refreshes it; and runs them.

`own_offer` sends the refreshes, `session` ends what ran out.
"""

import re
from collections.abc import Callable

import msgspec

from switch.sip.headers import param as param_of
from switch.sip.headers import parse_params, parse_uint
from switch.sip.message import Headers, Request, Response
from switch.sip.requests import Fields, names_option
from switch.sip.transaction import NS_PER_S, Timer
from switch.timer_heap import TimerHeap

MIN_SE_S = 90
"""RFC 4028 §5: the least that any element may ask for."""
MAX_SESSION_S = 2**31 - 1
LAST_SECONDS = 32
"""RFC 4028 §10: who waits for a refresh sends BYE so long before the session runs out, or a third of it where that is less."""
REFRESHES_LEFT = 4
"""A refused refresh is tried again after this part of the wait for the first: at least once before the session runs out."""
_NUMBER = re.compile(r"[ \t]*+([0-9]++)[ \t]*+")


class SessionInterval(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds`: from one refresh to the end. `is_ours`: we send the refreshes. `is_agreed`: the peer keeps the time too; if it does not,
    our refreshes only find out whether it is still there."""

    seconds: int
    is_ours: bool
    is_agreed: bool = True

    @property
    def refresh_s(self) -> float:
        """Returns when to refresh: half of it is over (§10)."""
        return self.seconds / 2

    @property
    def expiry_s(self) -> float:
        """Returns when it is too late for one."""
        return self.seconds - min(LAST_SECONDS, self.seconds / 3)


def min_se(headers: Headers) -> int:
    """Returns the Min-SE of a message, or the least there is."""
    match = _NUMBER.match(headers.get("Min-SE") or "")
    seconds = parse_uint(match[1], MAX_SESSION_S) if match else None
    return max(MIN_SE_S, seconds or 0)


def session_expires(headers: Headers) -> tuple[int, str] | None:
    """Returns the seconds of Session-Expires and its refresher, "uac", "uas" or "" where it names none; None: there is none that
    can be read."""
    value = headers.get("Session-Expires") or ""
    match = _NUMBER.match(value)
    seconds = parse_uint(match[1], MAX_SESSION_S) if match else None
    if match is None or seconds is None:
        return None
    refresher = (param_of(parse_params(value[match.end() :]) or (), "refresher") or "").lower()
    return seconds, refresher if refresher in ("uac", "uas") else ""


def interval_rejection(request: Request) -> tuple[int, Fields] | None:
    """Returns the 422 to a request whose session would be too short, or None. Who does not know the extension would
    not understand it (§9)."""
    asked = session_expires(request.headers)
    if asked is None or asked[0] >= MIN_SE_S or not names_option(request.headers, "Supported", "timer"):
        return None
    return 422, (("Min-SE", str(MIN_SE_S)),)


def interval_to_answer(request: Request, wanted_s: int | None) -> tuple[SessionInterval | None, Fields]:
    """Returns what our 2xx to `request` agrees on, and its headers. `wanted_s`: what config wants, None: nothing (§9, table 2)."""
    asked = session_expires(request.headers)
    knows = names_option(request.headers, "Supported", "timer")
    if wanted_s is None and asked is None:
        return None, ()
    least = min_se(request.headers)
    seconds = max(least, min(each for each in (wanted_s, None if asked is None else asked[0]) if each is not None))
    if not knows:  # a proxy that asked reads the answer (§8.2)
        named: Fields = () if asked is None else (("Session-Expires", f"{seconds};refresher=uas"),)
        return SessionInterval(seconds=seconds, is_ours=True, is_agreed=False), named
    refresher = (asked[1] if asked else "") or "uac"
    required: Fields = (("Require", "timer"),) if refresher == "uac" else ()
    fields = (*required, ("Session-Expires", f"{seconds};refresher={refresher}"))
    return SessionInterval(seconds=seconds, is_ours=refresher == "uas"), fields


def interval_fields(seconds: int | None, refresher: str = "", *, least_s: int = MIN_SE_S) -> Fields:
    """Returns the headers of a request of ours that asks for `seconds`; none for None. `least_s`: the largest Min-SE of the 422 that the
    peer sent so far (§7.3)."""
    if seconds is None:
        return ()
    value = f"{seconds};refresher={refresher}" if refresher else str(seconds)
    return (("Session-Expires", value), ("Min-SE", str(least_s)))


def interval_answered(response: Response, wanted_s: int | None) -> SessionInterval | None:
    """Returns what the peer's 2xx to a request of ours agrees on, or None: nothing, and config wants nothing (§7.2)."""
    answered = session_expires(response.headers)
    if answered is None:
        return None if wanted_s is None else SessionInterval(seconds=wanted_s, is_ours=True, is_agreed=False)
    seconds, refresher = answered
    return SessionInterval(seconds=max(seconds, MIN_SE_S), is_ours=refresher != "uas")


class SessionTimer:
    """Runs one session's time. `interval`: None, it never runs out."""

    __slots__ = ("_expiry_timer", "_heap", "_refresh_timer", "interval")

    def __init__(self, heap: TimerHeap[Callable[[int], None]]) -> None:
        self._heap = heap
        self._refresh_timer: Timer | None = None
        self._expiry_timer: Timer | None = None
        self.interval: SessionInterval | None = None

    def start(
        self, interval: SessionInterval, now_ns: int, *, refresh: Callable[[int], None], expired: Callable[[int], None]
    ) -> None:
        """Starts the time anew (RFC 4028 §10). `refresh`: sends a refresh of ours. `expired`: the session has run out."""
        self.stop()
        self.interval = interval
        if interval.is_ours:
            self._refresh_timer = self._heap.add(now_ns + int(interval.refresh_s * NS_PER_S), refresh)
        if interval.is_agreed:
            self._expiry_timer = self._heap.add(now_ns + int(interval.expiry_s * NS_PER_S), expired)

    def stop(self) -> None:
        """The session's time does not run: nothing is sent any more."""
        if self.interval is None:
            return
        self._heap.cancel(self._refresh_timer)
        self._heap.cancel(self._expiry_timer)
        self._refresh_timer = self._expiry_timer = self.interval = None

    def refresh_again(self, now_ns: int, refresh: Callable[[int], None]) -> None:
        """A refresh was refused, which says nothing of the peer being gone: another one goes out while there is time (§10)."""
        interval = self.interval
        if interval is not None and interval.is_ours:
            wait_s = interval.refresh_s / REFRESHES_LEFT if interval.is_agreed else interval.refresh_s
            self._refresh_timer = self._heap.add(now_ns + int(wait_s * NS_PER_S), refresh)
