"""Defines the time that a simulation or replay covers: local days of a zone, or from one instant to another. Does not read the clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from routing.zone import Zone, time_zone, zone_of_most

if TYPE_CHECKING:
    from switch.engine.plan import Plan

HOUR_US = 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadInstant(Exception):
    """A text that is no instant; it says how one looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """[from, to), UTC microseconds. `zone`: IANA, of its days."""

    from_us: int
    to_us: int
    zone: str


def days(first: datetime, count: int, *, zone: str) -> Period:
    """So many local days. `first`: any instant of the first one."""
    clock = clock_of(zone)
    local = first.astimezone(clock).date()
    begin = datetime(local.year, local.month, local.day, tzinfo=clock)
    last = local + timedelta(days=count)
    return Period(from_us=instant_us(begin), to_us=instant_us(datetime(last.year, last.month, last.day, tzinfo=clock)), zone=zone)


def instant(text: str, *, zone: str) -> datetime:
    """`2026-11-18` (its local midnight), `2026-11-18T14:00`, or with a zone of its own. Raises BadInstant."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInstant(f"{text!r} is no instant: write 2026-11-18, or 2026-11-18T14:00") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=clock_of(zone))


def clock_of(zone: str) -> Zone:
    """Raises BadInstant."""
    try:
        return time_zone(zone)
    except KeyError as error:
        raise BadInstant(f"--zone: there is no time zone {zone!r}; one is America/New_York") from error


def local_text(at_us: int, zone: str) -> str:
    """`2026-11-18 14:00:00`: whole seconds, on the clocks of the zone."""
    return f"{datetime.fromtimestamp(at_us // 1_000_000, time_zone(zone)):%Y-%m-%d %H:%M:%S}"


def instant_us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def zone_of(plan: "Plan") -> str:
    """The zone that most campaigns keep; UTC where there is none (`routing.zone.zone_of_most`)."""
    return zone_of_most((each.zone, each.hours.zone if each.hours else None) for each in plan.table.campaigns.values())
