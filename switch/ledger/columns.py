"""Reads whole columns of calls, attempts, money and audio for a report, a million rows in a second or two.

Fetching row by row takes longer than everything a report does with the rows. So the database glues a block of each column into one JSON
array, and that is decoded in one go.
The columns are raw: reports interpret them. All that one `LedgerColumns` gives is of one moment.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Table,
    Text,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
)

from switch.billing.verdict import MoneyKind
from switch.call.record import EndedBy
from switch.codec import Codec, MosScale
from switch.ledger import reading
from switch.ledger.database import Database
from switch.ledger.tables import ATTEMPT, CALL, LEG_MEDIA, MONEY
from switch.period import Period

BLOCK_ROWS = 50_000
BILLABLE, PAID, NEAR_MISS = 1, 2, 4
"""The flags that are added up to a call's column `verdict`: one column is read faster than three."""
_ROWID = "rowid"
Block = Mapping[str, list[Any]]
"""Column by column, all of one length: texts, numbers, or None."""

_Asked = Select[*tuple[Any, ...]]

CALL_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "call_id": CALL.c.call_id,
    "publisher": CALL.c.publisher,
    "campaign": CALL.c.campaign,
    "number": CALL.c.did,
    "trunk": CALL.c.trunk,
    "state": CALL.c.state,
    "final_state": CALL.c.final_state,
    "ended_by": CALL.c.ended_by,
    "invited_us": CALL.c.invited_us,
    "connected_ms": CALL.c.connected_ms,
    "verdict": cast(CALL.c.billable, Integer) * BILLABLE
    + cast(CALL.c.paid, Integer) * PAID
    + cast(CALL.c.near_miss, Integer) * NEAR_MISS,
    "revenue_micros": CALL.c.revenue_micros,
    "payout_micros": CALL.c.payout_micros,
    "cost_micros": CALL.c.cost_micros,
}
_TALKED = or_(ATTEMPT.c.talk_us.is_not(None), ATTEMPT.c.connected_ms > 0)
ATTEMPT_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "call_id": ATTEMPT.c.call_id,
    "attempt": ATTEMPT.c.number,
    "line": ATTEMPT.c.line,
    "advertiser": ATTEMPT.c.advertiser,
    "connected_ms": ATTEMPT.c.connected_ms,
    "talked": case((_TALKED, 1), else_=0),
    "answered": case((ATTEMPT.c.answered_us.is_not(None), 1), else_=0),
    "ended_by_line": case((ATTEMPT.c.ended_by == EndedBy.LINE.value, 1), else_=0),
    "began_us": ATTEMPT.c.invited_us,
    "over_us": func.coalesce(ATTEMPT.c.ended_us, ATTEMPT.c.talk_ended_us, ATTEMPT.c.invited_us),
}
MONEY_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "call_id": MONEY.c.call_id,
    "kind": MONEY.c.kind,
    "line": MONEY.c.line,
    "amount_micros": MONEY.c.amount_micros,
}


