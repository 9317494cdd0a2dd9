"""Knows how opening hours are compiled."""

from routing.table import Block, Hours
from switch.settings.model.document import HoursConfig, pieces


def hours_of(hours: HoursConfig) -> Hours:
    """Blocks cut at midnight and sorted, so that equal hours are equal however they are written."""
    week = sorted((day, start, end) for day, start, end, _ in pieces(hours.days))
    return Hours(
        zone=hours.zone,
        blocks=tuple(Block(weekday=day, start_minute=start, end_minute=end) for day, start, end in week),
        calendars=tuple(sorted(set(hours.holidays))),
        dates={day: tuple(sorted(blocks)) for day, blocks in sorted(hours.dates.items())},
    )
