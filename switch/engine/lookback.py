"""Knows how far back a plan looks: what a starting switch has to learn from its ledger before it may take calls. Does not read it.

A busy ledger takes a minute to be added up in full, and a start is a minute of refused calls: so only what some cap or repeat rule asks
for is read. A reload that looks further back waits for the rest.
"""

from dataclasses import dataclass

from routing.cap import Per
from routing.window import start_us
from switch.engine.plan import Plan

US_PER_MS = 1_000
_WINDOWS = frozenset({Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """`counts_us`: from when on what was counted is needed quarter by quarter. `ever`: how much there was in all is needed too.

    `paid_us`: from when on paid conversions make callers repeats.
    """

    counts_us: int
    ever: bool
    paid_us: int

    def covers(self, other: "Lookback") -> bool:
        """Whether who knows this much knows all that `other` asks for."""
        return self.counts_us <= other.counts_us and self.paid_us <= other.paid_us and (self.ever or not other.ever)

    def along_with(self, other: "Lookback") -> "Lookback":
        """What covers both."""
        return Lookback(
            counts_us=min(self.counts_us, other.counts_us),
            ever=self.ever or other.ever,
            paid_us=min(self.paid_us, other.paid_us),
        )


def lookback_of(plan: Plan, now_us: int) -> Lookback:
    """What calls decided by `plan` from `now_us` on may ask about. Windows move on, so it is enough for later too."""
    caps = list(plan.table.caps())
    windows = (start_us(cap.per, cap.zone, now_us) for cap in caps if cap.per in _WINDOWS)
    resets = (cap.since_us for cap in caps if cap.per is Per.TOTAL and cap.since_us)
    repeats = (campaign.repeat.window_ms * US_PER_MS for campaign in plan.table.campaigns.values() if campaign.repeat is not None)
    return Lookback(
        counts_us=max(0, min((*windows, *resets), default=now_us)),
        ever=any(cap.per is Per.BALANCE or (cap.per is Per.TOTAL and not cap.since_us) for cap in caps),
        paid_us=max(0, now_us - max(repeats, default=0)),
    )
