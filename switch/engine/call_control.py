"""Call control: asks routing, counts usage, judges calls. It works alike for a call on the wire and for a simulated one.

SIP, audio and clocks are elsewhere. Every cap of an attempt is reserved in the same step as the ruling that names it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

import msgspec

from routing.decide import decide
from routing.load import PaidConversion
from routing.ruling import Attempt, Dial, EnterMenu, Inquiry, Ruling, Wait
from routing.trail import as_plain
from switch.billing.judge import accrued_rows, accrues_by_event, judge, thresholds, with_final_state
from switch.billing.terms import BillableOn, Rate, Terms
from switch.billing.verdict import CallEvent, JudgedCall, MoneyKind, MoneyRow
from switch.call import cdr
from switch.call.command import AskRoute, Command
from switch.call.event import Event, Ruled
from switch.call.hold_terms import DEFAULT_HOLD
from switch.call.moment import Moment, ms_between
from switch.call.record import CallRecord
from switch.call.state import Call, CallHistory
from switch.call.steps import question_of
from switch.engine.plan import Plan
from switch.engine.usage import Usage, UsageHistory

MAX_KNOWN_TERMS = 10_000
MAX_ASKED_FIRST = 20
"""Callers in a hold queue that are asked about before one that came later is dialled: where none of so many can have the line, that one
may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccrualTimes:
    """The times at which money may become due by some terms: at talk times, at times of the whole call, or at an event."""

    talk_ms: tuple[int, ...]
    total_ms: tuple[int, ...]
    by_event: bool


class CallContext(msgspec.Struct, kw_only=True):
    """The data that judges a call when it is over. `terms`: of every campaign an attempt was made for. `rate`: of its trunk.

    `reserved`: the legs that caps were reserved for. `events`: what happened so far, heartbeats apart. `accrued`: the money rows that have
    been counted so far.
    """

    plan: Plan
    rate: Rate | None
    terms: dict[str, Terms] = {}
    reserved: set[int] = set()
    events: list[CallEvent] = []
    accrued: tuple[MoneyRow, ...] = ()

    def add_event(self, event: Event, commands: tuple[Command, ...]) -> CallEvent:
        """Records the event for the ledger."""
        facts = {**cdr.event_facts(event), "then": [cdr.command_text(each) for each in commands]}
        happened = CallEvent(number=len(self.events) + 1, at_us=event.at.utc_us, event=type(event).__name__, facts=facts)
        self.events.append(happened)
        return happened


