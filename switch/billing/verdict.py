"""Knows what judging a call gives: a verdict, and the money rows that follow from it. Does not judge and does not store."""

from dataclasses import dataclass
from enum import StrEnum

from switch.call.record import CallRecord


class MoneyKind(StrEnum):
    REVENUE = "revenue"
    PAYOUT = "payout"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRow:
    """One entry of the append-only money ledger. `key` is its idempotency key: the same key is written once, whoever asks how often.

    `party` is the advertiser (revenue) or publisher (payout). `corrects`: the key of the row this one amends.
    """

    key: str
    call_id: str
    kind: MoneyKind
    party: str
    campaign: str
    amount_micros: int
    reason: str
    actor: str = "switch"
    corrects: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`rule`: which rule decided, readable, e.g. `auto-quotes: connected_for >= 90000 ms`; what it read follows in `why`."""

    billable: bool
    rule: str
    why: str
    revenue_micros: int
    payout_micros: int
    rows: tuple[MoneyRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCall:
    """What the ledger keeps of a call that is over."""

    record: CallRecord
    verdict: Verdict
