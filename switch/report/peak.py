"""Knows how many were at it at once, at most. Does not know who, nor how many there might be."""

from collections.abc import Sequence

import polars as pl

from switch.report.calendar import Calendar
from switch.report.dimension import TIME_DIMENSIONS
from switch.report.figure import PEAK


def peaks(spans: pl.DataFrame, by: Sequence[str], calendar: Calendar) -> pl.DataFrame:
    """By these dimensions, the most spans that ran at the same instant. A span is [began, over): who follows is not beside.

    In time it counts where it runs, not only where it began.
    """
    whose = [name for name in by if name not in TIME_DIMENSIONS]
    clocks = [name for name in by if name in TIME_DIMENSIONS]
    moves = [
        spans.select(*whose, at_us="began_us", by_one=pl.lit(1, dtype=pl.Int64)),
        spans.select(*whose, at_us="over_us", by_one=pl.lit(-1, dtype=pl.Int64)),
    ]
    if clocks:
        moves.append(_carried(spans, whose, clocks, calendar))
    ordered = pl.concat(moves).group_by(*whose, "at_us").agg(pl.col("by_one").sum()).sort("at_us")
    running = pl.col("by_one").cum_sum()
    counted = ordered.with_columns(at_once=running.over(whose) if whose else running)
    if clocks:
        counted = counted.with_columns(calendar.read(clocks, counted["at_us"]))
    most = pl.col("at_once").max().alias(PEAK)
    return counted.group_by(by).agg(most) if by else counted.select(most)


def _carried(spans: pl.DataFrame, whose: Sequence[str], clocks: Sequence[str], calendar: Calendar) -> pl.DataFrame:
    """Moves by nobody, at the start of every hour or day that a span goes on in: what runs then is counted there."""
    stretches = calendar.stretches(clocks)
    first, last = stretches.of(spans["began_us"]), stretches.of(spans["over_us"])
    crossing = spans.with_columns(first=first, last=last).filter(pl.col("first") < pl.col("last"))
    numbers = crossing.select(*whose, number=pl.int_ranges(pl.col("first") + 1, pl.col("last") + 1)).explode("number")
    return numbers.select(*whose, at_us=stretches.start_us(numbers["number"]), by_one=pl.lit(0, dtype=pl.Int64))
