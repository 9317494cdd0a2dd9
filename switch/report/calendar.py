"""Knows how instants read on the clocks of a zone: hour, day, weekday, through every change of the clocks. Does not know calls.

Offsets from UTC are whole quarters of an hour everywhere, and change at one; so a quarter is looked up once, for all that lies in it.
"""

from collections.abc import Iterable

import polars as pl

from switch.report.dimension import WEEKDAYS

QUARTER_US = 15 * 60 * 1_000_000


class Calendar:
    """All instants from `low_us` to `high_us`, UTC microseconds, both included. `day` is text, as `2026-03-02`."""

    def __init__(self, zone: str, *, low_us: int, high_us: int) -> None:
        self._first = low_us // QUARTER_US
        quarters = pl.Series("quarter", range(self._first, high_us // QUARTER_US + 1), dtype=pl.Int64)
        local = pl.from_epoch(quarters * QUARTER_US, time_unit="us").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        names = dict(enumerate(WEEKDAYS, start=1))
        self._read = pl.DataFrame(
            {
                "hour": local.dt.hour().cast(pl.Int64),
                "day": local.dt.to_string("%Y-%m-%d"),
                "weekday": local.dt.weekday().replace_strict(names, return_dtype=pl.String),
            }
        )

    def read(self, dimensions: Iterable[str], at_us: pl.Series) -> list[pl.Series]:
        """What clocks show at these instants."""
        quarter = at_us // QUARTER_US - self._first
        return [self._read[name].gather(quarter) for name in dimensions]

    def stretches(self, dimensions: Iterable[str]) -> "Stretches":
        """Time, cut wherever one of these reads otherwise than before."""
        read = self._read.select(dimensions)
        changes = pl.any_horizontal(pl.all().ne_missing(pl.all().shift(1)))
        return Stretches(number=read.select(changes.cum_sum().cast(pl.Int64) - 1).to_series(), first=self._first)


class Stretches:
    """Stretches of time, numbered from 0. `number`: that of each quarter from `first` on."""

    def __init__(self, *, number: pl.Series, first: int) -> None:
        self._number = number
        self._first = first
        numbered = pl.DataFrame({"number": number, "quarter": pl.Series(range(first, first + len(number)), dtype=pl.Int64)})
        self._starts_us = numbered.group_by("number").agg(pl.col("quarter").min()).sort("number")["quarter"] * QUARTER_US

    def of(self, at_us: pl.Series) -> pl.Series:
        """The number of the stretch that each instant lies in."""
        return self._number.gather(at_us // QUARTER_US - self._first)

    def start_us(self, number: pl.Series) -> pl.Series:
        return self._starts_us.gather(number)
