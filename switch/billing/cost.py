"""Knows what a carrier bills us for a call (`docs/billing.md` §7). Does not know which call or carrier."""

from switch.billing.terms import Rate

_MS = 1_000
_MINUTE_S = 60


def cost_micros(total_ms: int, rate: Rate) -> int:
    """What `total_ms` of a call cost, whole micros, rounded up. A call that was never answered costs nothing."""
    if total_ms <= 0:
        return 0
    return _ceil(billed_s(total_ms, rate) * rate.per_minute_micros, _MINUTE_S)


def billed_s(total_ms: int, rate: Rate) -> int:
    """The seconds billed: the first increment whole, then every one that was begun."""
    beyond_ms = max(0, total_ms - rate.initial_s * _MS)
    return rate.initial_s + _ceil(beyond_ms, rate.step_s * _MS) * rate.step_s


def _ceil(amount: int, unit: int) -> int:
    return -(-amount // unit)
