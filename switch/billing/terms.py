"""Defines the terms of a campaign: what its advertisers owe and its publishers earn, and when; and evaluates them for an attempt.

What an attempt earns is a row of accruals: from which instant on which amount is owed. It only depends on what had happened by then, so
the accruals of a call under way are the first of those that the same call has when it is over.

Each attempt is evaluated alone. What happens to the whole call (`inbound`, `menu_done`, `total_for`) counts for one attempt only, the one
it is attributed to: the first one that talked, else the first that answered, else the first that was dialled. Where nobody was dialled no
advertiser owes for it; a publisher may earn all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from switch.billing.money import show_micros
from switch.call.moment import US_PER_MS
from switch.call.record import AttemptRecord, CallRecord, Heard

_ENOUGH = {True: "enough", False: "too short"}
CENT_MICROS = 10_000
WHOLE_BP = 10_000
PERCENT_BP = 100
DEFAULT_AT_LEAST_MS = 90_000


class BillableOn(StrEnum):
    """The event that makes a call billable (`docs/billing.md` §4)."""

    INBOUND = "inbound"
    """The call came, whatever became of it."""
    DIALED = "dialed"
    """A line was invited."""
    ANSWERED = "answered"
    """A line answered."""
    ACCEPTED = "accepted"
    """The advertiser pressed the key that takes the call."""
    CONNECTED_FOR = "connected_for"
    """Talk with one line lasted for `at_least_ms`."""
    TOTAL_FOR = "total_for"
    """The whole call, from our answer to its end, lasted for `at_least_ms`."""
    MENU_DONE = "menu_done"
    """The caller qualified in the menu."""
    POSTBACK = "postback"
    """The advertiser posted a sale."""
    DISPOSITION = "disposition"
    """The advertiser posted how the call went; what share of the price that is worth is agreed on beforehand."""
    MANUAL = "manual"
    """A person says so."""


LASTING = frozenset({BillableOn.CONNECTED_FOR, BillableOn.TOTAL_FOR})
"""Events that have a threshold; all others have `at_least_ms` 0."""
POSTED = frozenset({BillableOn.POSTBACK, BillableOn.DISPOSITION, BillableOn.MANUAL})
"""Events that come from outside, mostly after the call is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The event that has to happen: >= `at_least_ms`, in milliseconds, > 0 for events that last."""

    on: BillableOn = BillableOn.CONNECTED_FOR
    at_least_ms: int = DEFAULT_AT_LEAST_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """One tier of a price: this much once the rule holds."""

    rule: Rule
    amount_micros: int


class Tiers(StrEnum):
    """How several steps that hold make one amount."""

    HIGHEST = "highest"
    SUM = "sum"
    FIRST = "first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """`steps`: at least one, in the order written. `percent_bp`: not the amounts but this share of the recognised revenue, in basis
    points (payouts only), half-even to the cent; the steps then say when, and their amounts are 0."""

    steps: tuple[PriceStep, ...]
    tiers: Tiers = Tiers.HIGHEST
    percent_bp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Revenue: the advertiser owes. Payout: the publisher earns. Two independent rules.

    `payouts`: per-publisher prices that stand in for `payout`. `requires_revenue`: no payout where no revenue is owed.
    `hold_days`: how long money of this campaign is held before it is approved. `repeat_bill`, `repeat_pay`: whether a repeat caller is
    owed and earned for. `dispositions`: by code, the share of the price it is worth in percent. `heard_both`: an attempt is worth
    something only once both sides have been heard.
    """

    campaign: str
    revenue: Price
    payout: Price
    payouts: Mapping[str, Price] = field(default_factory=dict)
    requires_revenue: bool = False
    hold_days: int = 0
    repeat_bill: bool = True
    repeat_pay: bool = True
    dispositions: Mapping[str, int] = field(default_factory=dict)
    heard_both: bool = False

    def payout_of(self, publisher: str) -> Price:
        return self.payouts.get(publisher, self.payout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A carrier's rate: `per_minute_micros` by the second, at least `initial_s`, then in steps of `step_s`, rounded up."""

    per_minute_micros: int
    initial_s: int = 6
    step_s: int = 6


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """The facts that rules are evaluated on. `attempt` None: nobody was dialled. `posted`: what came from outside, and when."""

    record: CallRecord
    attempt: AttemptRecord | None
    is_attributed: bool
    posted: Mapping[BillableOn, int] = msgspec.field(default_factory=dict)

    @property
    def repeat(self) -> bool:
        return self.record.tags.get("repeat") is True if self.attempt is None else self.attempt.repeat


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """Since when a rule holds, UTC microseconds; None: it does not. `read`: what was looked at, for people."""

    since_us: int | None
    read: str


class Accrual(msgspec.Struct, frozen=True, kw_only=True):
    """From `at_us` on this much is owed in all, by `rule`."""

    at_us: int
    micros: int
    rule: Rule
    read: str


Accruals = tuple[Accrual, ...]


class Earned(msgspec.Struct, frozen=True, kw_only=True):
    """`notes`: why one of the two is less than its rule gives."""

    revenue: Accruals
    payout: Accruals
    notes: tuple[str, ...] = ()


def attributed_attempt(attempts: Sequence[AttemptRecord]) -> AttemptRecord | None:
    """Returns the attempt that events of the whole call count for, or None."""
    talked = next((attempt for attempt in attempts if attempt.talk_us is not None), None)
    return talked or next((attempt for attempt in attempts if attempt.answered_us is not None), attempts[0] if attempts else None)


def earned(terms: Terms, situation: Situation) -> Earned:
    """Returns what the advertiser owes and the publisher earns for one attempt."""
    notes = _unheard(terms, situation.attempt)
    revenue = () if situation.attempt is None else _heard_accruals(terms, terms.revenue, situation)
    if revenue and situation.repeat and not terms.repeat_bill:
        revenue = ()
        notes.append("repeat caller, not billed")
    publisher = situation.record.publisher
    if publisher is None:
        return Earned(revenue=revenue, payout=(), notes=tuple(notes))
    price = terms.payout_of(publisher)
    steps = _heard_accruals(terms, price, situation)
    payout = _from_revenue(price, steps, revenue) if terms.requires_revenue or price.percent_bp is not None else steps
    if steps and not payout:
        notes.append("no revenue, no payout")
    if payout and situation.repeat and not terms.repeat_pay:
        payout = ()
        notes.append("repeat caller, not paid")
    return Earned(revenue=revenue, payout=payout, notes=tuple(notes))


def _unheard(terms: Terms, attempt: AttemptRecord | None) -> list[str]:
    if not terms.heard_both or attempt is None or attempt.heard in {None, Heard.BOTH}:
        return []
    return [f"heard: {attempt.heard}, where both must be"]


def _heard_accruals(terms: Terms, price: Price, situation: Situation) -> Accruals:
    """The accruals of a price; where both sides must be heard, from that instant on."""
    owed, attempt = accruals(price, situation), situation.attempt
    if not terms.heard_both or attempt is None:
        return owed
    heard_us = attempt.both_heard_us
    return () if heard_us is None else tuple(replace(each, at_us=max(each.at_us, heard_us)) for each in owed)


def accruals(price: Price, situation: Situation) -> Accruals:
    """Returns the amounts of a price from the instant that its first step holds. Shares of revenue count as 0 here."""
    found = [(step, evaluate_rule(step.rule, situation)) for step in price.steps]
    since = [(step, each.since_us, each.read) for step, each in found if each.since_us is not None]
    instants = sorted({since_us for _, since_us, _ in since})
    return tuple(_owed(price.tiers, [each for each in since if each[1] <= at_us], at_us=at_us) for at_us in instants)


def _owed(tiers: Tiers, held: Sequence[tuple[PriceStep, int, str]], *, at_us: int) -> Accrual:
    """`held`: the steps that hold at `at_us`, in the order written; at least one."""
    match tiers:
        case Tiers.HIGHEST:
            step, _, read = max(held, key=lambda each: each[0].amount_micros)
            return Accrual(at_us=at_us, micros=step.amount_micros, rule=step.rule, read=read)
        case Tiers.FIRST:
            step, _, read = held[0]
            return Accrual(at_us=at_us, micros=step.amount_micros, rule=step.rule, read=read)
        case Tiers.SUM:
            step, _, read = max(held, key=lambda each: each[1])
            return Accrual(at_us=at_us, micros=sum(each.amount_micros for each, _, _ in held), rule=step.rule, read=read)
        case unknown:
            assert_never(unknown)


def payout_for(terms: Terms, situation: Situation, revenue_micros: int) -> int:
    """Returns what the publisher earns by an attempt for which that much revenue is recognised, whatever its rule gives."""
    publisher = situation.record.publisher
    if publisher is None or (situation.repeat and not terms.repeat_pay):
        return 0
    price = terms.payout_of(publisher)
    steps = _heard_accruals(terms, price, situation)
    if not steps or (terms.requires_revenue and not revenue_micros):
        return 0
    return amount(steps) if price.percent_bp is None else share(revenue_micros, basis_points=price.percent_bp)


def _from_revenue(price: Price, steps: Accruals, revenue: Accruals) -> Accruals:
    """The part of a payout's accruals in which revenue is owed; of that the agreed share, where a share is agreed on."""
    instants = sorted({each.at_us for each in (*steps, *revenue)})
    payout = []
    for at_us in instants:
        step, owed_micros = _latest(steps, at_us), amount_at(revenue, at_us)
        if step is None or not owed_micros:
            continue
        micros, read = step.micros, step.read
        if price.percent_bp is not None:
            micros = share(owed_micros, basis_points=price.percent_bp)
            read = f"{read}, {show_share(price.percent_bp)} of {show_micros(owed_micros)}"
        payout.append(Accrual(at_us=at_us, micros=micros, rule=step.rule, read=read))
    return tuple(payout)


def amount_at(accrued: Accruals, at_us: int) -> int:
    owed = _latest(accrued, at_us)
    return 0 if owed is None else owed.micros


def amount(accrued: Accruals) -> int:
    """Returns the last amount accrued, micros; 0 where nothing is owed."""
    return accrued[-1].micros if accrued else 0


def _latest(accrued: Accruals, at_us: int) -> Accrual | None:
    return next((owed for owed in reversed(accrued) if owed.at_us <= at_us), None)


def share(micros: int, *, basis_points: int) -> int:
    """Returns that share of a non-negative amount, half-even to the cent."""
    cents, rest = divmod(micros * basis_points, WHOLE_BP * CENT_MICROS)
    twice = 2 * rest - WHOLE_BP * CENT_MICROS
    return (cents + (twice > 0 or (twice == 0 and cents % 2 == 1))) * CENT_MICROS


def show_share(basis_points: int) -> str:
    """For people, e.g. `70%` or `12.5%`."""
    whole, part = divmod(basis_points, PERCENT_BP)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".") + "%"