def _lower(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """Returns the lower of two, the one that is known where the other is not."""
    return case((one < other, one), else_=func.coalesce(other, one))


def _higher(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((one > other, one), else_=func.coalesce(other, one))


def _mos_on(scale: MosScale) -> ColumnElement[Any]:
    codecs = [codec.name for codec in Codec if codec.mos_scale is scale]
    return case((LEG_MEDIA.c.codec.in_(codecs), _lower(LEG_MEDIA.c.received_mos, LEG_MEDIA.c.sent_mos)))


MEDIA_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "call_id": LEG_MEDIA.c.call_id,
    "attempt": LEG_MEDIA.c.leg,
    "loss": _higher(LEG_MEDIA.c.received_lost_share, LEG_MEDIA.c.sent_lost_share),
    "jitter_ms": _higher(LEG_MEDIA.c.received_jitter_ms, LEG_MEDIA.c.sent_jitter_ms),
    "mos_narrowband": _mos_on(MosScale.NARROWBAND),
    "mos_wideband": _mos_on(MosScale.WIDEBAND),
}
"""Of a leg, whose number is that of its attempt, the caller's 0: the worse of both directions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """The sums of the money rows of one call. None: it has no row of that kind."""

    call_id: str
    revenue_micros: int | None
    payout_micros: int | None
    cost_micros: int | None


class LedgerColumns:
    """Ends with the transaction of its connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def calls(self, names: Sequence[str], period: Period) -> Iterator[Block]:
        return self._blocks(CALL, {name: CALL_COLUMNS[name] for name in names}, period)

    def attempts(self, period: Period) -> Iterator[Block]:
        """Those of other calls may be among them."""
        return self._blocks(ATTEMPT, ATTEMPT_COLUMNS, period)

    def money(self, period: Period) -> Iterator[Block]:
        """Those of other calls, or of none, may be among them."""
        return self._blocks(MONEY, MONEY_COLUMNS, period)

    def media(self, period: Period) -> Iterator[Block]:
        """Those of other calls may be among them."""
        return self._blocks(LEG_MEDIA, MEDIA_COLUMNS, period)

    def count(self, period: Period) -> int:
        """How many calls there are."""
        return self._connection.scalar(select(func.count()).select_from(CALL).where(*_in(period))) or 0

    def amended(self) -> Iterator[Amended]:
        """Calls with money that was posted after their verdict. All others have the money that their verdict says."""
        posted = select(MONEY.c.call_id).where(MONEY.c.number == 0, MONEY.c.kind != MoneyKind.DEPOSIT.value)
        sums = (func.sum(case((MONEY.c.kind == kind.value, MONEY.c.amount_micros))) for kind in _SUMMED)
        rows = select(MONEY.c.call_id, *sums).where(MONEY.c.call_id.in_(posted)).group_by(MONEY.c.call_id)
        for call_id, revenue, payout, cost in self._connection.execute(rows):
            yield Amended(call_id=call_id, revenue_micros=_int(revenue), payout_micros=_int(payout), cost_micros=_int(cost))

    def talked_for_nothing(self) -> Iterator[str]:
        """Calls with an attempt on which talk began, and of which no millisecond counted."""
        rows = select(ATTEMPT.c.call_id).where(ATTEMPT.c.talk_us.is_not(None), ATTEMPT.c.connected_ms == 0)
        yield from self._connection.scalars(rows)

    def recorded(self, call_ids: Iterable[str]) -> set[str]:
        """Those of them that the ledger holds."""
        return reading.existing(self._connection, CALL.c.call_id, call_ids)

    def _blocks(self, table: Table, columns: Mapping[str, ColumnElement[Any]], period: Period) -> Iterator[Block]:
        on_postgresql = self._connection.dialect.name == "postgresql"
        gather = func.json_agg if on_postgresql else func.json_group_array
        gathered: _Asked = select(*(cast(gather(column), Text) for column in columns.values())).select_from(table)
        ranges = [_of(table, period)] if on_postgresql else list(self._ranges(table, period))
        for texts in _ahead([gathered.where(*inside) for inside in ranges], self._connection):
            if texts[0] not in (None, "[]"):
                yield {name: msgspec.json.decode(text) for name, text in zip(columns, texts, strict=True)}

    def _ranges(self, table: Table, period: Period) -> Iterator[list[ColumnElement[bool]]]:
        """SQLite: rowids rise as calls end, so a period is a narrow range of them. Rows in the order they lie are read fastest."""
        rowid: ColumnElement[int] = literal_column(f"{table.name}.{_ROWID}", Integer)
        ends = select(func.min(rowid), func.max(rowid)).select_from(table).where(*_of(table, period))
        low, high = self._connection.execute(ends).one()
        if low is None:
            return
        inside = _in(period) if table is CALL else []
        for start in range(low, high + 1, BLOCK_ROWS):
            yield [rowid >= start, rowid < start + BLOCK_ROWS, *inside]


def _ahead(queries: Sequence[_Asked], connection: Connection) -> Iterator[Row[*tuple[Any, ...]]]:
    """The one row of each query, in turn. A thread asks for the next one meanwhile: the database works beside us."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        waiting: Future[Row[*tuple[Any, ...]]] | None = None
        for query in queries:
            coming = thread.submit(lambda query: connection.execute(query).one(), query)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()


_SUMMED = (MoneyKind.REVENUE, MoneyKind.PAYOUT, MoneyKind.COST)


@contextmanager
def columns_of(database: Database) -> Iterator[LedgerColumns]:
    """The columns of a ledger as of now. Raises LedgerUnreadable."""
    with database.snapshot() as connection:
        yield LedgerColumns(connection)


def _in(period: Period) -> list[ColumnElement[bool]]:
    """Calls of the period. Those of probes are in no report."""
    conditions: list[ColumnElement[bool]] = [~CALL.c.probe]
    if period.has_start:
        conditions.append(CALL.c.invited_us >= period.from_us)
    if period.has_end:
        conditions.append(CALL.c.invited_us < period.to_us)
    return conditions


def _of(table: Table, period: Period) -> list[ColumnElement[bool]]:
    """Rows of `table` that are of a call in the period."""
    if table is CALL:
        return _in(period)
    if not (period.has_start or period.has_end):
        return []
    call_id: Column[str] = table.c.call_id
    return [call_id.in_(select(CALL.c.call_id).where(*_in(period)))]


def _int(total: Any) -> int | None:
    return None if total is None else int(total)
