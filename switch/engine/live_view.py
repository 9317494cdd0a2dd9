"""PURE. What those who watch a running switch see of its calls and caps, and which calls have changed.

A call is an immutable struct that each step of its machine replaces, so one that is still the very same has not changed: nothing is marked
while calls run, and a switch that nobody watches does nothing for it.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, assert_never

import msgspec

from routing.cap import Cap, Counts, Per
from routing.expression import Scalar
from routing.geo import anonymous
from routing.window import next_us
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.call.hunting import DURABLE_MS
from switch.call.moment import US_PER_MS, Moment
from switch.call.recording_terms import RecordingTurn
from switch.call.state import (
    Announcing,
    AttemptState,
    AwaitingDurability,
    Bridged,
    Call,
    CallHistory,
    Ended,
    Greeting,
    Holding,
    Hunting,
    InMenu,
    LegState,
    Releasing,
    Routing,
    TakingMessage,
    Transferring,
    Whispering,
)
from switch.call.steps import ANNOUNCEMENT_MS
from switch.engine.effect import LogProblem
from switch.engine.live import LiveCall, LiveCalls
from switch.engine.usage import Usage

CallState = Literal[
    "routing",
    "menu",
    "announcement",
    "voicemail",
    "waiting",
    "hunting",
    "ringing",
    "connecting",
    "whispering",
    "talking",
    "transferring",
    "releasing",
]
"""`hunting`: lines are dialled, none rings yet. `waiting`: in a hold queue. `connecting`: a line has answered, and that is being written to
disk. `releasing`: it is over for the caller, and legs that have not ended yet are waited for."""


class LiveCallView(msgspec.Struct, frozen=True, kw_only=True):
    """One live call. All times are UTC microseconds.

    `since_us`: when it entered `state`; of an announcement or a greeting, when what plays began. `talk_us`: when the talk that goes on
    began, as money counts it; None: nobody talks. `ani`: None: withheld, or no number. `publisher`, `campaign`: None: not known yet.
    `lines`: those that are dialled, or the one that is talked with. `advertiser`: of these lines, where they have one in common.
    `revenue_micros`, `payout_micros`: what has been counted for it so far, should it end now. `recording`: None: nothing is recorded now.
    `tags`: from the carrier and the menu.
    """

    call_id: str
    state: CallState
    began_us: int
    since_us: int
    trunk: str
    did: str
    talk_us: int | None = None
    ani: str | None = None
    publisher: str | None = None
    campaign: str | None = None
    lines: tuple[str, ...] = ()
    advertiser: str | None = None
    revenue_micros: int = 0
    payout_micros: int = 0
    recording: Literal["on", "paused"] | None = None
    tags: Mapping[str, Scalar] = {}


class CapStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One cap. `key`, `owner`, `counts`, `per`: as in `routing.cap.Cap`. `limit`: the one that holds now; `used`: what counts against it.
    Both are calls, or micros where revenue is counted; of `per: spacing` 1 is used while it is too soon for the next; of `per: balance`
    `used` is revenue less deposits, and below zero while a deposit is left. `resets_us`: UTC microseconds, when its window ends; None: it
    has none."""

    key: str
    owner: str
    counts: Counts
    per: Per
    limit: int
    used: int
    resets_us: int | None = None


class LiveViews:
    """The views of all live calls, as they were when it was last looked. `emit` takes what goes wrong."""

    __slots__ = ("_calls", "_emit", "_seen")

    def __init__(self, calls: LiveCalls, *, emit: Callable[[LogProblem], None]) -> None:
        self._calls = calls
        self._emit = emit
        self._seen: dict[str, tuple[Call, LiveCallView | None]] = {}

    def views(self) -> tuple[LiveCallView, ...]:
        """Returns all views as of the last look, in no order."""
        return tuple([view for _, view in self._seen.values() if view is not None])

    def look(self) -> tuple[tuple[LiveCallView, ...], tuple[str, ...]]:
        """Looks at all calls. Returns the views that are new or have changed, and the ids of calls that are over, since the last look."""
        seen, changed, present = self._seen, [], self._calls.by_id
        for call_id, live in present.items():
            before = seen.get(call_id)
            if before is not None and before[0] is live.call:
                continue
            view = self._view_of(live)
            seen[call_id] = (live.call, view)
            if view is not None and view != (before and before[1]):  # a heartbeat changes a call, and nothing that is seen of it
                changed.append(view)
        ended = tuple([call_id for call_id in seen if call_id not in present])
        for call_id in ended:
            del seen[call_id]
        return tuple(changed), ended

    def _view_of(self, live: LiveCall) -> LiveCallView | None:
        """Returns its view, or None where an error prevents that: the others are shown all the same."""
        try:
            return view_of(live)
        except Exception:  # noqa: BLE001 as in `CallRunner.feed`
            self._emit(LogProblem(what="a call can't be shown", trace=traceback.format_exc(), call_id=live.call_id))
            return None

    def forget(self) -> None:
        """Nobody watches any more, or all views are to be made anew."""
        self._seen.clear()


