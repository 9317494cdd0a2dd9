"""Knows how each figure is worked out (`billing.md` §4). Whole numbers throughout where it is money or time: no float comes near them.

A call counts once in every row that it belongs to, and once in the totals: those are worked out from the calls, not from the rows.
Does not know where facts come from and how an answer looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from switch.report.capacity import Capacity
from switch.report.dimension import WEEKDAYS
from switch.report.facts import Facts
from switch.report.figure import CAPACITY, LOAD, PEAK
from switch.report.peak import peaks
from switch.report.question import Question

_MONEY = ("revenue_micros", "payout_micros", "cost_micros")
_SEEN = ("live", "connected", "converted", "paid", "near_miss_seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`rows`: the dimensions, then the figures asked for, in order; sorted by the dimensions. `totals`: of all calls, one row.

    `empty`: there was not a single call to count.
    """

    by: tuple[str, ...]
    figures: tuple[str, ...]
    rows: pl.DataFrame
    totals: pl.DataFrame
    empty: bool


def answer(facts: Facts, question: Question, capacity: Capacity) -> Answer:
    """`facts`: gathered for a question with at least these dimensions, the same filter and figures."""
    rows = _ordered(_worked_out(facts, question, question.by, capacity), question.by)
    totals = _worked_out(facts, question, (), capacity)
    return Answer(
        by=question.by,
        figures=question.figures,
        rows=rows.select(*question.by, *question.figures),
        totals=totals.select(question.figures),
        empty=facts.cells.is_empty(),
    )


def _worked_out(facts: Facts, question: Question, by: Sequence[str], capacity: Capacity) -> pl.DataFrame:
    cells = _once_a_call(facts.cells, by) if facts.split else facts.cells
    sums = [*_sums(), *_percentiles(question)]
    rows = cells.group_by(by).agg(sums) if by else cells.select(sums)
    if not facts.switch_runs:
        rows = rows.with_columns(live=pl.lit(None, dtype=pl.Int64))
    rows = rows.with_columns(margin_micros=pl.col("revenue_micros") - pl.col("payout_micros") - pl.col("cost_micros")).with_columns(
        _derived()
    )
    return _against_capacity(rows, facts, question, by, capacity)


def _once_a_call(units: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """A call that several lines of a row were dialled for is one call there, with what came of all of them."""
    return units.group_by("call_id", *by).agg(
        pl.col(*_SEEN).any(),
        pl.col("connected_ms", *_MONEY).sum(),
    )


def _sums() -> list[pl.Expr]:
    over = ~pl.col("live")
    return [
        over.sum().cast(pl.Int64).alias("incoming"),
        *(pl.col(name).sum().cast(pl.Int64) for name in ("live", "connected", "converted", "paid")),
        pl.col("near_miss_seen").sum().cast(pl.Int64).alias("near_misses"),
        pl.col("connected_ms").filter("connected").sum().alias("talk_ms"),
        pl.col(_MONEY).sum(),
    ]


def _percentiles(question: Question) -> list[pl.Expr]:
    wanted = {"connected_p50_ms": 50, "connected_p90_ms": 90}
    return [_percentile(percent).alias(name) for name, percent in wanted.items() if name in question.figures]


def _percentile(percent: int) -> pl.Expr:
    """Nearest rank: the least talk time that so many in a hundred calls do not exceed. A time that somebody really talked."""
    rank = (pl.col("connected").sum().cast(pl.Int64) * percent + 99) // 100
    return pl.col("connected_ms").filter("connected").sort().get(rank - 1, null_on_oob=True)


def _derived() -> list[pl.Expr]:
    return [
        _ratio("converted", "connected").alias("conversion_of_connected"),
        _ratio("converted", "incoming").alias("conversion_of_incoming"),
        _each("talk_ms", "connected").alias("connected_mean_ms"),
        _each("revenue_micros", "converted").alias("revenue_per_call_micros"),
        _each("revenue_micros", "incoming").alias("revenue_per_incoming_micros"),
        _each("revenue_micros", "connected").alias("revenue_per_connected_micros"),
        _each("payout_micros", "converted").alias("cost_per_acquisition_micros"),
    ]


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def _each(total: str, many: str) -> pl.Expr:
    """Their mean, to the nearest whole number, halves up; null where there is none."""
    return pl.when(pl.col(many) > 0).then((pl.col(total) * 2 + pl.col(many)) // (pl.col(many) * 2))


def _against_capacity(rows: pl.DataFrame, facts: Facts, question: Question, by: Sequence[str], capacity: Capacity) -> pl.DataFrame:
    if facts.spans is not None:
        most = peaks(facts.spans, by, facts.calendar)
        rows = rows.join(most, on=by, how="left", nulls_equal=True) if by else rows.hstack(most)
        rows = rows.with_columns(pl.col(PEAK).fill_null(0))
    if question.wants_capacity:
        limits = [capacity.of(row) for row in rows.select(by).iter_rows(named=True)] if by else [capacity.of({})]
        rows = rows.with_columns(pl.Series(CAPACITY, limits, dtype=pl.Int64))
    if LOAD in question.figures:
        rows = rows.with_columns(_ratio(PEAK, CAPACITY).alias(LOAD))
    return rows


def _ordered(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """By the dimensions in their order, weekdays from Monday on; what is not known last."""
    keys = [pl.col(name).cast(pl.Enum(WEEKDAYS)) if name == "weekday" else pl.col(name) for name in by]
    return rows.sort(keys, nulls_last=True) if by else rows
