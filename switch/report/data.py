"""Reads the data of a report: a row for each call, or for each line dialled for a call, with its money and dimensions.

Money is the sum of the ledger's rows. Calls with money posted after their verdict are added up row by row; the amounts of all other
verdicts are the sums of their rows already (`payphone audit` proves it). Money belongs to the time of its call, whenever it was posted.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import polars as pl

from routing.expression import Expression
from routing.expression_tree import Among, And, Compare, Is, Known, Not, Op, Or
from switch.billing.verdict import MoneyKind
from switch.call.record import CallRecord
from switch.ledger.columns import BILLABLE, NEAR_MISS, PAID, Block, LedgerColumns
from switch.report.fields import CALL_DIMENSIONS, TIME_DIMENSIONS
from switch.report.local_time import LocalTime
from switch.report.quality import with_quality
from switch.report.query import ReportQuery

_READ = ("connected_ms", "verdict", "revenue_micros", "payout_micros", "cost_micros")
_AMOUNTS = ("connected_ms", "revenue_micros", "payout_micros", "cost_micros")
_TRUTHS = ("billable", "earned", "connected", "converted", "paid", "near_miss", "near_miss_seen")
_TEXTS = frozenset({"call_id", "line", "advertiser", "kind"}) | CALL_DIMENSIONS - {"near_miss"}
_STATE_TAG = "state"
Progress = Callable[[int, int], None]
"""Told how many calls were read, of how many."""
_NO_LINE = ""
_TALKED, _ANSWERED, _NEITHER = 0, 1, 2
_MANY = 1_000
"""More than attempts of one call."""
_OPERATORS: Mapping[Op, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    Op.EQUAL: operator.eq,
    Op.UNEQUAL: operator.ne,
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.GREATER: operator.gt,
    Op.AT_LEAST: operator.ge,
    Op.BEGINS_WITH: lambda column, value: column.str.starts_with(value),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """`calls`: a row for each call; where lines count, for each line dialled for it. `call_id`, the query's dimensions, and

    - `live`, `connected`, `converted`, `paid`, `near_miss_seen`: truths
    - `connected_ms`, `revenue_micros`, `payout_micros`, `cost_micros`: whole numbers
    - what `switch.report.quality` adds, where it is asked for

    `attempt_times`: a row for each attempt, `began_us` and `over_us`, where peaks are asked for. `local_time`: of all these instants.
    `per_line`: whether there is a row for each line. `live_known`: whether calls in progress are known.
    """

    calls: pl.DataFrame
    attempt_times: pl.DataFrame | None
    local_time: LocalTime
    per_line: bool
    live_known: bool


def load_data(
    columns: LedgerColumns,
    query: ReportQuery,
    *,
    live: Sequence[CallRecord] | None = None,
    progress: Progress = lambda _done, _of: None,
) -> ReportData:
    """Reads all that the query needs. `live`: calls in progress; None: not known. Raises LedgerUnreadable."""
    in_progress = _not_recorded(columns, live or ())
    calls = pl.concat([_recorded_calls(columns, query, progress), _live_calls(in_progress, query)])
    attempts = _attempts(columns, query, calls) if query.per_attempt or query.wants_peaks else None
    local_time = _local_time(query.period.zone, calls, attempts)
    of_time = [name for name in query.dimensions if name in TIME_DIMENSIONS]
    calls = calls.with_columns(local_time.read(of_time, calls["invited_us"]))
    if query.per_attempt and attempts is not None:
        calls = per_line(calls, pl.concat([attempts, _live_attempts(in_progress)]), _money(columns, query))
    if query.wants_quality:
        calls = with_quality(calls, columns, query)
    if query.where is not None:
        calls = calls.filter(polars_filter(query.where))
    attempt_times = _times_of_attempts(calls, attempts, query) if query.wants_peaks and attempts is not None else None
    return ReportData(
        calls=calls, attempt_times=attempt_times, local_time=local_time, per_line=query.per_attempt, live_known=live is not None
    )


def _not_recorded(columns: LedgerColumns, records: Sequence[CallRecord]) -> tuple[CallRecord, ...]:
    """Without calls that ended between the reading of the journal and that of the ledger, and without those of probes."""
    recorded = columns.recorded(record.call_id for record in records)
    return tuple(record for record in records if record.call_id not in recorded and not record.probe)


def _recorded_calls(columns: LedgerColumns, query: ReportQuery, progress: Progress) -> pl.DataFrame:
    dimensions = _of_calls(query)
    names = ("call_id", *dimensions, "invited_us", *_READ)
    total = columns.count(query.period)
    frames = [_frame(names, {})]
    done = 0
    for block in columns.calls(names, query.period):
        frames.append(_frame(names, block))
        done += len(frames[-1])
        progress(done, total)
    calls = _amended(pl.concat(frames), columns).with_columns(live=pl.lit(value=False))
    return calls.select(_shape(dimensions))


def _of_calls(query: ReportQuery) -> list[str]:
    """The dimensions that are columns of calls, beyond those that always are."""
    return [name for name in query.dimensions if name in CALL_DIMENSIONS and name not in _TRUTHS]


def _shape(dimensions: Sequence[str]) -> tuple[str, ...]:
    return ("call_id", *dimensions, "invited_us", *_AMOUNTS, *_TRUTHS, "live")


def _amended(calls: pl.DataFrame, columns: LedgerColumns) -> pl.DataFrame:
    """Truths, and money as it is by now. A call converts, or is paid, by its verdict; once it has money rows, by their sum."""
    names = ("revenue_micros", "payout_micros", "cost_micros")
    amended = pl.DataFrame(
        [(each.call_id, each.revenue_micros, each.payout_micros, each.cost_micros) for each in columns.amended()],
        schema={"call_id": pl.String, **{f"{name}_now": pl.Int64 for name in names}},
        orient="row",
    )
    talked = pl.Series(list(columns.talked_for_nothing()), dtype=pl.String).implode()
    return (
        calls.join(amended, on="call_id", how="left", maintain_order="left")
        .with_columns(
            connected=(pl.col("connected_ms") > 0) | pl.col("call_id").is_in(talked),
            billable=pl.col("verdict") & BILLABLE > 0,
            earned=pl.col("verdict") & PAID > 0,
            near_miss=pl.col("verdict") & NEAR_MISS > 0,
        )
        .with_columns(
            converted=pl.coalesce(pl.col("revenue_micros_now") > 0, "billable"),
            paid=pl.coalesce(pl.col("payout_micros_now") > 0, "earned"),
            near_miss_seen=pl.col("near_miss"),
            **{name: pl.coalesce(f"{name}_now", name) for name in names},
        )
        .drop(f"{name}_now" for name in names)
    )


def _live_calls(records: Iterable[CallRecord], query: ReportQuery) -> pl.DataFrame:
    """Rows of calls in progress, like those of calls that are over. Nothing has come of them yet."""
    period = query.period
    dimensions = _of_calls(query)
    rows = [
        {"call_id": record.call_id, "invited_us": record.invited_us, **{name: _dimension(record, name) for name in dimensions}}
        for record in records
        if period.from_us <= record.invited_us < period.to_us
    ]
    nothing = {name: pl.lit(0, dtype=pl.Int64) for name in _AMOUNTS}
    none = {name: pl.lit(value=False) for name in _TRUTHS}
    schema = {name: _type(name) for name in ("call_id", *dimensions, "invited_us")}
    in_progress = pl.DataFrame(rows, schema=schema).with_columns(**nothing, **none, live=pl.lit(value=True))
    return in_progress.select(_shape(dimensions))


def _dimension(record: CallRecord, name: str) -> str | None:
    state = record.tags.get(_STATE_TAG)
    known = {
        "publisher": record.publisher,
        "campaign": record.campaign,
        "number": record.did,
        "trunk": record.trunk,
        "state": state if isinstance(state, str) else None,
    }
    return known.get(name)


def _attempts(columns: LedgerColumns, query: ReportQuery, calls: pl.DataFrame) -> pl.DataFrame:
    frames = [_frame(_ATTEMPT, {}), *(_frame(_ATTEMPT, block) for block in columns.attempts(query.period))]
    return pl.concat(frames).join(calls, on="call_id", how="semi")


_ATTEMPT = (
    "call_id", "attempt", "line", "advertiser", "connected_ms", "talked", "answered", "ended_by_line", "began_us", "over_us",
)  # fmt: skip


def _live_attempts(records: Iterable[CallRecord]) -> pl.DataFrame:
    rows = [
        (record.call_id, each.number, each.line, each.advertiser, 0, 0, 0, 0, each.invited_us, each.invited_us)
        for record in records
        for each in record.attempts
    ]
    return pl.DataFrame(rows, schema={name: _type(name) for name in _ATTEMPT}, orient="row")


def _money(columns: LedgerColumns, query: ReportQuery) -> pl.DataFrame:
    names = ("call_id", "kind", "line", "amount_micros")
    return pl.concat([_frame(names, {}), *(_frame(names, block) for block in columns.money(query.period))])


def _times_of_attempts(calls: pl.DataFrame, attempts: pl.DataFrame, query: ReportQuery) -> pl.DataFrame:
    """The attempts of what is counted, when they began and were over."""
    times = ["began_us", "over_us"]
    dimensions = [name for name in query.by if name not in TIME_DIMENSIONS]
    if query.per_attempt:
        return calls.filter(pl.col("began_us").is_not_null() & ~pl.col("live")).select(*dimensions, *times)
    return attempts.select("call_id", *times).join(calls.select("call_id", *dimensions), on="call_id").select(*dimensions, *times)


def _local_time(zone: str, calls: pl.DataFrame, attempts: pl.DataFrame | None) -> LocalTime:
    instants = [calls["invited_us"], *([] if attempts is None else [attempts["began_us"], attempts["over_us"]])]
    every = pl.concat(instants)
    low_us, high_us = every.min(), every.max()
    return LocalTime(zone, low_us=low_us if isinstance(low_us, int) else 0, high_us=high_us if isinstance(high_us, int) else 0)


def _frame(names: Sequence[str], block: Block | Mapping[str, list[object]]) -> pl.DataFrame:
    return pl.DataFrame([pl.Series(name, block.get(name, []), dtype=_type(name)) for name in names])


def _type(name: str) -> type[pl.DataType]:
    return pl.String if name in _TEXTS else pl.Int64


def per_line(calls: pl.DataFrame, attempts: pl.DataFrame, money: pl.DataFrame) -> pl.DataFrame:
    """A row for each line dialled for a call: `calls` by their `attempts`, with what `money` rows say of their lines.

    Each line has its own talk, revenue and payout, by its attempt and its money rows. What is of the whole call counts for the attempt
    that bears it, as when it was judged: the first that talked, else the first that answered, else the first. So money is never doubled,
    though a call counts for every line. The line is null for a call without attempts, and for money that names no line that was dialled.
    """
    owed = _owed(money)
    units = (
        calls.drop("connected_ms", "connected")
        .join(_dialled(attempts), on="call_id", how="left")
        .with_columns(line=pl.col("line").fill_null(_NO_LINE), bears=pl.col("bears").fill_null(value=True))
    )
    rows = units.join(owed, on=["call_id", "line"], how="left")
    stray = owed.join(units, on=["call_id", "line"], how="anti").with_columns(line=pl.lit(_NO_LINE))
    strays = calls.drop("connected_ms", "connected").join(stray, on="call_id").with_columns(bears=pl.lit(value=False))
    return (
        pl.concat([rows, strays], how="diagonal")
        .join(owed.group_by("call_id").agg(owes=pl.col("owing").any(), earns=pl.col("earning").any()), on="call_id", how="left")
        .with_columns(
            line=pl.col("line").replace({_NO_LINE: None}),
            connected=pl.col("talked").fill_null(value=False),
            connected_ms=pl.col("connected_ms").fill_null(0),
            near_miss_seen=pl.col("near_miss") & pl.col("ended_by_line").fill_null(value=False),
            converted=_holds(owing="owing", micros="line_revenue", whole="billable", of_call="owes"),
            paid=_holds(owing="earning", micros="line_payout", whole="earned", of_call="earns"),
            revenue_micros=pl.col("line_revenue").fill_null(0),
            payout_micros=pl.col("line_payout").fill_null(0),
            cost_micros=pl.when("bears").then("cost_micros").otherwise(0),
        )
    )


def _dialled(attempts: pl.DataFrame) -> pl.DataFrame:
    closeness = pl.when(pl.col("talked") > 0).then(_TALKED).when(pl.col("answered") > 0).then(_ANSWERED).otherwise(_NEITHER)
    order = closeness.cast(pl.Int64) * _MANY + pl.col("attempt")
    return attempts.with_columns(
        bears=order == order.min().over("call_id"), talked=pl.col("talked") > 0, ended_by_line=pl.col("ended_by_line") > 0
    ).drop("answered")


def _owed(money: pl.DataFrame) -> pl.DataFrame:
    """Returns the revenue and payout of each call and line, and whether there are such rows."""
    revenue, payout = pl.col("kind") == MoneyKind.REVENUE.value, pl.col("kind") == MoneyKind.PAYOUT.value
    amount = pl.col("amount_micros")
    return (
        money.filter(revenue | payout)
        .with_columns(line=pl.col("line").fill_null(_NO_LINE))
        .group_by("call_id", "line")
        .agg(
            line_revenue=amount.filter(revenue).sum(),
            line_payout=amount.filter(payout).sum(),
            owing=revenue.any(),
            earning=payout.any(),
        )
    )


def _holds(*, owing: str, micros: str, whole: str, of_call: str) -> pl.Expr:
    """By the line's rows; a call whose verdict holds without any row, because its price is nothing, by the attempt that bears it."""
    free = pl.col(whole) & pl.col("bears") & ~pl.col(of_call).fill_null(value=False)
    return pl.when(pl.col(owing).fill_null(value=False)).then(pl.col(micros) > 0).otherwise(free)


def polars_filter(expression: Expression) -> pl.Expr:
    """Translates a filter to polars. A comparison with an unknown value is false, `!=` and `not in` too."""
    match expression:
        case Compare(name=name, op=op, value=value):
            return _OPERATORS[op](pl.col(name), pl.lit(value)).fill_null(value=False)
        case Is(name=name, wanted=wanted):
            return pl.col(name).eq(wanted).fill_null(value=False)
        case Among(name=name, values=values, negated=negated):
            found = pl.col(name).is_in(list(values)) if values else pl.lit(value=False)
            return pl.col(name).is_not_null() & (~found if negated else found).fill_null(value=False)
        case Known(name=name):
            return pl.col(name).is_not_null()
        case Not(operand=operand):
            return ~polars_filter(operand)
        case And(operands=operands):
            return pl.all_horizontal(polars_filter(each) for each in operands)
        case Or(operands=operands):
            return pl.any_horizontal(polars_filter(each) for each in operands)
        case unknown:
            assert_never(unknown)
