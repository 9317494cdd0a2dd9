"""Computes metrics by dimension (`docs/billing.md` §16). Money and talk are whole numbers throughout: no float comes near them.

A call counts once in every row that it belongs to, and once in the totals: those are computed from the calls, not from the rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from switch.call.record import CallRecord
from switch.ledger.columns import columns_of
from switch.ledger.database import Database
from switch.output import csv_text, json_text
from switch.report.capacity import Capacity
from switch.report.data import Progress, ReportData, load_data
from switch.report.fields import CAPACITY, LOAD, PEAK, TIME_DIMENSIONS, WEEKDAYS
from switch.report.local_time import LocalTime
from switch.report.quality import in_row, sums
from switch.report.query import ReportQuery

_MONEY = ("revenue_micros", "payout_micros", "cost_micros")
_FLAGS = ("live", "connected", "converted", "paid", "near_miss_seen")
PLOTTED = ("incoming", "connected", "converted", "revenue_micros", "payout_micros", "margin_micros", PEAK, CAPACITY)
PLOTTED_BY = "hour"
"""Where a query names no dimension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`rows`: the dimensions, then the metrics asked for, in order; sorted by the dimensions. `totals`: of all calls, one row.

    `first_us`, `last_us`: when the first and the last call came, UTC; None: there was not a single call to count.

    Files are for programs: money in micros, times in ms, ratios as parts of one, columns named as dimensions and metrics are. No row of a
    file is a total.
    """

    by: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: pl.DataFrame
    totals: pl.DataFrame
    first_us: int | None
    last_us: int | None

    def csv(self) -> str:
        return csv_text(self.rows.columns, self.rows.iter_rows())

    def json_lines(self) -> str:
        """One object a line."""
        return "".join(json_text(row) + "\n" for row in self.rows.iter_rows(named=True))

    def write_parquet(self, path: Path) -> None:
        """Raises OSError."""
        with path.open("wb") as file:
            self.rows.write_parquet(file)


def run_queries(
    database: Database,
    queries: Sequence[ReportQuery],
    capacity: Capacity,
    *,
    live: Callable[[], Sequence[CallRecord] | None] = lambda: None,
    progress: Progress = lambda _done, _of: None,
) -> list[Report]:
    """Reports of one moment. The queries differ in dimensions and metrics alone. `live`: the calls in progress; None: not known.

    Raises LedgerUnreadable.
    """
    whole = replace(
        queries[0],
        by=tuple(dict.fromkeys(name for query in queries for name in query.by)),
        metrics=tuple(dict.fromkeys(name for query in queries for name in query.metrics)),
    )
    in_progress = live()  # before the ledger: a call that ends meanwhile is found there, and none is in neither
    with columns_of(database) as columns:
        data = load_data(columns, whole, live=in_progress, progress=progress)
    return [aggregate(data, query, capacity) for query in queries]


def plot_queries(query: ReportQuery) -> tuple[ReportQuery, ReportQuery]:
    """The two queries that a plot is drawn from: calls by time, and money by a name; or both by the one dimension there is."""
    over = next((name for name in query.by if name in TIME_DIMENSIONS), next(iter(query.by), PLOTTED_BY))
    money = next((name for name in query.by if name not in TIME_DIMENSIONS), over)
    return replace(query, by=(over,), metrics=PLOTTED), replace(query, by=(money,), metrics=PLOTTED)


def aggregate(data: ReportData, query: ReportQuery, capacity: Capacity) -> Report:
    """`data`: read for a query with at least these dimensions, the same filter and metrics."""
    rows = _ordered(_rows(data, query, query.by, capacity), query.by)
    totals = _rows(data, query, (), capacity)
    return Report(
        by=query.by,
        metrics=query.metrics,
        rows=rows.select(*query.by, *query.metrics),
        totals=totals.select(query.metrics),
        first_us=_whole(data.calls["invited_us"].min()),
        last_us=_whole(data.calls["invited_us"].max()),
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _rows(data: ReportData, query: ReportQuery, by: Sequence[str], capacity: Capacity) -> pl.DataFrame:
    calls = _once_a_call(data.calls, by) if data.per_line else data.calls
    added = [*_sums(), *_percentiles(query), *(sums() if query.wants_quality else ())]
    rows = calls.group_by(by).agg(added) if by else calls.select(added)
    if not data.live_known:
        rows = rows.with_columns(live=pl.lit(None, dtype=pl.Int64))
    rows = rows.with_columns(margin_micros=pl.col("revenue_micros") - pl.col("payout_micros") - pl.col("cost_micros")).with_columns(
        _derived()
    )
    return _with_capacity(rows, data, query, by, capacity)


def _once_a_call(units: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """A call that several lines of a row were dialled for is one call there, with what came of all of them."""
    return units.group_by("call_id", *by).agg(
        pl.col(*_FLAGS).any(),
        pl.col("connected_ms", *_MONEY).sum(),
        *in_row(units),
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


def _percentiles(query: ReportQuery) -> list[pl.Expr]:
    wanted = {"connected_p50_ms": 50, "connected_p90_ms": 90}
    return [_percentile(percent).alias(name) for name, percent in wanted.items() if name in query.metrics]


def _percentile(percent: int) -> pl.Expr:
    """Percentile by nearest rank: the least talk time that so many in a hundred calls do not exceed. A time that somebody really talked."""
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
    """Returns the mean, to the nearest whole number, halves up; null where there is none."""
    return pl.when(pl.col(many) > 0).then((pl.col(total) * 2 + pl.col(many)) // (pl.col(many) * 2))


def _with_capacity(rows: pl.DataFrame, data: ReportData, query: ReportQuery, by: Sequence[str], capacity: Capacity) -> pl.DataFrame:
    if data.attempt_times is not None:
        most = peak_concurrency(data.attempt_times, by, data.local_time)
        rows = rows.join(most, on=by, how="left", nulls_equal=True) if by else rows.hstack(most)
        rows = rows.with_columns(pl.col(PEAK).fill_null(0))
    if query.wants_capacity:
        limits = [capacity.of(row) for row in rows.select(by).iter_rows(named=True)] if by else [capacity.of({})]
        rows = rows.with_columns(pl.Series(CAPACITY, limits, dtype=pl.Int64))
    if LOAD in query.metrics:
        rows = rows.with_columns(_ratio(PEAK, CAPACITY).alias(LOAD))
    return rows


def _ordered(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """By the dimensions in their order, weekdays from Monday on; what is not known last."""
    keys = [pl.col(name).cast(pl.Enum(WEEKDAYS)) if name == "weekday" else pl.col(name) for name in by]
    return rows.sort(keys, nulls_last=True) if by else rows


def peak_concurrency(attempt_times: pl.DataFrame, by: Sequence[str], local_time: LocalTime) -> pl.DataFrame:
    """By these dimensions, the most attempts that ran at the same instant. An attempt runs in [began, over).

    By hour or day it counts wherever it runs, not only where it began.
    """
    names = [name for name in by if name not in TIME_DIMENSIONS]
    of_time = [name for name in by if name in TIME_DIMENSIONS]
    changes = [
        attempt_times.select(*names, at_us="began_us", change=pl.lit(1, dtype=pl.Int64)),
        attempt_times.select(*names, at_us="over_us", change=pl.lit(-1, dtype=pl.Int64)),
    ]
    if of_time:
        changes.append(_running_on(attempt_times, names, of_time, local_time))
    ordered = pl.concat(changes).group_by(*names, "at_us").agg(pl.col("change").sum()).sort("at_us")
    running = pl.col("change").cum_sum()
    counted = ordered.with_columns(at_once=running.over(names) if names else running)
    if of_time:
        counted = counted.with_columns(local_time.read(of_time, counted["at_us"]))
    most = pl.col("at_once").max().alias(PEAK)
    return counted.group_by(by).agg(most) if by else counted.select(most)


def _running_on(attempt_times: pl.DataFrame, names: Sequence[str], of_time: Sequence[str], local_time: LocalTime) -> pl.DataFrame:
    """Changes by 0 at the start of every hour or day that an attempt goes on in: so what runs then is counted there."""
    intervals = local_time.intervals(of_time)
    first, last = intervals.of(attempt_times["began_us"]), intervals.of(attempt_times["over_us"])
    crossing = attempt_times.with_columns(first=first, last=last).filter(pl.col("first") < pl.col("last"))
    numbers = crossing.select(*names, number=pl.int_ranges(pl.col("first") + 1, pl.col("last") + 1)).explode("number")
    return numbers.select(*names, at_us=intervals.start_us(numbers["number"]), change=pl.lit(0, dtype=pl.Int64))