def view_of(live: LiveCall) -> LiveCallView:
    """Returns what is shown of a call."""
    call = live.call
    history = call.history
    state, since_us, legs, talks = _progress(call)
    attempts: list[AttemptState] = [history.attempts[leg - 1] for leg in legs]
    advertisers = {tried.advertiser for tried in attempts}
    talk = attempts[0].talk if talks else None
    revenue_micros, payout_micros = _money(live.context.accrued)
    return LiveCallView(
        call_id=history.call_id,
        state=state,
        began_us=history.invited.utc_us,
        since_us=since_us,
        trunk=history.trunk,
        did=history.did,
        talk_us=None if talk is None else talk.utc_us,
        ani=None if anonymous(history.ani) else history.ani,
        publisher=history.publisher,
        campaign=history.campaign,
        lines=tuple([tried.line for tried in attempts]),
        advertiser=advertisers.pop() if len(advertisers) == 1 else None,
        revenue_micros=revenue_micros,
        payout_micros=payout_micros,
        recording=_recording(call),
        tags=history.tags,
    )


def _progress(call: Call) -> tuple[CallState, int, tuple[int, ...], bool]:
    """Returns the state, since when, UTC microseconds, the legs of the lines that it concerns, and whether one of them is talked with."""
    history, phase = call.history, call.phase
    match phase:
        case Bridged(leg=leg):
            return "talking", _us(_attempt(history, leg).bridged, history), (leg,), True
        case Hunting(ringing=ringing):
            legs = tuple([each.leg for each in ringing])
            rang = [tried.rang for leg in legs if call.legs[leg] is LegState.RINGING and (tried := _attempt(history, leg)).rang]
            if rang:
                return "ringing", _us(min(rang), history), legs, False
            return "hunting", min(_attempt(history, leg).invited.utc_us for leg in legs), legs, False
        case InMenu():
            return "menu", _us(history.menus[-1].entered if history.menus else None, history), (), False
        case Holding():
            return "waiting", _us(history.held, history), (), False
        case AwaitingDurability(leg=leg, deadline=deadline):
            return "connecting", deadline.utc_us - DURABLE_MS * US_PER_MS, (leg,), False
        case Whispering(leg=leg):
            return "whispering", _us(_attempt(history, leg).answered, history), (leg,), False
        case Transferring(talk=talk, left=left):
            return "transferring", left.at.utc_us, (talk.leg,), True
        case _:
            state, since_us = _without_lines(phase, history)
            return state, since_us, (), False


def _without_lines(
    phase: Routing | Announcing | Greeting | TakingMessage | Releasing | Ended, history: CallHistory
) -> tuple[CallState, int]:
    match phase:
        case Announcing(deadline=deadline):
            return "announcement", deadline.utc_us - ANNOUNCEMENT_MS * US_PER_MS
        case Greeting(deadline=deadline):
            return "voicemail", deadline.utc_us - ANNOUNCEMENT_MS * US_PER_MS
        case TakingMessage(since=since):
            return "voicemail", since.utc_us
        case Routing():
            return "routing", history.invited.utc_us
        case Releasing() | Ended():
            return "releasing", _us(history.ended, history)
        case _:
            assert_never(phase)


def _attempt(history: CallHistory, leg: int) -> AttemptState:
    return history.attempts[leg - 1]


def _us(moment: Moment | None, history: CallHistory) -> int:
    """A moment that the call's phase implies; the call's begin, should it be missing."""
    return (moment or history.invited).utc_us


def _recording(call: Call) -> Literal["on", "paused"] | None:
    turn = None if call.recording is None else call.recording.turn
    return "on" if turn is RecordingTurn.ON else "paused" if turn is RecordingTurn.PAUSED else None


def _money(rows: Iterable[MoneyRow]) -> tuple[int, int]:
    """Returns revenue and payout, in micros."""
    revenue = payout = 0
    for row in rows:
        if row.kind is MoneyKind.REVENUE:
            revenue += row.amount_micros
        elif row.kind is MoneyKind.PAYOUT:
            payout += row.amount_micros
    return revenue, payout


_CALENDAR = frozenset({Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH})


def cap_status(caps: Iterable[Cap], usage: Usage, utc_us: int) -> tuple[CapStatus, ...]:
    """Returns the present state of each cap, in the order of their keys; one that several lines share comes once."""
    by_key = {cap.key: cap for cap in caps}
    limited = usage.in_force(utc_us).limited
    return tuple(
        CapStatus(
            key=key,
            owner=cap.owner,
            counts=cap.counts,
            per=cap.per,
            limit=limited(cap).limit,
            used=usage.used(cap, utc_us),
            resets_us=next_us(cap.per, cap.zone, utc_us) if cap.per in _CALENDAR else None,
        )
        for key, cap in sorted(by_key.items())
    )
