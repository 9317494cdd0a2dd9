"""Defines the result of judging a call: a verdict, and the money rows that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from switch.billing.entry_state import StateRow
from switch.call.record import CallRecord


class MoneyKind(StrEnum):
    """The kinds of money rows. Amounts are signed: a correction is a row of the same kind, with the difference."""

    REVENUE = "revenue"
    """An advertiser owes it."""
    PAYOUT = "payout"
    """A publisher earns it."""
    COST = "cost"
    """A carrier bills it to us. Apart from verdicts."""
    DEPOSIT = "deposit"
    """An advertiser paid it in advance. Belongs to no call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRow:
    """One entry of the append-only money ledger. `key` is its idempotency key: the same key is written once, whoever asks how often.

    `party` is the advertiser (revenue, deposit), publisher (payout) or trunk (cost). `at_us`: when it became true, UTC microseconds.
    `corrects`: the key of the row this one amends. `link`: the key of the row on the other side (a credit and its claw-back).
    `call_id` and `campaign` are empty where the row belongs to none. `line`: of the attempt that earned it, or empty.
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
    at_us: int = 0
    link: str | None = None
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`rule`: which rule decided, readable, e.g. `auto-quotes: connected_for >= 90000 ms`; what it read follows in `why`.

    `billable`: the advertiser's rule holds for at least one attempt. `paid`: the publisher's does. `near_miss`: talk ended by the
    advertiser within five seconds of the threshold, on either side. `states`: what the rows' entries are in, where money is held.
    """

    billable: bool
    rule: str
    why: str
    revenue_micros: int
    payout_micros: int
    rows: tuple[MoneyRow, ...] = ()
    paid: bool = False
    cost_micros: int = 0
    near_miss: bool = False
    states: tuple[StateRow, ...] = ()


class CallEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a call as the ledger keeps it. `number` counts from 1; `facts`: plain JSON values."""

    number: int
    at_us: int
    event: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCall:
    """A call that is over, as the ledger keeps it. `events`: its whole journal but the heartbeats."""

    record: CallRecord
    verdict: Verdict
    events: tuple[CallEvent, ...] = ()

    def failures(self) -> dict[int, str]:
        """Returns in words why attempts failed, by their number, where that is known."""
        return {
            leg: why
            for each in self.events
            if isinstance(why := each.facts.get("why"), str) and isinstance(leg := each.facts.get("leg"), int)
        }
