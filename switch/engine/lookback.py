"""Computes how far back a plan looks: what a starting switch must read from its ledger before it may take calls. It does not read it.

A busy ledger takes a minute to sum in full, and calls are refused meanwhile: so only what some cap or repeat rule needs
is read. A reload that looks further back waits for the rest.
"""

from dataclasses import dataclass

from routing.cap import Per
from routing.window import start_us
from switch.engine.plan import Plan

US_PER_MS = 1_000
_WINDOWS = frozenset({Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """`counts_us`: from when on counts are needed by quarter. `ever`: the sum of all time is needed too.

    `paid_us`: from when on paid conversions make callers repeats.
    """

    counts_us: int
    ever: bool
    paid_us: int

    def covers(self, other: "Lookback") -> bool:
        """Returns whether this lookback includes `other`."""
        return self.counts_us <= other.counts_us and self.paid_us <= other.paid_us and (self.ever or not other.ever)

    def along_with(self, other: "Lookback") -> "Lookback":
        """Returns the lookback that covers both."""
        return Lookback(
            counts_us=min(self.counts_us, other.counts_us),
            ever=self.ever or other.ever,
            paid_us=min(self.paid_us, other.paid_us),
        )


def lookback_of(plan: Plan, now_us: int) -> Lookback:
    """Returns the lookback of calls decided by `plan` from `now_us` on. Windows only move forward, so it is enough for later calls too."""
    caps = list(plan.table.caps())
    windows = (start_us(cap.per, cap.zone, now_us) for cap in caps if cap.per in _WINDOWS)
    resets = (cap.since_us for cap in caps if cap.per is Per.TOTAL and cap.since_us)
    repeats = (campaign.repeat.window_ms * US_PER_MS for campaign in plan.table.campaigns.values() if campaign.repeat is not None)
    return Lookback(
        counts_us=max(0, min((*windows, *resets), default=now_us)),
        ever=any(cap.per is Per.BALANCE or (cap.per is Per.TOTAL and not cap.since_us) for cap in caps),
        paid_us=max(0, now_us - max(repeats, default=0)),
    )