class CallControl:
    """Decides, counts and judges calls, and records what they count in `usage`. `ask_first(call_id, at)`: feeds a call `TurnCame`, with all
    that follows from it, where this `has_line_for` it."""

    __slots__ = ("_ask_first", "_serving", "_times", "usage")

    def __init__(self, usage: Usage, *, ask_first: Callable[[str, Moment], None]) -> None:
        self.usage = usage
        self._ask_first = ask_first
        self._serving: set[str] = set()
        self._times: dict[int, tuple[Terms, AccrualTimes]] = {}

    def load_usage(self, past: UsageHistory, plan: Plan) -> None:
        """Loads usage from before this process, as read from the ledger. Called once, before the first call."""
        down = self.usage.lines_down
        self.usage = Usage(past)
        for line in down:  # the ledger does not know it
            self.usage.set_line_up(line, is_up=False)
        self.usage.set_groups(plan.lines_of_groups)

    def count_posting(self, row: MoneyRow, record: CallRecord | None, *, before_micros: int, plan: Plan) -> None:
        """Counts a money row from outside. `record`: of the call it is about. `before_micros`: the revenue of its line from this call
        before the row: a conversion is revenue above zero."""
        if row.kind is MoneyKind.DEPOSIT:
            self.usage.caps.add_deposit(row.party, row.amount_micros)
            return
        attempt = None if record is None else next((tried for tried in record.attempts if tried.line == row.line), None)
        if record is None or attempt is None:
            return
        if row.kind is MoneyKind.REVENUE:
            owners = _owners(
                plan,
                line=attempt.line,
                advertiser=attempt.advertiser,
                campaign=attempt.campaign,
                publisher=record.publisher,
                did=record.did,
                trunk=record.trunk,
            )
            conversions = (before_micros + row.amount_micros > 0) - (before_micros > 0)
            self.usage.caps.adjust(owners, at_us=row.at_us, conversions=conversions, revenue_micros=row.amount_micros)
        elif row.kind is MoneyKind.PAYOUT and row.amount_micros > 0:
            paid = PaidConversion(
                at_us=row.at_us, did=record.did, campaign=row.campaign, advertiser=attempt.advertiser, line=attempt.line
            )
            self.usage.paid_callers.add(record.ani, paid)

    def decide(self, call: Call, context: CallContext, ask: AskRoute, at: Moment) -> Ruled:
        """Returns routing's ruling, with all caps of its attempts reserved: two calls can't take the last slot."""
        history, inquiry = call.history, _inquiry(call.history, ask, at)
        ruling = decide(context.plan.table, self.usage, inquiry)
        if isinstance(ruling.choice, Dial) and self._serve_queue(history.call_id, ruling.choice.attempts[0].campaign, at):
            ruling = decide(context.plan.table, self.usage, inquiry)
        if ruling.campaign is not None:
            context.terms[ruling.campaign] = context.plan.terms[ruling.campaign]
        if isinstance(ruling.choice, Wait):
            self.usage.holds.enter(history.call_id, ruling.choice.campaign)
        elif not isinstance(ruling.choice, Dial):  # a caller that is being connected keeps its place until talk
            self.usage.holds.leave(history.call_id)
        recording = None if ruling.campaign is None else context.plan.recordings.get(ruling.campaign)
        match ruling.choice:
            case Dial(attempts=attempts):
                thresholds_ms = tuple(
                    self._reserve(call, context, attempt, leg=leg, ruling=ruling, at=at)
                    for leg, attempt in enumerate(attempts, start=len(call.legs))
                )
                terms = context.terms[attempts[0].campaign]
                total_ms = self._accrual_times(terms).total_ms
                return Ruled(
                    at=at,
                    ruling=ruling,
                    thresholds_ms=thresholds_ms,
                    total_thresholds_ms=total_ms,
                    heard_both=terms.heard_both,
                    recording=recording,
                )
            case EnterMenu(menu=menu):
                return Ruled(at=at, ruling=ruling, menu=context.plan.menus[menu], recording=recording)
            case Wait(campaign=campaign, because=because):
                hold = context.plan.holds.get(campaign, {}).get(because, DEFAULT_HOLD)
                return Ruled(at=at, ruling=ruling, hold=hold, recording=recording)
            case _:
                return Ruled(at=at, ruling=ruling, recording=recording)

    def _serve_queue(self, call_id: str, campaign: str, at: Moment) -> bool:
        """A line of the campaign is free for this call: those that wait longer are asked about first, in their order. Returns whether there
        are any. Their rulings ask nobody first: all ahead of them have been asked about."""
        ahead = tuple(islice(self.usage.holds.ahead(campaign, call_id), MAX_ASKED_FIRST))
        if not ahead or campaign in self._serving:
            return False
        self._serving.add(campaign)
        try:
            for waiting in ahead:
                self._ask_first(waiting, at)
        finally:
            self._serving.remove(campaign)
        return True

    def has_line_for(self, call: Call, context: CallContext, at: Moment) -> bool:
        """Returns whether a line would be dialled for this call, which is in a hold queue, if routing were asked about it now."""
        inquiry = _inquiry(call.history, question_of(call, at), at)
        return isinstance(decide(context.plan.table, self.usage, inquiry).choice, Dial)

    def start_talk(self, call: Call, context: CallContext, leg: int, *, at: Moment) -> None:
        """This leg has been bridged: revenue that is due at once counts from now on."""
        tried = call.history.attempts[leg - 1]
        if tried.talk is None:
            raise RuntimeError(f"leg {leg} is bridged and does not talk")
        self.usage.holds.leave(call.history.call_id)
        if call.history.probe:
            return
        self.usage.count_connection((call.history.call_id, leg), at_us=tried.talk.utc_us)
        times = self._accrual_times(context.terms[tried.campaign])
        connected_ms = ms_between(tried.talk, at) - tried.timer_offset_ms  # talk may have begun before its answer was durable
        if times.by_event or times.total_ms or any(threshold_ms <= connected_ms for threshold_ms in times.talk_ms):
            self.accrue_revenue(call, context, at)

    def accrue_revenue(self, call: Call, context: CallContext, at: Moment) -> None:
        """Counts what would be owed if the call ended now, so that caps of conversions and revenue are up to date."""
        record = cdr.build_record(cdr.close_crashed(call.history, at), known=call.known)
        context.accrued = accrued_rows(record, context.terms)
        self._count(call, context.accrued)

    def release_call_caps(self, call: Call, context: CallContext, leg: int, at: Moment) -> None:
        """Releases the call's caps of the attempt on `leg`, before the leg has ended."""
        tried = call.history.attempts[leg - 1]
        health = context.plan.table.lines[tried.line].health
        self.usage.release_call_caps(
            (call.history.call_id, leg), at_us=at.utc_us, outcome=cdr.attempt_outcome(tried), health=health
        )

    def release_caps(self, call: Call, context: CallContext, leg: int, at: Moment) -> None:
        """The leg has ended: releases what its attempt held, and updates its line's health."""
        tried = call.history.attempts[leg - 1]
        terms = self._accrual_times(context.plan.terms[tried.campaign])
        self.usage.release_caps(
            (call.history.call_id, leg),
            at_us=at.utc_us,
            outcome=cdr.attempt_outcome(tried),
            health=context.plan.table.lines[tried.line].health,
            may_earn=terms.by_event or bool(terms.total_ms),  # these may be judged only with the whole call
        )

    def finish(self, call: Call, context: CallContext) -> JudgedCall:
        """Returns the call's record, judged and counted. Its legs may end later."""
        judged = judge_call(
            call.history,
            known=call.known,
            trail=tuple(as_plain(reason) for reason in call.trail),
            terms=context.terms,
            rate=context.rate,
            events=tuple(context.events),
        )
        rows = judged.verdict.rows
        self._count(call, rows)
        self._set_final_revenue(call, rows)
        undialled = len(call.legs)
        for leg in sorted(leg for leg in context.reserved if leg >= undialled):  # the call failed between its ruling and the dial
            self.usage.release_caps((call.history.call_id, leg), at_us=judged.record.ended_us)
        self.usage.end_call(call.history.call_id)
        return judged

    def _reserve(
        self, call: Call, context: CallContext, attempt: Attempt, *, leg: int, ruling: Ruling, at: Moment
    ) -> tuple[int, ...]:
        """Reserves the attempt's caps; returns the talk times at which it may earn. A probe's call takes no part in caps: what was never
        reserved counts nowhere later, its line's health included."""
        if call.history.probe:
            return ()
        context.reserved.add(leg)
        owners = _owners(
            context.plan,
            line=attempt.line,
            advertiser=attempt.advertiser,
            campaign=attempt.campaign,
            publisher=ruling.publisher,
            did=call.history.did,
            trunk=call.history.trunk,
        )
        full = self.usage.reserve_caps((call.history.call_id, leg), owners=owners, attempt=attempt, at_us=at.utc_us)
        if full is not None:
            raise RuntimeError(f"routing chose {attempt.line} although {full} is full")
        return self._accrual_times(context.plan.terms[attempt.campaign]).talk_ms

    def _accrual_times(self, terms: Terms) -> AccrualTimes:
        """Computed once for each campaign of each plan; cached by identity, since terms can't be hashed."""
        known = self._times.get(id(terms))
        if known is None or known[0] is not terms:
            if len(self._times) >= MAX_KNOWN_TERMS:
                self._times.clear()
            found = AccrualTimes(
                talk_ms=thresholds(terms, BillableOn.CONNECTED_FOR),
                total_ms=thresholds(terms, BillableOn.TOTAL_FOR),
                by_event=accrues_by_event(terms),
            )
            known = self._times[id(terms)] = (terms, found)
        return known[1]

    def _count(self, call: Call, rows: tuple[MoneyRow, ...]) -> None:
        """Counts conversions and revenue against their caps, and records paid conversions: for other calls the caller is a repeat from now
        on."""
        history = call.history
        attempts = {tried.line: tried for tried in history.attempts}
        revenue: dict[str, int] = {}
        for row in rows:
            tried = attempts.get(row.line)
            if tried is None:
                continue
            if row.kind is MoneyKind.REVENUE:
                owed_micros = revenue[row.line] = revenue.get(row.line, 0) + row.amount_micros  # tiers are rows of their own
                self.usage.caps.accrue_revenue((history.call_id, tried.number), at_us=row.at_us, revenue_micros=owed_micros)
            elif row.kind is MoneyKind.PAYOUT:
                paid = PaidConversion(
                    at_us=row.at_us,
                    did=history.did,
                    campaign=row.campaign,
                    advertiser=tried.advertiser,
                    line=tried.line,
                    call_id=history.call_id,
                )
                self.usage.paid_callers.add(history.ani, paid)

    def _set_final_revenue(self, call: Call, rows: tuple[MoneyRow, ...]) -> None:
        """Reverses what was counted at a threshold that talk did not reach in the end: the media rule ended it earlier."""
        for tried in call.history.attempts:
            owed = sum(row.amount_micros for row in rows if row.kind is MoneyKind.REVENUE and row.line == tried.line)
            self.usage.caps.set_final_revenue((call.history.call_id, tried.number), revenue_micros=owed)


