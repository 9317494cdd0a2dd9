"""Judges a call: whether it is billable, and what is owed for it (`docs/billing.md` §4). Carrier cost is worked out here too.

Each attempt is judged alone, by the terms of the campaign it was made for, on its own connected time; times are never added up. Revenue and
payout follow rules of their own. For every line whose attempt qualifies its advertiser owes revenue once. The publisher is paid once per
call: for the attempt that was first, in time, to earn something. What a rule says must be posted earns nothing here: see `posting`.

A row is dated at the instant it became true. Where a later step of a price is worth more, the rise is a row of its own that corrects the
first, so a call judged at each threshold gives the same rows as one that is judged once, when it is over. A call may be judged
as soon as somebody talks: which attempt the call as a whole is attributed to is certain by then.

The ledger only grows. Rows that are in it already are never given again and never taken back, so the figures of a verdict are what
the ledger holds of this call once the verdict's rows are in it. A call that ended in a crash is judged by the same rule, on the time that
its record has. A call refused on arrival, such as one of a paused publisher, has earned nothing, and neither has
a probe's, whatever its terms say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from switch.billing import keys
from switch.billing.entry_state import State, StateRow
from switch.billing.terms import (
    LASTING,
    POSTED,
    Accruals,
    BillableOn,
    Earned,
    Price,
    Rate,
    Rule,
    Situation,
    Terms,
    amount,
    attributed_attempt,
    earned,
    evaluate_rule,
)
from switch.billing.verdict import MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, EndedBy, FinalState

NOT_CONNECTED = "not_connected"
NO_TERMS = "no_terms"
RECORDED_EARLIER = "recorded_earlier"
PROBE = "probe"
NEAR_MISS_MS = 5_000
_MS = 1_000
_MINUTE_S = 60
DAY_US = 86_400_000_000
_REFUSED = frozenset(state for state in FinalState if state.name.startswith("REJECTED_"))


class _Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt, judged; or the call itself, where nobody was dialled. `terms` None: its campaign has none."""

    situation: Situation
    campaign: str
    terms: Terms | None
    earned: Earned

    @property
    def line(self) -> str:
        attempt = self.situation.attempt
        return "" if attempt is None else attempt.line

    @property
    def name(self) -> str:
        return self.line or "nobody dialled"

    @property
    def connected(self) -> bool:
        attempt = self.situation.attempt
        return attempt is not None and attempt.answered_us is not None


def judge(
    record: CallRecord, terms: Mapping[str, Terms], history: tuple[MoneyRow, ...] = (), *, rate: Rate | None = None
) -> Verdict:
    """Returns the verdict on a call that is over, or taken as over now. `terms` by campaign; `history`: money rows the ledger has already.

    `rate`: the trunk's, once the call is over; None: it costs nothing, or not yet.
    """
    findings = _findings(record, terms)
    earlier = tuple(row for row in history if row.call_id == record.call_id)
    rows = _new_rows(record, findings, rate=rate, earlier=earlier)
    rule, why = _explain(record, findings, earlier=earlier)
    return Verdict(
        billable=_has(MoneyKind.REVENUE, earlier) or any(amount(finding.earned.revenue) for finding in findings),
        rule=rule,
        why=why,
        revenue_micros=_sum(MoneyKind.REVENUE, (*earlier, *rows)),
        payout_micros=_sum(MoneyKind.PAYOUT, (*earlier, *rows)),
        rows=rows,
        paid=_has(MoneyKind.PAYOUT, earlier) or any(amount(finding.earned.payout) for finding in findings),
        cost_micros=_sum(MoneyKind.COST, (*earlier, *rows)),
        near_miss=not record.probe and any(_near_miss(attempt, terms.get(attempt.campaign)) for attempt in record.attempts),
        states=tuple(_held(rows, terms)),
    )


def accrued_rows(record: CallRecord, terms: Mapping[str, Terms]) -> tuple[MoneyRow, ...]:
    """Returns the rows of the verdict on a call as it stands, carrier cost apart: what is counted while it goes on."""
    return _new_rows(record, _findings(record, terms), rate=None, earlier=())


def with_final_state(record: CallRecord, verdict: Verdict) -> CallRecord:
    """Returns the record with the final state that money decides: a connected call that is billable has converted."""
    if verdict.billable and record.final_state is FinalState.CONNECTED_SHORT:
        return replace(record, final_state=FinalState.CONVERTED)
    return record


def thresholds(terms: Terms, on: BillableOn) -> tuple[int, ...]:
    """Returns the milliseconds at which money may become due by that event, ascending: `connected_for` of talk with one line, `total_for`
    since the caller was answered."""
    return tuple(sorted({rule.at_least_ms for price in _prices(terms) for rule in _rules(price) if rule.on is on}))


