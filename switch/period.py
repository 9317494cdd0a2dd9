"""Defines the time that a question about calls covers, and parses it: local days of a zone, or from one instant to another. Does not
read the clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from routing.zone import DEFAULT_ZONE, Zone, time_zone, zone_of_most

if TYPE_CHECKING:
    from switch.engine.plan import Plan

HOUR_US = 3_600_000_000
FIRST_YEAR, LAST_YEAR = 1900, 2999
EVER_US = (-(2**62), 2**62)
"""Before and after all of those years."""
MAX_TIME = len("15:00:00")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadInstant(Exception):
    """A text that is no instant or no zone, or two instants in the wrong order; it says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Calls invited in [from, to), UTC microseconds. `zone`: IANA, of its days."""

    from_us: int = EVER_US[0]
    to_us: int = EVER_US[1]
    zone: str = DEFAULT_ZONE

    @property
    def has_start(self) -> bool:
        return self.from_us != EVER_US[0]

    @property
    def has_end(self) -> bool:
        return self.to_us != EVER_US[1]


def parse_period(start: str | None, end: str | None, *, zone: str, options: tuple[str, str] = ("--from", "--to")) -> Period:
    """From `start` to `end`, each as `instant_us` reads it; None: without a bound. `options`: where the two were given.

    Raises BadInstant.
    """
    clock_of(zone)
    from_us = EVER_US[0] if start is None else instant_us(start, zone=zone, option=options[0])
    to_us = EVER_US[1] if end is None else instant_us(end, zone=zone, option=options[1])
    if from_us >= to_us:
        raise BadInstant(f"{options[0]} {start} is not before {options[1]} {end}, which is not included itself")
    return Period(from_us=from_us, to_us=to_us, zone=zone)


def days(at_us: int, count: int, *, zone: str) -> Period:
    """So many local days, beginning with that of the instant. Raises BadInstant."""
    clock = clock_of(zone)
    first = datetime.fromtimestamp(at_us // 1_000_000, clock).date()
    begin, end = (_us(datetime(day.year, day.month, day.day, tzinfo=clock)) for day in (first, first + timedelta(days=count)))
    return Period(from_us=begin, to_us=end, zone=zone)


def instant_us(text: str, *, zone: str, option: str) -> int:
    """UTC microseconds of `2026-11-18` (its local midnight), `2026-11-18T14:00`, or with an offset of its own. `option`: where it was
    given. A local time of day that the clocks skip, or that comes twice, is refused; the beginning of a day is always one instant.

    Raises BadInstant.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInstant(f"{option}: {text!r} is no instant: write 2026-11-18, or 2026-11-18T14:00") from error
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BadInstant(f"{option}: {text!r}: years are from {FIRST_YEAR} to {LAST_YEAR}")
    if found.tzinfo is not None:
        return _us(found)
    first, second = (found.replace(tzinfo=clock_of(zone), fold=fold) for fold in (0, 1))
    if _us(first) != _us(second) and found.time() != time.min:
        happens = "is skipped by" if _us(first) > _us(second) else "comes twice with"
        raise BadInstant(f"{option}: {text} {happens} the clocks of {zone}: write it with its offset, such as -05:00")
    return _us(first)


def next_us(text: str, *, after_us: int, zone: str, option: str) -> int:
    """UTC microseconds of an instant as `instant_us` reads it, or of a local time of day, `15:00`: the next one after that instant.

    Raises BadInstant.
    """
    try:
        wanted = time.fromisoformat(text) if ":" in text and len(text) <= MAX_TIME else None
    except ValueError as error:
        raise BadInstant(f"{option}: {text!r} is no time of day: write 15:00, or 2026-11-18T14:00") from error
    if wanted is None or wanted.tzinfo is not None:
        return instant_us(text, zone=zone, option=option)
    today = datetime.fromtimestamp(after_us // 1_000_000, clock_of(zone)).date()
    found = instant_us(f"{today}T{wanted}", zone=zone, option=option)
    return found if found > after_us else instant_us(f"{today + timedelta(days=1)}T{wanted}", zone=zone, option=option)


def clock_of(zone: str) -> Zone:
    """Raises BadInstant."""
    try:
        return time_zone(zone)
    except KeyError as error:
        raise BadInstant(f"--zone: there is no time zone {zone!r}; one is America/New_York") from error


def local_text(at_us: int, zone: str) -> str:
    """`2026-11-18 14:00:00`: whole seconds, on the clocks of the zone."""
    return f"{datetime.fromtimestamp(at_us // 1_000_000, time_zone(zone)):%Y-%m-%d %H:%M:%S}"


def zone_of(plan: "Plan") -> str:
    """The zone that most campaigns keep; UTC where there is none (`routing.zone.zone_of_most`)."""
    return zone_of_most((each.zone, each.hours.zone if each.hours else None) for each in plan.table.campaigns.values())


def _us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
