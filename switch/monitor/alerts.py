"""PURE. Decides when people are told that something is wrong, and when that it is over. What is wrong is found by `conditions`.

A cause is told of once, however often it is seen: when it has lasted for as long as its kind wants (`HOLD_US`), again only when it gets
worse than was told, and once more when it has been gone for the time that the config calls `calm`. A cause that comes back within
`FLAPS_US` of its last times must be gone for twice as long each time, up to `MAX_CALM_US`: so whatever flaps is told of ever more rarely.
What is not known at present is neither raised nor over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

US_PER_S = 1_000_000
FLAPS_US = 6 * 3_600 * US_PER_S
MAX_CALM_US = 2 * 3_600 * US_PER_S
MAX_CAUSES = 1_000
"""So many causes are raised or about to be; more are not looked at until some are over."""


class AlertKind(StrEnum):
    CAP = "cap"
    """A cap of a window of time is at 75, 90 or 100 % of its limit."""
    BUSY = "busy"
    """A cap of calls at once stays full."""
    BALANCE = "balance"
    """A prepaid advertiser's balance runs low."""
    LINE = "line"
    """A line rests after failures, does not answer OPTIONS, or every attempt at it fails."""
    TRUNK = "trunk"
    """A trunk does not answer OPTIONS, or its registration has failed."""
    QUIET = "quiet"
    """No call comes in an hour in which calls usually come."""
    NEAR_MISSES = "near_misses"
    """Calls end just short of what is billable, again and again."""
    PROBE = "probe"
    """A probe on schedule has failed."""
    DISK = "disk"
    CERTIFICATE = "certificate"
    SWITCH = "switch"
    """The switch does not answer."""
    LEDGER = "ledger"
    """The ledger can't be written, so that new calls are refused."""


HOLD_US: Mapping[AlertKind, int] = {
    **dict.fromkeys(AlertKind, 0),
    AlertKind.BUSY: 300 * US_PER_S,
    AlertKind.SWITCH: 30 * US_PER_S,  # a restart takes less
    AlertKind.LEDGER: 30 * US_PER_S,
}
"""For how long a cause must last until it is told of."""


class AlertEvent(StrEnum):
    RAISED = "raised"
    WORSE = "worse"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is wrong now. `cause`: what it is about, the same each time. `level`: how bad it is: percent of a limit, or 100 for
    what has come to pass. `text`: one line for people."""

    cause: str
    kind: AlertKind
    text: str
    level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """All that is wrong at a moment. `known`: the kinds that could be looked at; of others nothing can be said."""

    conditions: Sequence[Condition]
    known: frozenset[AlertKind] = frozenset(AlertKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What people are told, once. `since_us`: when it was raised, UTC microseconds."""

    event: AlertEvent
    cause: str
    kind: AlertKind
    level: int
    text: str
    at_us: int
    since_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A cause that people were told of. `level`: the worst one they were told. `gone_us`: since when it is not there; None: it is."""

    kind: AlertKind
    level: int
    text: str
    since_us: int
    gone_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """By cause: what people were told of and that is not over; `pending`: since when something else has been seen; `raised`: when a cause
    was raised, within the last `FLAPS_US`."""

    firing: Mapping[str, Firing] = field(default_factory=dict)
    pending: Mapping[str, int] = field(default_factory=dict)
    raised: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def advance(state: AlertState, found: Assessment, *, now_us: int, calm_us: int) -> tuple[AlertState, tuple[Notice, ...]]:
    """Returns the next state, and what people are to be told. `calm_us`: for how long a cause must be gone to be over."""
    seen = {each.cause: each for each in found.conditions}
    firing, notices = _looked_after(state, seen, found.known, now_us=now_us, calm_us=calm_us)
    raised = {
        cause: recent for cause, times in state.raised.items() if (recent := tuple(at for at in times if now_us - at < FLAPS_US))
    }
    pending: dict[str, int] = {}
    for cause, condition in seen.items():
        if cause in firing or len(firing) + len(pending) >= MAX_CAUSES or condition.kind not in found.known:
            continue
        since_us = state.pending.get(cause, now_us)
        if now_us - since_us < HOLD_US[condition.kind]:
            pending[cause] = since_us
            continue
        firing[cause] = Firing(kind=condition.kind, level=condition.level, text=condition.text, since_us=now_us)
        raised[cause] = (*raised.get(cause, ()), now_us)
        notices.append(_notice(AlertEvent.RAISED, cause, firing[cause], at_us=now_us))
    return AlertState(firing=firing, pending=pending, raised=raised), tuple(notices)


def _looked_after(
    state: AlertState, seen: Mapping[str, Condition], known: frozenset[AlertKind], *, now_us: int, calm_us: int
) -> tuple[dict[str, Firing], list[Notice]]:
    """Returns those that still fire, and what is told of them."""
    firing: dict[str, Firing] = {}
    notices: list[Notice] = []
    for cause, alert in state.firing.items():
        condition = seen.get(cause)
        if alert.kind not in known:
            firing[cause] = replace(alert, gone_us=None)  # what is not seen can't be seen to be gone
        elif condition is not None:
            firing[cause] = replace(alert, gone_us=None)
            if condition.level > alert.level:
                firing[cause] = replace(firing[cause], level=condition.level, text=condition.text)
                notices.append(_notice(AlertEvent.WORSE, cause, firing[cause], at_us=now_us))
        else:
            gone_us = now_us if alert.gone_us is None else alert.gone_us
            if now_us - gone_us >= _calm_us(state.raised.get(cause, ()), calm_us):
                notices.append(_notice(AlertEvent.OVER, cause, alert, at_us=now_us))
            else:
                firing[cause] = replace(alert, gone_us=gone_us)
    return firing, notices


def _calm_us(raised: Sequence[int], calm_us: int) -> int:
    """Returns for how long a cause that was raised at these instants must be gone."""
    return max(calm_us, min(calm_us << max(0, len(raised) - 1), MAX_CALM_US))


def _notice(event: AlertEvent, cause: str, alert: Firing, *, at_us: int) -> Notice:
    return Notice(
        event=event, cause=cause, kind=alert.kind, level=alert.level, text=alert.text, at_us=at_us, since_us=alert.since_us
    )


def restored(notices: Iterable[Notice]) -> AlertState:
    """Returns the state after these notices, which are in the order in which they were made: the last one of each cause will do."""
    last = {notice.cause: notice for notice in notices}
    firing = {
        cause: Firing(kind=notice.kind, level=notice.level, text=notice.text, since_us=notice.since_us)
        for cause, notice in last.items()
        if notice.event is not AlertEvent.OVER
    }
    return AlertState(firing=firing, raised={cause: (alert.since_us,) for cause, alert in firing.items()})
