"""Knows what a campaign's parties agreed on. Does not judge: that is `switch.billing.judge`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class BillableOn(StrEnum):
    """The event that makes a call billable (`billing.md` §2). Only `connected_for` is served yet; settings refuse the rest."""

    CONNECTED_FOR = "connected_for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Billable at `at_least_ms` (>=, in milliseconds, > 0). Revenue: the advertiser owes. Payout: the publisher earns.

    `payouts`: per-publisher prices that stand in for `payout_micros`.
    """

    campaign: str
    on: BillableOn = BillableOn.CONNECTED_FOR
    at_least_ms: int
    revenue_micros: int
    payout_micros: int
    payouts: Mapping[str, int] = field(default_factory=dict)
