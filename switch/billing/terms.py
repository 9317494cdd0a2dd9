"""Defines the terms of a campaign: what its advertisers owe and its publishers earn, and when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

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
class Step:
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

    steps: tuple[Step, ...]
    tiers: Tiers = Tiers.HIGHEST
    percent_bp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Revenue: the advertiser owes. Payout: the publisher earns. Two independent rules.

    `payouts`: per-publisher prices that stand in for `payout`. `requires_revenue`: no payout where no revenue is owed.
    `hold_days`: how long money of this campaign is held before it is approved. `repeat_bill`, `repeat_pay`: whether a repeat caller is
    owed and earned for. `dispositions`: by code, the share of the price it is worth in percent.
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

    def payout_of(self, publisher: str) -> Price:
        return self.payouts.get(publisher, self.payout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A carrier's rate: `per_minute_micros` by the second, at least `initial_s`, then in steps of `step_s`, rounded up."""

    per_minute_micros: int
    initial_s: int = 6
    step_s: int = 6
