"""Knows what opening hours must be in harmony with: each other."""

from collections.abc import Iterator

from switch.settings import value as v
from switch.settings.harmony.found import Found, attempt
from switch.settings.names import listed, mapping
from switch.settings.source import KeyPath, Value
from switch.settings.value import Unfit


def blocks_of(hours: dict[str, Value]) -> Iterator[tuple[int, int, int, KeyPath]]:
    """(weekday, start, end, path inside `hours`) of every block, cut at midnight."""
    for key, value in hours.items():
        for index, raw in enumerate(listed(value)):
            path: KeyPath = (key, index) if isinstance(value, list) else (key,)
            days, block = attempt(v.day_range, key), attempt(v.block, raw)
            if days and block:
                yield from ((*piece, path) for day in days for piece in cut(day, *block))


def cut(day: int, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(weekday, start, end) of a block, in two pieces if it crosses midnight."""
    if end > start:
        yield day, start, end
    else:
        yield day, start, v.DAY_MINUTES
        if end:
            yield (day + 1) % 7, 0, end


def overlapping_hours(hours: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    week = [(v.DAYS[day], start, end, where) for day, start, end, where in blocks_of(hours)]
    yield from _overlapping(week, path)
    yield from _overlapping(list(_of_dates(mapping(hours.get("dates")))), path)


def _of_dates(dates: dict[str, Value]) -> Iterator[tuple[str, int, int, KeyPath]]:
    for date, value in dates.items():
        for index, raw in enumerate(listed(value)):
            if isinstance(value, list) and (block := attempt(v.block, raw)) and block[0] < block[1]:
                yield date, *block, ("dates", date, index)


def _overlapping(blocks: list[tuple[str, int, int, KeyPath]], path: KeyPath) -> Iterator[Found]:
    """`blocks`: (day, start, end, path inside the hours)."""
    told: set[KeyPath] = set()
    taken: list[tuple[str, int, int]] = []
    for day, start, end, where in blocks:
        clash = next((one for one in taken if one[0] == day and one[1] < end and start < one[2]), None)
        if clash and where not in told:
            told.add(where)
            hint = f"{day} {clock(clash[1])}-{clock(clash[2])} is there already"
            yield Found(path=(*path, *where), unfit=Unfit("overlapping hours", hint=hint))
        taken.append((day, start, end))


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