def evaluate_rule(rule: Rule, situation: Situation) -> RuleResult:
    """Whether a rule holds for an attempt, and since when (`docs/billing.md` §2, §4)."""
    match rule.on:
        case BillableOn.CONNECTED_FOR | BillableOn.DIALED | BillableOn.ANSWERED | BillableOn.ACCEPTED:
            if situation.attempt is None:
                return RuleResult(since_us=None, read="nobody dialled")
            return _evaluate_in_attempt(rule, situation.attempt, ended_us=situation.record.ended_us)
        case BillableOn.INBOUND | BillableOn.MENU_DONE | BillableOn.TOTAL_FOR:
            return _evaluate_in_call(rule, situation)
        case BillableOn.POSTBACK | BillableOn.DISPOSITION | BillableOn.MANUAL:
            since_us = situation.posted.get(rule.on)
            return RuleResult(since_us=since_us, read=f"no {rule.on} yet" if since_us is None else f"{rule.on} posted")
        case unknown:
            assert_never(unknown)


def _evaluate_in_call(rule: Rule, situation: Situation) -> RuleResult:
    record = situation.record
    if not situation.is_attributed:
        return RuleResult(since_us=None, read="another line bears the call")
    if rule.on is BillableOn.INBOUND:
        return RuleResult(since_us=record.invited_us, read="came in")
    if rule.on is BillableOn.MENU_DONE:
        return RuleResult(since_us=_menu_done_us(record) if record.menu_done else None, read=f"menu {_not(record.menu_done)}done")
    enough = record.answered_us is not None and record.total_ms >= rule.at_least_ms
    since_us = record.answered_us + rule.at_least_ms * US_PER_MS if enough and record.answered_us is not None else None
    return RuleResult(since_us=since_us, read=f"lasted {record.total_ms} ms, {_ENOUGH[enough]}")


