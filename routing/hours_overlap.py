"""PURE. Compares opening hours with each other: whether two are ever open together, and when several are all closed.

Only ordinary weeks are compared, one of winter and one of summer: clocks are changed between the two, wherever they are changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from routing.hours import MINUTES_PER_HOUR, US_PER_S, is_open, local_text
from routing.table import Hours
from routing.zone import time_zone

DAY_MINUTES = 24 * MINUTES_PER_HOUR
WEEK_MINUTES = 7 * DAY_MINUTES
S_PER_MINUTE = 60
MONDAYS = (datetime.fromisoformat("2026-01-26"), datetime.fromisoformat("2026-07-20"))


def may_meet(one: Hours, other: Hours) -> bool:
    """Whether both may be open at one time. Hours of single dates are not compared: they count as meeting."""
    if any(one.dates.values()) or any(other.dates.values()):
        return True
    return any(
        _overlap(start - shift, end - shift, *theirs)
        for shift in _shifts(one.zone, other.zone)
        for start, end in _of_week(one)
        for theirs in _of_week(other)
    )


def all_closed(all_hours: Sequence[Hours]) -> str | None:
    """A time of an ordinary week at which none is open, such as `Fri 18:00 America/New_York`; None: there is none, or it is not certain,
    since some have hours on single dates."""
    if any(any(hours.dates.values()) for hours in all_hours):
        return None
    ordinary = [replace(hours, calendars=(), dates={}) for hours in all_hours]
    closings = ((hours, at_us) for hours in ordinary for at_us in _closings(hours))
    return next((local_text(hours, at_us) for hours, at_us in closings if not any(is_open(each, at_us) for each in ordinary)), None)


def _closings(hours: Hours) -> Iterator[int]:
    """The instants at which they close, UTC microseconds. Hours that never open close on Monday."""
    for weekday, minute in [(block.weekday, block.end_minute) for block in hours.blocks] or [(0, 0)]:
        for monday in MONDAYS:
            local = (monday + timedelta(days=weekday, minutes=minute)).replace(tzinfo=time_zone(hours.zone))
            yield int(local.timestamp()) * US_PER_S


def _of_week(hours: Hours) -> list[tuple[int, int]]:
    """Minutes of the local week."""
    days = ((block.weekday * DAY_MINUTES, block) for block in hours.blocks)
    return [(day + block.start_minute, day + block.end_minute) for day, block in days]


def _overlap(start: int, end: int, other_start: int, other_end: int) -> bool:
    """Whether two intervals of the week overlap; the week wraps around."""
    return any(start + turn < other_end and other_start < end + turn for turn in (-WEEK_MINUTES, 0, WEEK_MINUTES))


def _shifts(one: str, other: str) -> set[int]:
    """How many minutes the clocks of one zone may be ahead of those of another. Not all change them on one day."""
    if one == other:
        return {0}
    return {first - second for first in _offsets(one) for second in _offsets(other)}


def _offsets(zone: str) -> set[int]:
    ahead = (monday.replace(tzinfo=time_zone(zone)).utcoffset() for monday in MONDAYS)
    return {int(offset.total_seconds()) // S_PER_MINUTE for offset in ahead if offset is not None}
