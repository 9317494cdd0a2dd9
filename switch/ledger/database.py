"""Knows how SQLite and PostgreSQL are opened, so that they behave alike: durable commits, one writer at a time, whole snapshots.

The only place that meets SQLAlchemy's errors: it raises three of its own. Does not know tables, but for bringing them up to date.
Reads no clock.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from switch.ledger.schema import REVISION

BUSY_S = 2  # how long a write waits for another process's transaction before the ledger counts as unwritable
WAL_RETRY_S = 0.05
WAL_TRIES = int(BUSY_S / WAL_RETRY_S)
CONNECT_S = 5
DEAD_S = 10  # how long a PostgreSQL server may leave us without a word, its machine being gone, before we give it up
_TOO_LARGE = "54000"  # PostgreSQL's word for, among others, a key too long for an index
_TURN = 0x7061797068  # names the advisory lock; any number that nobody else in the database uses


class LedgerUnwritable(Exception):
    """The database cannot be written at present. The same write may work later."""


class LedgerUnreadable(Exception):
    """The database cannot be read: not there, not a ledger, damaged."""


class RecordRefused(Exception):
    """The database works, but holds no such value (an integer beyond 64 bits, a lone surrogate). The same write never works."""


class Database:
    """One database, by SQLAlchemy's URL; `postgresql:` alone is understood. Every transaction is callable from any thread, and blocks."""

    def __init__(self, url: str) -> None:
        with _writing():
            self._engine = _engine(url)
        self._checked = False
        on_postgresql = self._engine.dialect.name == "postgresql"
        self._turns = on_postgresql
        self._reading = (
            self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            if on_postgresql
            else self._engine.execution_options(sqlite_begin="BEGIN")
        )

    def migrate(self) -> None:
        """Creates or upgrades the schema, whole or not at all."""
        with _writing():
            if (path := _sqlite_path(self._engine)) is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
        with self.changing() as connection:
            if _revision(connection) != REVISION:
                from switch.ledger.migrate import upgrade  # noqa: PLC0415 Alembic takes a third of a second, and is rarely needed

                upgrade(connection)

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that writes. Writers take turns, so that what one has looked up stays true until it commits, and numbers that
        the database gives out rise in the order of commits. Raises LedgerUnwritable, RecordRefused."""
        with _writing(), self._engine.begin() as connection:
            if self._turns:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Everything read in it is of one moment. Raises LedgerUnreadable."""
        path = _sqlite_path(self._engine)
        if path is not None and not path.exists():  # SQLite would create it
            raise LedgerUnreadable(f"{path}: there is no ledger")
        try:
            with self._reading.connect() as connection:
                self._check(connection)
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnreadable(_reason(error)) from error

    def close(self) -> None:
        self._engine.dispose()

    def _check(self, connection: Connection) -> None:
        """Looks at the schema once. Raises LedgerUnreadable where it is none that this version reads."""
        if self._checked:
            return
        found = _revision(connection)
        if found != REVISION:
            what = (
                "there are no tables of a ledger" if found is None else f"its schema is {found}, and this version reads {REVISION}"
            )
            raise LedgerUnreadable(f"{what}; `payphone run` of this version brings an older one up to date")
        self._checked = True


@contextmanager
def storing() -> Iterator[None]:
    """Tells a value at fault from a database at fault. A key that another writer was quicker to take counts as the former."""
    try:
        yield
    except (IntegrityError, DataError, OverflowError, TypeError, ValueError) as error:
        raise RecordRefused(_reason(error)) from error
    except StatementError as error:
        if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) != _TOO_LARGE:
            raise
        raise RecordRefused(_reason(error)) from error


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise LedgerUnwritable(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Without the statement and its values: they are long, and they name callers."""
    return str(error.orig) if isinstance(error, StatementError) and error.orig is not None else str(error)


def _revision(connection: Connection) -> str | None:
    """The schema's, as Alembic notes it; None: it has never brought this database up to date."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            engine = create_engine(parsed, connect_args={"timeout": BUSY_S})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        case "postgresql":
            return create_engine(parsed.set(drivername="postgresql+psycopg"), connect_args=_POSTGRESQL)
        case other:
            raise LedgerUnwritable(f"a ledger lies in SQLite or PostgreSQL, not in {other}")


# fsync and synchronous_commit are the server's, and on unless its owner turned them off.
_POSTGRESQL = {
    "application_name": "payphone",
    "connect_timeout": CONNECT_S,
    "tcp_user_timeout": DEAD_S * 1000,
    "keepalives_idle": DEAD_S,
    "options": f"-c lock_timeout={BUSY_S}s -c timezone=UTC",
}


def _prepare_sqlite(connection: DBAPIConnection, _pooled: object) -> None:
    """WAL: `payphone calls` reads while the switch writes. FULL: a commit survives a power cut."""
    connection.isolation_level = None  # the driver begins no transactions of its own
    cursor = connection.cursor()
    _take_up_wal(cursor)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _take_up_wal(cursor: DBAPICursor) -> None:
    """For a new file only one connection at a time can, and SQLite does not wait for its turn there, whatever its timeout is."""
    turn = Event()
    for left in reversed(range(WAL_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if not left:
                raise
            turn.wait(WAL_RETRY_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """Writers take the lock at once: one taken halfway, after a read, may fail without waiting."""
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE"))


def _sqlite_path(engine: Engine) -> Path | None:
    name = engine.url.database
    return Path(name) if engine.dialect.name == "sqlite" and name and name != ":memory:" else None
