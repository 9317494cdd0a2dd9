"""Knows how opening hours are compiled."""

from routing.table import Block, Hours
from switch.settings.harmony.hours import cut
from switch.settings.model.document import Hours as HoursModel
from switch.settings.value import day_range


def hours_of(hours: HoursModel) -> Hours:
    """Blocks cut at midnight and sorted, so that equal hours are equal however they are written."""
    pieces = sorted(
        piece
        for key, blocks in hours.days.items()
        for day in day_range(key)
        for start, end in blocks
        for piece in cut(day, start, end)
    )
    return Hours(
        zone=hours.zone,
        blocks=tuple(Block(weekday=day, start_minute=start, end_minute=end) for day, start, end in pieces),
        calendars=tuple(sorted(set(hours.holidays))),
        dates={day: tuple(sorted(blocks)) for day, blocks in sorted(hours.dates.items())},
    )