def _evaluate_in_attempt(rule: Rule, attempt: AttemptRecord, *, ended_us: int) -> RuleResult:
    answered_us = attempt.answered_us
    if rule.on is BillableOn.CONNECTED_FOR:
        enough = answered_us is not None and attempt.connected_ms >= rule.at_least_ms
        over_us = (attempt.connected_ms - rule.at_least_ms) * US_PER_MS
        passed_us = _first(attempt.talk_ended_us, attempt.ended_us, ended_us) - over_us
        return RuleResult(since_us=passed_us if enough else None, read=f"connected {attempt.connected_ms} ms, {_ENOUGH[enough]}")
    if rule.on is BillableOn.DIALED:
        return RuleResult(since_us=attempt.invited_us, read="dialled")
    if rule.on is BillableOn.ANSWERED:
        return RuleResult(since_us=answered_us, read=f"{_not(answered_us is not None)}answered")
    took = attempt.accepted is True
    return RuleResult(
        since_us=_first(attempt.talk_us, answered_us, ended_us) if took else None, read=f"{_not(took)}accepted by key"
    )


def _menu_done_us(record: CallRecord) -> int:
    """Returns the instant at which the menus were completed: they come first in a call; never later than the first line was dialled."""
    left_us = _first(record.answered_us, record.invited_us) + record.menu_ms * US_PER_MS
    return min([left_us, record.ended_us, *(attempt.invited_us for attempt in record.attempts)])


def _first(*instants_us: int | None) -> int:
    return next(at_us for at_us in instants_us if at_us is not None)


def _not(true: bool) -> str:  # noqa: FBT001
    return "" if true else "not "