def _inquiry(history: CallHistory, ask: AskRoute, at: Moment) -> Inquiry:
    return Inquiry(
        did=history.did,
        ani=history.ani,
        trunk=history.trunk,
        utc_us=at.utc_us,
        seed=history.seed,
        tags=history.tags,
        digits=history.digits,
        menu_done=ask.menu_done,
        line=history.wanted,
        tried=ask.tried,
        held_ms=ask.held_ms,
        call_id=history.call_id,
    )


def _owners(
    plan: Plan, *, line: str, advertiser: str, campaign: str, publisher: str | None, did: str, trunk: str
) -> tuple[str, ...]:
    """Returns every owner that an attempt counts for, with a cap or without one."""
    return (
        f"line:{line}",
        *(f"group:{group}" for group in plan.groups.get(line, ())),
        f"advertiser:{advertiser}",
        f"campaign:{campaign}",
        f"publisher:{publisher}",
        f"number:{did}",
        f"trunk:{trunk}",
    )


def judge_call(
    history: CallHistory,
    *,
    known: Mapping[str, str | int | bool],
    trail: tuple[Mapping[str, object], ...],
    terms: Mapping[str, Terms],
    rate: Rate | None,
    events: tuple[CallEvent, ...],
) -> JudgedCall:
    """Returns the judged record that the ledger keeps of a call that has ended. Its journal contains all that is passed here."""
    record = cdr.build_record(history, trail, known)
    found = judge(record, terms, rate=rate)
    return JudgedCall(record=with_final_state(record, found), verdict=found, events=events)
