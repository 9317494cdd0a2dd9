"""Knows when a call is billable and what is owed for it (`billing.md` §2). Does not know how time was measured or rows are kept.

Each attempt is judged alone, by the terms of the campaign it was made for, on its own connected time; times are never added up.
For every line that qualifies its advertiser owes revenue once. The publisher is paid once per call: for the first attempt that
qualifies and pays. A call that ended in a crash is judged by the same rule, on the time that its record has.

The ledger only grows. Rows that are in it already are never given again and never taken back, so the figures of a verdict are what
the ledger holds of this call once the verdict's rows are in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from switch.billing.terms import BillableOn, Terms
from switch.billing.verdict import MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, FinalState

NOT_CONNECTED = "not_connected"
NO_TERMS = "no_terms"
RECORDED_EARLIER = "recorded_earlier"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """One connected attempt, judged. `terms` None: its campaign has none."""

    attempt: AttemptRecord
    terms: Terms | None
    qualifies: bool
    rule: str
    why: str


def judge(record: CallRecord, terms: Mapping[str, Terms], history: tuple[MoneyRow, ...] = ()) -> Verdict:
    """The verdict on a call that is over. `terms` by campaign; `history`: money rows the ledger has already."""
    findings = [_find(attempt, terms.get(attempt.campaign)) for attempt in record.attempts if attempt.answered_us is not None]
    earlier = [row for row in history if row.call_id == record.call_id]
    rows = _new_rows(record, findings, earlier=earlier)
    rule, why = _explain(record, findings, earlier=earlier)
    return Verdict(
        billable=bool(earlier) or any(finding.qualifies for finding in findings),
        rule=rule,
        why=why,
        revenue_micros=_sum(MoneyKind.REVENUE, (*earlier, *rows)),
        payout_micros=_sum(MoneyKind.PAYOUT, (*earlier, *rows)),
        rows=rows,
    )


def settle(record: CallRecord, verdict: Verdict) -> CallRecord:
    """The record with the word that money decides: a connected call that is billable has converted."""
    if verdict.billable and record.final_state is FinalState.CONNECTED_SHORT:
        return replace(record, final_state=FinalState.CONVERTED)
    return record


def _find(attempt: AttemptRecord, terms: Terms | None) -> _Finding:
    if terms is None:
        why = f"{attempt.line}: campaign {attempt.campaign} has no terms"
        return _Finding(attempt=attempt, terms=None, qualifies=False, rule=f"{attempt.campaign}: {NO_TERMS}", why=why)
    match terms.on:
        case BillableOn.CONNECTED_FOR:
            enough = attempt.connected_ms >= terms.at_least_ms
            rule = f"{terms.campaign}: {terms.on} >= {terms.at_least_ms} ms"
            why = f"{attempt.line}: connected {attempt.connected_ms} ms, {'enough' if enough else 'too short'}"
            return _Finding(attempt=attempt, terms=terms, qualifies=enough, rule=rule, why=why)
        case unknown:
            assert_never(unknown)


def _explain(record: CallRecord, findings: Sequence[_Finding], *, earlier: Sequence[MoneyRow]) -> tuple[str, str]:
    """The rule that decided and what it read: the first attempt that qualified, else the last one that connected."""
    why = "; ".join(finding.why for finding in findings) or f"none of {len(record.attempts)} attempts connected"
    for finding in findings:
        if finding.qualifies:
            return finding.rule, why
    if earlier:
        return RECORDED_EARLIER, f"{why}; the ledger has {', '.join(row.key for row in earlier)}"
    return (findings[-1].rule if findings else NOT_CONNECTED), why


def _new_rows(record: CallRecord, findings: Sequence[_Finding], *, earlier: Sequence[MoneyRow]) -> tuple[MoneyRow, ...]:
    """The rows to append: per key the first one earned, none of zero, none that the ledger has."""
    rows: dict[str, MoneyRow] = {}
    for finding in findings:
        for row in _earned(record, finding):
            if row.amount_micros:
                rows.setdefault(row.key, row)
    known = {row.key for row in earlier}
    return tuple(row for row in rows.values() if row.key not in known)


def _earned(record: CallRecord, finding: _Finding) -> Iterator[MoneyRow]:
    """What one attempt earns by itself."""
    if finding.terms is None or not finding.qualifies:
        return
    attempt, terms = finding.attempt, finding.terms
    reason = f"{finding.rule}; {finding.why}"
    yield MoneyRow(
        key=f"{record.call_id}/revenue/{attempt.line}",
        call_id=record.call_id,
        kind=MoneyKind.REVENUE,
        party=attempt.advertiser,
        campaign=attempt.campaign,
        amount_micros=terms.revenue_micros,
        reason=reason,
    )
    if record.publisher is None:
        return
    yield MoneyRow(
        key=f"{record.call_id}/payout",
        call_id=record.call_id,
        kind=MoneyKind.PAYOUT,
        party=record.publisher,
        campaign=attempt.campaign,
        amount_micros=terms.payouts.get(record.publisher, terms.payout_micros),
        reason=reason,
    )


def _sum(kind: MoneyKind, rows: Sequence[MoneyRow]) -> int:
    return sum(row.amount_micros for row in rows if row.kind is kind)
