"""Knows whether weekly hours are open at an instant, and how that instant reads on the wall clock of their zone.

Does not know what is opened by them, nor what time it is: the instant is passed in. Zone files are read by `zoneinfo`, once each.
"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from routing.table import Hours

US_PER_S = 1_000_000
MINUTES_PER_HOUR = 60
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def is_open(hours: Hours, utc_us: int) -> bool:
    """Whether a block of `hours` holds the instant `utc_us` (microseconds since 1970 UTC).

    Blocks are read on the wall clock of the zone, so that 09:00 stays 09:00 when clocks change: an hour that is skipped in spring
    never opens, an hour that comes twice in autumn opens twice. The start minute is inside, the end minute is not.
    """
    weekday, hour, minute = _wall_clock(hours.zone, utc_us // US_PER_S)
    minute += hour * MINUTES_PER_HOUR
    return any(block.start_minute <= minute < block.end_minute for block in hours.blocks if block.weekday == weekday)


def local_text(hours: Hours, utc_us: int) -> str:
    """The instant as people in the zone read it, e.g. `Mon 18:02 America/New_York`."""
    weekday, hour, minute = _wall_clock(hours.zone, utc_us // US_PER_S)
    return f"{_DAY_NAMES[weekday]} {hour:02d}:{minute:02d} {hours.zone}"


@lru_cache(maxsize=64)  # fifty lines in one zone ask for one instant
def _wall_clock(zone: str, utc_s: int) -> tuple[int, int, int]:
    """Weekday (0 is Monday), hour and minute in `zone`. Whole seconds, floored: no float comes near a boundary."""
    local = datetime.fromtimestamp(utc_s, ZoneInfo(zone))
    return local.weekday(), local.hour, local.minute
