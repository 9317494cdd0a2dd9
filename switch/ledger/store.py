"""Knows the SQL ledger: writes judged calls once, reads them back, proves that writing works.

The only place that meets SQLAlchemy's errors: it raises three of its own. Does not know when to write, or what to do when writing
fails: that is the writer's. Reads no clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Column, Connection, Engine, RowMapping, Select, create_engine, event, insert, make_url, select, update
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from switch.billing.verdict import JudgedCall
from switch.ledger.migrate import upgrade
from switch.ledger.rows import attempt_row, call_row, judged_call, money_row
from switch.ledger.schema import ATTEMPT, CALL, HEALTH, MONEY

BUSY_S = 2.0  # how long a write waits for another process's transaction before the ledger counts as unwritable
_IDS_PER_QUERY = 500


class LedgerUnwritable(Exception):
    """The database cannot be written at present. The same write may work later."""


class LedgerUnreadable(Exception):
    """The database cannot be read: not there, not a ledger, damaged."""


class RecordRefused(Exception):
    """The database works, but holds no such value (an integer beyond 64 bits, a lone surrogate). The same write never works."""


class Ledger:
    """One database. Every method is a transaction of its own, callable from any thread, and blocks."""

    def __init__(self, url: str) -> None:
        with _writing():
            self._engine = _engine(url)
        self._reading = self._engine.execution_options(sqlite_begin="BEGIN")

    def migrate(self) -> None:
        """Creates or upgrades the schema, whole or not at all."""
        with _writing():
            if (path := _sqlite_path(self._engine)) is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            with self._engine.begin() as connection:
                upgrade(connection)

    def write(self, calls: Sequence[JudgedCall]) -> None:
        """All or none. A call or a money key that is there already stays as it was written first."""
        with _writing(), _storing(), self._engine.begin() as connection:
            offered = {judged.record.call_id: judged for judged in reversed(calls)}
            known = _existing(connection, CALL.c.call_id, list(offered))
            fresh = [judged for call_id, judged in reversed(offered.items()) if call_id not in known]
            if fresh:
                _insert(connection, fresh)

    def probe(self) -> None:
        """Proves that a write works right now, by doing one."""
        with _writing(), self._engine.begin() as connection:
            probed = connection.execute(update(HEALTH).where(HEALTH.c.id == 1).values(probes=HEALTH.c.probes + 1))
            if probed.rowcount == 0:
                connection.execute(insert(HEALTH).values(id=1, probes=1))

    def calls(self, *, limit: int, call_id: str | None = None) -> list[JudgedCall]:
        """The call that ended last comes first."""
        newest = select(CALL).order_by(CALL.c.ended_us.desc(), CALL.c.call_id.desc()).limit(limit)
        if call_id is not None:
            newest = newest.where(CALL.c.call_id == call_id)
        with self._snapshot() as connection:
            ids = newest.with_only_columns(CALL.c.call_id).subquery()
            chosen = select(ids.c.call_id)
            attempts = _by_call(connection, select(ATTEMPT).where(ATTEMPT.c.call_id.in_(chosen)).order_by(ATTEMPT.c.number))
            money = _by_call(connection, select(MONEY).where(MONEY.c.call_id.in_(chosen)).order_by(MONEY.c.number))
            calls = connection.execute(newest).mappings().all()
        return [judged_call(call, attempts[call["call_id"]], money[call["call_id"]]) for call in calls]

    def recorded(self, call_ids: Iterable[str]) -> set[str]:
        """Those of them that the ledger holds."""
        with self._snapshot() as connection:
            return _existing(connection, CALL.c.call_id, list(call_ids))

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        path = _sqlite_path(self._engine)
        if path is not None and not path.exists():  # SQLite would create it
            raise LedgerUnreadable(f"{path}: there is no ledger")
        try:
            with self._reading.connect() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnreadable(_reason(error)) from error


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, CommandError, OSError) as error:
        raise LedgerUnwritable(_reason(error)) from error


@contextmanager
def _storing() -> Iterator[None]:
    """Tells a value at fault from a database at fault. A key that another writer was quicker to take counts as the former."""
    try:
        yield
    except (IntegrityError, DataError, OverflowError, TypeError, ValueError) as error:
        raise RecordRefused(_reason(error)) from error
    except StatementError as error:
        if isinstance(error, DBAPIError):
            raise
        raise RecordRefused(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Without the statement and its values: they are long, and they name callers."""
    return str(error.orig) if isinstance(error, StatementError) and error.orig is not None else str(error)


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _pooled: object) -> None:
    """WAL: `payphone calls` reads while the switch writes. FULL: a commit survives a power cut."""
    connection.isolation_level = None  # the driver begins no transactions of its own
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Writers take the lock at once: one taken halfway, after a read, may fail without waiting."""
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE"))


def _sqlite_path(engine: Engine) -> Path | None:
    name = engine.url.database
    return Path(name) if engine.dialect.name == "sqlite" and name and name != ":memory:" else None


def _existing(connection: Connection, column: Column[Any], keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), _IDS_PER_QUERY):
        found.update(connection.scalars(select(column).where(column.in_(keys[start : start + _IDS_PER_QUERY]))))
    return found


def _insert(connection: Connection, calls: Sequence[JudgedCall]) -> None:
    connection.execute(insert(CALL), [call_row(judged) for judged in calls])
    attempts = [attempt_row(attempt, judged.record.call_id) for judged in calls for attempt in judged.record.attempts]
    if attempts:
        connection.execute(insert(ATTEMPT), attempts)
    money: dict[str, dict[str, object]] = {}
    for judged in calls:
        for number, row in enumerate(judged.verdict.rows, start=1):
            money.setdefault(row.key, money_row(row, number, at_us=judged.record.ended_us))
    known = _existing(connection, MONEY.c.key, list(money))
    fresh = [row for key, row in money.items() if key not in known]
    if fresh:
        connection.execute(insert(MONEY), fresh)


def _by_call(connection: Connection, rows: Select[Any]) -> dict[str, list[RowMapping]]:
    grouped: dict[str, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(rows).mappings():
        grouped[row["call_id"]].append(row)
    return grouped