def accrues_by_event(terms: Terms) -> bool:
    """Whether money may become due at something else than a threshold or a posting."""
    return any(rule.on not in LASTING | POSTED for price in _prices(terms) for rule in _rules(price))


def _prices(terms: Terms) -> tuple[Price, ...]:
    return terms.revenue, terms.payout, *terms.payouts.values()


def held_until(row: MoneyRow, terms: Terms, *, key: str) -> StateRow | None:
    """Returns the state that an entry begins in by its campaign's hold, written as `key`, or None: no hold is agreed."""
    if terms.hold_days == 0:
        return None
    until_us = row.at_us + terms.hold_days * DAY_US
    reason = f"{terms.campaign}: held for {terms.hold_days} days"
    return StateRow(key=key, of=row.key, state=State.HELD, at_us=row.at_us, until_us=until_us, reason=reason)


def _held(rows: Sequence[MoneyRow], terms: Mapping[str, Terms]) -> Iterator[StateRow]:
    for row in rows:
        if row.kind is MoneyKind.COST or row.corrects is not None:
            continue
        held = held_until(row, terms[row.campaign], key=keys.held(row.key))
        if held is not None:
            yield held


def _findings(record: CallRecord, terms: Mapping[str, Terms]) -> list[_Finding]:
    if record.probe:
        return []
    if record.attempts:
        attributed = attributed_attempt(record.attempts)
        return [
            _find(attempt.campaign, terms, Situation(record=record, attempt=attempt, is_attributed=attempt is attributed))
            for attempt in record.attempts
        ]
    if record.campaign is None or record.final_state in _REFUSED:
        return []
    return [_find(record.campaign, terms, Situation(record=record, attempt=None, is_attributed=True))]


def _find(campaign: str, terms: Mapping[str, Terms], situation: Situation) -> _Finding:
    agreed = terms.get(campaign)
    worth = Earned(revenue=(), payout=()) if agreed is None else earned(agreed, situation)
    return _Finding(situation=situation, campaign=campaign, terms=agreed, earned=worth)


def _new_rows(
    record: CallRecord, findings: Sequence[_Finding], *, rate: Rate | None, earlier: Sequence[MoneyRow]
) -> tuple[MoneyRow, ...]:
    """Returns the rows to append, in the order they became true: none of zero, none that the ledger has."""
    known = {row.key for row in earlier}
    rows = [row for row in _earned_rows(record, findings) if row.key not in known]
    cost = None if rate is None else _cost(record, rate)
    if cost is not None and cost.key not in known:
        rows.append(cost)
    return tuple(sorted(rows, key=lambda row: row.at_us))


def _earned_rows(record: CallRecord, findings: Sequence[_Finding]) -> Iterator[MoneyRow]:
    """Each line owes, and the publisher is paid, once: for what was earned first, of several at once for the earlier attempt."""
    owing: dict[str, _Finding] = {}
    for finding in sorted(findings, key=lambda finding: _starts(finding.earned.revenue)):
        owing.setdefault(finding.line, finding)
    paying = min(findings, key=lambda finding: _starts(finding.earned.payout), default=None)
    for finding in findings:
        attempt = finding.situation.attempt
        if attempt is not None and owing[finding.line] is finding:
            key = keys.revenue(record.call_id, finding.line)
            yield from _entry(finding, finding.earned.revenue, kind=MoneyKind.REVENUE, key=key, party=attempt.advertiser)
        if record.publisher is not None and paying is finding:
            key = keys.payout(record.call_id)
            yield from _entry(finding, finding.earned.payout, kind=MoneyKind.PAYOUT, key=key, party=record.publisher)


def _starts(owed: Accruals) -> tuple[bool, int]:
    """Sort key: when the first amount was owed; those that never owe any come last."""
    return next(((False, each.at_us) for each in owed if each.micros), (True, 0))


def _entry(finding: _Finding, owed: Accruals, *, kind: MoneyKind, key: str, party: str) -> Iterator[MoneyRow]:
    """Yields an entry's rows: the first amount owed, then every change of it."""
    reached_micros = number = 0
    for each in owed:
        if each.micros == reached_micros:
            continue
        number += 1
        yield MoneyRow(
            key=key if number == 1 else keys.rise(key, number),
            call_id=finding.situation.record.call_id,
            kind=kind,
            party=party,
            campaign=finding.campaign,
            amount_micros=each.micros - reached_micros,
            reason=f"{finding.campaign}: {_show(each.rule)}; {finding.name}: {each.read}",
            corrects=None if number == 1 else key,
            at_us=each.at_us,
            line=finding.line,
        )
        reached_micros = each.micros


