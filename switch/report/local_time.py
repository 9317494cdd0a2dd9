"""Converts instants to local time: hour, day and weekday of whole columns, by the same zone rules as hours and caps (ADR 0017).

Offsets from UTC are whole quarters of an hour in all zones in use since 1980, and change at quarters
(`tests/routing/test_window_properties.py`): each quarter is looked up once, for all instants in it. polars has time zones of its own
compiled in; they are not asked.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import polars as pl

from routing.window import QUARTER_S
from routing.zone import time_zone
from switch.report.fields import WEEKDAYS

QUARTER_US = QUARTER_S * 1_000_000
_DAY = 96
"""Quarters. No zone changes its clocks twice within a day."""
_SECOND = timedelta(seconds=1)


class LocalTime:
    """All instants from `low_us` to `high_us`, UTC microseconds, both included. `zone`: IANA. `day` is text, as `2026-03-02`."""

    def __init__(self, zone: str, *, low_us: int, high_us: int) -> None:
        self._first = low_us // QUARTER_US
        quarters = range(self._first, high_us // QUARTER_US + 1)
        offsets_s = pl.Series(_offsets_s(zone, quarters), dtype=pl.Int64)
        local = pl.from_epoch(pl.Series(quarters, dtype=pl.Int64) * QUARTER_S + offsets_s, time_unit="s")
        names = dict(enumerate(WEEKDAYS, start=1))
        self._shown = pl.DataFrame(
            {
                "hour": local.dt.hour().cast(pl.Int64),
                "day": local.dt.to_string("%Y-%m-%d"),
                "weekday": local.dt.weekday().replace_strict(names, return_dtype=pl.String),
            }
        )

    def read(self, dimensions: Iterable[str], at_us: pl.Series) -> list[pl.Series]:
        """Returns the local time at these instants, one series for each dimension."""
        quarter = at_us // QUARTER_US - self._first
        return [self._shown[name].gather(quarter) for name in dimensions]

    def intervals(self, dimensions: Iterable[str]) -> "Intervals":
        """Time, cut wherever one of these dimensions changes."""
        shown = self._shown.select(dimensions)
        changes = pl.any_horizontal(pl.all().ne_missing(pl.all().shift(1)))
        return Intervals(number=shown.select(changes.cum_sum().cast(pl.Int64) - 1).to_series(), first=self._first)


class Intervals:
    """Intervals of time, numbered from 0. `number`: that of each quarter from `first` on."""

    def __init__(self, *, number: pl.Series, first: int) -> None:
        self._number = number
        self._first = first
        numbered = pl.DataFrame({"number": number, "quarter": pl.Series(range(first, first + len(number)), dtype=pl.Int64)})
        self._starts_us = numbered.group_by("number").agg(pl.col("quarter").min()).sort("number")["quarter"] * QUARTER_US

    def of(self, at_us: pl.Series) -> pl.Series:
        """Returns the number of the interval that each instant lies in."""
        return self._number.gather(at_us // QUARTER_US - self._first)

    def start_us(self, number: pl.Series) -> pl.Series:
        return self._starts_us.gather(number)


def _offsets_s(zone: str, quarters: range) -> Iterator[int]:
    """Of each quarter, seconds ahead of UTC. Looked up at both ends of a day, and quarter by quarter on days when they differ."""
    clock = time_zone(zone)

    def offset_s(quarter: int) -> int:
        ahead = datetime.fromtimestamp(quarter * QUARTER_S, clock).utcoffset()
        return 0 if ahead is None else ahead // _SECOND

    for start in range(quarters.start, quarters.stop, _DAY):
        day = range(start, min(start + _DAY, quarters.stop))
        first = offset_s(day[0])
        yield from [first] * len(day) if first == offset_s(day[-1]) else map(offset_s, day)
