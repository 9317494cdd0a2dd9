"""Whether opening hours are open at an instant, why they are not, and how the instant reads on the wall clock of their zone.

The instant is passed in. Time zone rules are those of `routing.zone`.
Public holidays are those of the `holidays` library, observed ones included, kept per calendar and year. The library takes about
0.2 s when it is first asked and a calendar up to 0.1 s; `known_calendar` pays for both, so ask it before calls come. Another year of a
known calendar is 1 ms.

A date with hours of its own goes by them and by nothing else, holiday or not. On other dates the weekly blocks hold, save on holidays,
which are closed from midnight to midnight. Dates are local: a night that is written as two blocks is open or closed on each
of its two dates by that date's own rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from routing.table import Hours
from routing.zone import time_zone

US_PER_S = 1_000_000
MINUTES_PER_HOUR = 60
COMPARED_YEARS = range(2026, 2029)
"""Three years hold every weekday that a holiday may fall on, so every observed day."""
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class WallClock:
    """What people in a zone read: weekday (0 is Monday), minute of the day by the clock's face, date as `2026-12-24`."""

    weekday: int
    minute: int
    date: str


def is_open(hours: Hours, utc_us: int) -> bool:
    """Whether `hours` are open at the instant `utc_us` (microseconds since 1970 UTC).

    Blocks are read on the wall clock of the zone, so that 09:00 stays 09:00 when clocks change: an hour that is skipped in spring
    never opens, an hour that comes twice in autumn opens twice. The start minute is inside, the end minute is not.
    """
    clock = wall_clock(hours.zone, utc_us)
    own = hours.dates.get(clock.date)
    if own is not None:
        return any(start <= clock.minute < end for start, end in own)
    return _in_week(hours, clock) and holiday_on(hours.calendars, clock.date) is None


def why_closed(hours: Hours, utc_us: int) -> str | None:
    """In words for the trail: `holiday Thanksgiving Day (US)`, `closed on 2026-12-31`, or which hours do not hold; None: it is open."""
    if is_open(hours, utc_us):
        return None
    clock = wall_clock(hours.zone, utc_us)
    own = hours.dates.get(clock.date)
    if own is not None:
        return f"outside the hours of {clock.date}" if own else f"closed on {clock.date}"
    return holiday_on(hours.calendars, clock.date) or "outside weekly hours"


def known_calendar(text: str) -> bool:
    """Whether there is such a calendar of public holidays: a country `US`, or with its part `US-TX` (ISO 3166)."""
    import holidays  # noqa: PLC0415 - 0.2 s, and only for those who keep holidays

    country, dash, part = text.partition("-")
    parts = holidays.list_supported_countries(include_aliases=False).get(country)
    if parts is None or (dash and part not in parts):
        return False
    holidays.country_holidays(country, subdiv=part or None)
    return True


def local_text(hours: Hours, utc_us: int) -> str:
    """The instant as people in the zone read it, e.g. `Mon 18:02 America/New_York`."""
    clock = wall_clock(hours.zone, utc_us)
    hour, minute = divmod(clock.minute, MINUTES_PER_HOUR)
    return f"{_DAY_NAMES[clock.weekday]} {hour:02d}:{minute:02d} {hours.zone}"


@lru_cache(maxsize=64)  # fifty lines in one zone ask for one instant
def wall_clock(zone: str, utc_us: int) -> WallClock:
    """What the instant reads in the IANA zone. Whole seconds, floored: no float comes near a boundary."""
    local = datetime.fromtimestamp(utc_us // US_PER_S, time_zone(zone))
    return WallClock(weekday=local.weekday(), minute=local.hour * MINUTES_PER_HOUR + local.minute, date=local.date().isoformat())


def _in_week(hours: Hours, clock: WallClock) -> bool:
    weekday, minute = clock.weekday, clock.minute
    for block in hours.blocks:  # noqa: SIM110 - asked fifty times a call; `any` takes twice as long
        if block.weekday == weekday and block.start_minute <= minute < block.end_minute:
            return True
    return False


@lru_cache(maxsize=256)
def holiday_on(calendars: tuple[str, ...], date: str) -> str | None:
    """The holiday of the first calendar that keeps one on the local `date`, e.g. `holiday Thanksgiving Day (US)`."""
    for calendar in calendars:
        name = holidays_of(calendar, int(date[:4])).get(date)
        if name is not None:
            return f"holiday {name} ({calendar})"
    return None


@lru_cache(maxsize=256)
def holidays_of_country_alone(calendar: str) -> Mapping[str, str]:
    """Holidays that a country keeps and its part `calendar` does not, with the first such date, e.g. `Columbus Day`: `2026-10-12`."""
    country, found = calendar.partition("-")[0], dict[str, str]()
    for year in COMPARED_YEARS:
        kept = holidays_of(calendar, year)
        for day, name in sorted(holidays_of(country, year).items()):
            if day not in kept:
                found.setdefault(name, day)
    return found


@lru_cache(maxsize=256)
def holidays_of(calendar: str, year: int) -> Mapping[str, str]:
    """Names of the holidays of one year by date (`2026-07-03`), observed days included. `calendar`: one that `known_calendar` knows."""
    import holidays  # noqa: PLC0415 - 0.2 s, and only for those who keep holidays

    country, _, part = calendar.partition("-")
    kept = holidays.country_holidays(country, subdiv=part or None, years=year)
    return {date.isoformat(): name for date, name in kept.items()}