def _cost(record: CallRecord, rate: Rate) -> MoneyRow | None:
    micros = cost_micros(record.total_ms, rate)
    if not micros:
        return None
    return MoneyRow(
        key=keys.cost(record.call_id),
        call_id=record.call_id,
        kind=MoneyKind.COST,
        party=record.trunk,
        campaign=record.campaign or "",
        amount_micros=micros,
        reason=f"{record.total_ms} ms, {rate.per_minute_micros} micros a minute, {rate.initial_s} s then {rate.step_s} s",
        at_us=record.ended_us,
    )


def _near_miss(attempt: AttemptRecord, terms: Terms | None) -> bool:
    """Talk ended by the advertiser this close to a threshold is the signature of gaming (`docs/billing.md` §4)."""
    if terms is None or attempt.ended_by is not EndedBy.LINE or attempt.answered_us is None:
        return False
    thresholds_ms = (rule.at_least_ms for rule in _rules(terms.revenue) if rule.on is BillableOn.CONNECTED_FOR)
    return any(abs(attempt.connected_ms - threshold_ms) <= NEAR_MISS_MS for threshold_ms in thresholds_ms)


def _explain(record: CallRecord, findings: Sequence[_Finding], *, earlier: Sequence[MoneyRow]) -> tuple[str, str]:
    """Returns the deciding rule and what it read: the advertiser's if it holds for an attempt, else the publisher's if that one does."""
    if record.probe:
        return PROBE, "the call is a probe's: it earns nothing"
    told = [finding for finding in findings if finding.connected or finding.earned.revenue or finding.earned.payout]
    why = "; ".join(_tell(finding) for finding in told) or f"none of {len(record.attempts)} attempts connected"
    for finding in told:
        if finding.earned.revenue:
            return _decided(finding.campaign, finding.earned.revenue), why
    for finding in told:
        if finding.earned.payout:
            return _decided(f"{finding.campaign}: payout", finding.earned.payout), why
    money = [row.key for row in earlier if row.kind is not MoneyKind.COST]
    if money:
        return RECORDED_EARLIER, f"{why}; the ledger has {', '.join(money)}"
    return (_undecided(told[-1]) if told else NOT_CONNECTED), why


def _decided(whose: str, owed: Accruals) -> str:
    """Returns the rule that made the last change of the amount."""
    before = (0, *(each.micros for each in owed))
    changes = [each.rule for each, micros in zip(owed, before, strict=False) if each.micros != micros]
    return f"{whose}: {_show(changes[-1] if changes else owed[0].rule)}"


def _undecided(finding: _Finding) -> str:
    if finding.terms is None:
        return f"{finding.campaign}: {NO_TERMS}"
    return f"{finding.campaign}: {' | '.join(_show(rule) for rule in _rules(finding.terms.revenue))}"


def _tell(finding: _Finding) -> str:
    """Describes one attempt: what the advertiser's rule read, what the publisher's did where it is another, and what prevented them."""
    if finding.terms is None:
        return f"{finding.name}: campaign {finding.campaign} has no terms"
    parts = [_read(finding.terms.revenue, finding.situation)]
    publisher = finding.situation.record.publisher
    if publisher is not None and _rules(finding.terms.payout_of(publisher)) != _rules(finding.terms.revenue):
        parts.append(f"payout {_read(finding.terms.payout_of(publisher), finding.situation)}")
    return f"{finding.name}: {', '.join((*parts, *finding.earned.notes))}"


def _read(price: Price, situation: Situation) -> str:
    rules = _rules(price)
    if len(rules) == 1:
        return evaluate_rule(rules[0], situation).read
    return " / ".join(f"{_show(rule)}: {evaluate_rule(rule, situation).read}" for rule in rules)


def _rules(price: Price) -> tuple[Rule, ...]:
    return tuple(step.rule for step in price.steps)


def _show(rule: Rule) -> str:
    return f"{rule.on} >= {rule.at_least_ms} ms" if rule.on in LASTING else rule.on.value


def _has(kind: MoneyKind, rows: Sequence[MoneyRow]) -> bool:
    return any(row.kind is kind and row.amount_micros > 0 for row in rows)


def _sum(kind: MoneyKind, rows: Sequence[MoneyRow]) -> int:
    return sum(row.amount_micros for row in rows if row.kind is kind)


def cost_micros(total_ms: int, rate: Rate) -> int:
    """Returns the carrier's cost of `total_ms` of a call, whole micros, rounded up. A call that was never answered costs nothing."""
    if total_ms <= 0:
        return 0
    return _ceil(billed_s(total_ms, rate) * rate.per_minute_micros, _MINUTE_S)


def billed_s(total_ms: int, rate: Rate) -> int:
    """Returns the seconds billed: the first increment whole, then every one that was begun."""
    beyond_ms = max(0, total_ms - rate.initial_s * _MS)
    return rate.initial_s + _ceil(beyond_ms, rate.step_s * _MS) * rate.step_s


def _ceil(amount: int, unit: int) -> int:
    return -(-amount // unit)
