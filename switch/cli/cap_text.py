"""How caps look to a person: how full they are, as a number and as a bar."""

from routing.cap import Counts, Per
from switch.billing.money import show_micros
from switch.engine.live_view import CapStatus

NEARLY = 0.75
"""From this share on a cap is said to be nearly full."""
BAR = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"
_GAUGES = frozenset({Per.BALANCE, Per.SPACING})
"""What these count is no share of their limit: a balance is what is left, and of a spacing one is too soon or not."""


def share(cap: CapStatus) -> float:
    """Returns how full it is, 1.0 and more: full. One that takes nothing is full."""
    if cap.per in _GAUGES:
        return 1.0 if cap.used >= cap.limit else 0.0
    return cap.used / cap.limit if cap.limit > 0 else 1.0


def is_nearly_full(cap: CapStatus) -> bool:
    return cap.per is not Per.SPACING and share(cap) >= NEARLY


def percent(cap: CapStatus) -> str:
    """Returns how full it is, rounded down, so that 100 % is full; of a balance what is left."""
    if cap.per is Per.BALANCE:
        return f"{show_micros(cap.limit - cap.used)} left"
    return f"{int(100 * share(cap))} %"


def used(cap: CapStatus) -> str:
    """Returns `3/5`, `950.00/1000.00`; of a balance what is left, of a spacing whether it is too soon for the next."""
    if cap.per is Per.BALANCE:
        return percent(cap)
    if cap.per is Per.SPACING:
        return "too soon" if cap.used else "free"
    if cap.counts is Counts.REVENUE:
        return f"{show_micros(cap.used)}/{show_micros(cap.limit)}"
    return f"{cap.used}/{cap.limit}"


def counted(cap: CapStatus) -> str:
    """Returns what it counts: `attempts at once`, `revenue a day`."""
    what = "revenue" if cap.counts is Counts.REVENUE else f"{cap.counts}s"
    match cap.per:
        case Per.CONCURRENCY:
            return f"{what} at once"
        case Per.SPACING:
            return f"time between {what}"
        case Per.TOTAL:
            return f"{what} in all"
        case Per.BALANCE:
            return "prepaid balance"
        case _:
            return f"{what} {'an' if cap.per is Per.HOUR else 'a'} {cap.per}"


def bar(cap: CapStatus) -> str:
    """Returns `BAR` columns, filled as far as it is full; nothing for what has no share."""
    if cap.per in _GAUGES:
        return ""
    eighths = min(8 * BAR, int(8 * BAR * share(cap)))
    whole, rest = divmod(eighths, 8)
    drawn = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return drawn + "·" * (BAR - len(drawn))
