"""Knows what a report is worked out from: one row for each call, or for each line dialled for a call, with money and dimensions.

Money is what the ledger's rows come to. Calls with money posted after their verdict are added up row by row; the figures of all other
verdicts are the sums of their rows already (`payphone audit` proves it). Money belongs to the time of its call, whenever it was posted.
Does not group and does not know figures.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from switch.call.record import CallRecord
from switch.ledger.columns import BILLABLE, NEAR_MISS, PAID, Block, Columns
from switch.report.calendar import Calendar
from switch.report.dimension import CALL_DIMENSIONS, TIME_DIMENSIONS
from switch.report.live import without
from switch.report.matching import matches
from switch.report.question import Question
from switch.report.units import split

_FIGURES = ("connected_ms", "verdict", "revenue_micros", "payout_micros", "cost_micros")
_AMOUNTS = ("connected_ms", "revenue_micros", "payout_micros", "cost_micros")
_TRUTHS = ("billable", "earned", "connected", "converted", "paid", "near_miss", "near_miss_seen")
_TEXTS = frozenset({"call_id", "line", "advertiser", "kind"}) | CALL_DIMENSIONS - {"near_miss"}
_STATE_TAG = "state"
Progress = Callable[[int, int], None]
"""Told how many calls were read, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`cells`: a row for each call; where lines count, for each line dialled for it. `call_id`, the question's dimensions, and

    - `live`, `connected`, `converted`, `paid`, `near_miss_seen`: truths
    - `connected_ms`, `revenue_micros`, `payout_micros`, `cost_micros`: whole numbers

    `spans`: a row for each attempt, `began_us` and `over_us`, where peaks are asked for. `calendar`: of all these instants.
    `split`: whether there is a row for each line. `switch_runs`: whether calls in progress are known.
    """

    cells: pl.DataFrame
    spans: pl.DataFrame | None
    calendar: Calendar
    split: bool
    switch_runs: bool


def gather(
    columns: Columns, question: Question, *, live: Sequence[CallRecord] | None = None, progress: Progress = lambda _done, _of: None
) -> Facts:
    """All that the question needs. `live`: calls in progress; None: not known. Raises LedgerUnreadable."""
    going_on = without(live or (), columns.recorded(record.call_id for record in live or ()))
    calls = pl.concat([_calls(columns, question, progress), _live(going_on, question)])
    attempts = _attempts(columns, question, calls) if question.per_attempt or question.wants_peaks else None
    calendar = _calendar(question.zone, calls, attempts)
    clocks = [name for name in question.dimensions if name in TIME_DIMENSIONS]
    cells = calls.with_columns(calendar.read(clocks, calls["invited_us"]))
    if question.per_attempt and attempts is not None:
        cells = split(cells, pl.concat([attempts, _live_attempts(going_on)]), _money(columns, question))
    if question.where is not None:
        cells = cells.filter(matches(question.where))
    spans = _spans(cells, attempts, question) if question.wants_peaks and attempts is not None else None
    return Facts(cells=cells, spans=spans, calendar=calendar, split=question.per_attempt, switch_runs=live is not None)


def _calls(columns: Columns, question: Question, progress: Progress) -> pl.DataFrame:
    dimensions = _of_calls(question)
    names = ("call_id", *dimensions, "invited_us", *_FIGURES)
    total = columns.count(question.period)
    frames = [_frame(names, {})]
    done = 0
    for block in columns.calls(names, question.period):
        frames.append(_frame(names, block))
        done += len(frames[-1])
        progress(done, total)
    calls = _amended(pl.concat(frames), columns).with_columns(live=pl.lit(value=False))
    return calls.select(_shape(dimensions))


def _of_calls(question: Question) -> list[str]:
    """The dimensions that are columns of calls, beyond those that always are."""
    return [name for name in question.dimensions if name in CALL_DIMENSIONS and name not in _TRUTHS]


def _shape(dimensions: Sequence[str]) -> tuple[str, ...]:
    return ("call_id", *dimensions, "invited_us", *_AMOUNTS, *_TRUTHS, "live")


def _amended(calls: pl.DataFrame, columns: Columns) -> pl.DataFrame:
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


def _live(records: Iterable[CallRecord], question: Question) -> pl.DataFrame:
    """Calls in progress, as rows like those of calls that are over. Nothing has come of them yet."""
    period = question.period
    dimensions = _of_calls(question)
    rows = [
        {"call_id": record.call_id, "invited_us": record.invited_us, **{name: _told(record, name) for name in dimensions}}
        for record in records
        if (period.from_us or 0) <= record.invited_us and (period.to_us is None or record.invited_us < period.to_us)
    ]
    nothing = {name: pl.lit(0, dtype=pl.Int64) for name in _AMOUNTS}
    none = {name: pl.lit(value=False) for name in _TRUTHS}
    schema = {name: _type(name) for name in ("call_id", *dimensions, "invited_us")}
    going_on = pl.DataFrame(rows, schema=schema).with_columns(**nothing, **none, live=pl.lit(value=True))
    return going_on.select(_shape(dimensions))


def _told(record: CallRecord, dimension: str) -> str | None:
    state = record.tags.get(_STATE_TAG)
    told = {
        "publisher": record.publisher,
        "campaign": record.campaign,
        "number": record.did,
        "trunk": record.trunk,
        "state": state if isinstance(state, str) else None,
    }
    return told.get(dimension)


def _attempts(columns: Columns, question: Question, calls: pl.DataFrame) -> pl.DataFrame:
    frames = [_frame(_ATTEMPT, {}), *(_frame(_ATTEMPT, block) for block in columns.attempts(question.period))]
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


def _money(columns: Columns, question: Question) -> pl.DataFrame:
    names = ("call_id", "kind", "line", "amount_micros")
    return pl.concat([_frame(names, {}), *(_frame(names, block) for block in columns.money(question.period))])


def _spans(cells: pl.DataFrame, attempts: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The attempts of what is counted, when they began and were over."""
    times = ["began_us", "over_us"]
    dimensions = [name for name in question.by if name not in TIME_DIMENSIONS]
    if question.per_attempt:
        return cells.filter(pl.col("began_us").is_not_null() & ~pl.col("live")).select(*dimensions, *times)
    return attempts.select("call_id", *times).join(cells.select("call_id", *dimensions), on="call_id").select(*dimensions, *times)


def _calendar(zone: str, calls: pl.DataFrame, attempts: pl.DataFrame | None) -> Calendar:
    instants = [calls["invited_us"], *([] if attempts is None else [attempts["began_us"], attempts["over_us"]])]
    told = pl.concat(instants)
    low_us, high_us = told.min(), told.max()
    return Calendar(zone, low_us=low_us if isinstance(low_us, int) else 0, high_us=high_us if isinstance(high_us, int) else 0)


def _frame(names: Sequence[str], block: Block | Mapping[str, list[object]]) -> pl.DataFrame:
    return pl.DataFrame([pl.Series(name, block.get(name, []), dtype=_type(name)) for name in names])


def _type(name: str) -> type[pl.DataType]:
    return pl.String if name in _TEXTS else pl.Int64
