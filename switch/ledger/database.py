"""The one database object: SQLite and PostgreSQL opened so that they behave alike.

Commits are durable, one writer writes at a time, a snapshot is whole. Everything that reads or writes a ledger is given a `Database`: the
switch's writer and poller, the API, the audit, the command line. SQLAlchemy's errors end here, as three of the ledger's own, without the
URL's password.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

BUSY_S = 2  # how long a write waits for another process's transaction before the ledger counts as unwritable
WAL_RETRY_S = 0.05
WAL_TRIES = int(BUSY_S / WAL_RETRY_S)
CONNECT_S = 5
DEAD_S = 10  # how long a PostgreSQL server may leave us without a word, its machine being gone, before we give it up
FILE_MODE = 0o600
"""Of the SQLite file and what SQLite puts beside it: rows name callers. Only the switch's own user reads them."""
MASK = "***"
_TOO_LARGE = "54000"  # PostgreSQL's word for, among others, a key too long for an index
_TURN = 0x7061797068  # names the advisory lock; any number that nobody else in the database uses
_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"
_SECRETS = ("password", "sslpassword", "passwd", "pass")
"""Parameters of a URL's query that nobody may read."""


class LedgerUnwritable(Exception):
    """The database cannot be written at present. The same write may work later."""


class LedgerUnreadable(Exception):
    """The database cannot be read: not there, not a ledger, damaged."""


class OtherSchema(LedgerUnreadable):
    """The tables are not those of this version; it says what to do."""


class RecordRefused(Exception):
    """The database works, but holds no such value (an integer beyond 64 bits, a lone surrogate). The same write never works."""


def ledger_url(data: Path, url: str | None = None) -> str:
    """`url`: of the config's `switch.ledger`; None: a SQLite file in the data directory."""
    return url or f"sqlite:///{data / 'payphone.sqlite'}"


def newest_schema() -> str:
    """The number of the schema that this release reads and writes: that of its last migration."""
    return max(path.stem[1:5] for path in _MIGRATIONS.glob("v[0-9]*.py"))


class Database:
    """One database, by SQLAlchemy's URL; `postgresql:` alone is understood. Nothing is opened before it is needed.

    Every transaction is callable from any thread, and blocks. All threads share one pool of connections.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._secrets = _secrets_of(url)
        self._lock = Lock()
        self._opened: Engine | None = None
        self._checked = False

    def migrate(self) -> None:
        """Creates or upgrades the schema, whole or not at all. Alembic, which is slow to import, is only asked where there is something
        to do. Raises LedgerUnwritable."""
        with self._writing():
            if (path := _sqlite_path(self._engine())) is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=FILE_MODE)
        with self.changing() as connection:
            if schema_of(connection) != newest_schema():
                from switch.ledger.migrate import upgrade  # noqa: PLC0415 no command waits for it where there is nothing to do

                upgrade(connection)

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that writes. Writers take turns, so that what one has looked up stays true until it commits, and numbers that
        the database gives out rise in the order of commits. Raises LedgerUnwritable, RecordRefused."""
        with self._writing(), self._engine().begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Everything read in it is of one moment. Raises LedgerUnreadable."""
        try:
            engine = self._engine()
            path = _sqlite_path(engine)
            if path is not None and not path.exists():  # SQLite would create it
                raise LedgerUnreadable(f"{path}: there is no ledger")
            with engine.execution_options(**_READING[engine.dialect.name]).connect() as connection:
                self._check(connection)
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnreadable(self._reason(error)) from self._cause(error)

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.dispose()

    def _engine(self) -> Engine:
        with self._lock:
            if self._opened is None:
                self._opened = _engine(_parsed(self._url))
            return self._opened

    def _check(self, connection: Connection) -> None:
        """Looks at the schema once. Raises OtherSchema where it is none that this version reads."""
        if self._checked:
            return
        found, wanted = schema_of(connection), newest_schema()
        if found is None:
            raise OtherSchema("it has no tables yet; `payphone run` makes them")
        if found < wanted:
            raise OtherSchema(
                f"its schema is {found}; the `payphone run` of this version brings it to {wanted}, once the older one ends"
            )
        if found > wanted:
            raise OtherSchema(f"its schema is {found}, and this version knows {wanted}; read it with the version that runs on it")
        self._checked = True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnwritable(self._reason(error)) from self._cause(error)

    def _reason(self, error: Exception) -> str:
        """Returns what went wrong, without the URL's secrets."""
        return _masked(_reason(error), self._secrets)

    def _cause(self, error: Exception) -> Exception | None:
        """A traceback shows its causes too: one that names a secret is left out."""
        return error if _masked(f"{error!r} {error}", self._secrets) == f"{error!r} {error}" else None


def schema_of(connection: Connection) -> str | None:
    """The number of the schema that the database has; None: it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    number = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if number is None else str(number)


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


def _reason(error: Exception) -> str:
    """One line, without the statement and its values: they are long, and they name callers."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    return " ".join(str(cause).split())


def _parsed(url: str) -> URL:
    """Raises ArgumentError, which does not repeat the URL: it may hold a password."""
    try:
        parsed = make_url(url)
        _ = parsed.port
    except (ArgumentError, ValueError):
        raise ArgumentError("the ledger's URL is none: sqlite:///PATH or postgresql://USER@HOST/NAME is expected") from None
    if "@" in (parsed.host or ""):  # the rest of a password
        raise ArgumentError("the ledger's URL has more than one @: write the one in a password as %40")
    return parsed


def _secrets_of(url: str) -> Collection[str]:
    """The parts of a URL that no error may show, as written and as understood."""
    try:
        parsed = _parsed(url)
    except ArgumentError:
        return ()
    values = [parsed.password, *(parsed.query.get(name) for name in _SECRETS)]
    plain = [text for value in values if value for text in ([value] if isinstance(value, str) else value)]
    return sorted({text for text in plain if text}, key=len, reverse=True)


def _masked(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _engine(url: URL) -> Engine:
    match url.get_backend_name():
        case "sqlite":
            engine = create_engine(url, connect_args={"timeout": BUSY_S})
            event.listen(engine, "connect", _prepare_sqlite)
            if (path := _sqlite_path(engine)) is not None:
                event.listen(engine, "connect", lambda _connection, _pooled: _keep_private(path))
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        case "postgresql":
            # said, because a server's default may be another: two writers must see each other's rows once they have had their turns
            level = "READ COMMITTED"
            return create_engine(url.set(drivername="postgresql+psycopg"), connect_args=_POSTGRESQL, isolation_level=level)
        case other:
            raise ArgumentError(f"a ledger lies in SQLite or PostgreSQL, not in {other}")


_READING: dict[str, dict[str, object]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "sqlite": {"sqlite_begin": "BEGIN"},
}
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


def _keep_private(path: Path) -> None:
    """Closes files to others that an earlier release, or another program, left open. Those that belong to somebody else stay."""
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            if each.stat().st_mode & 0o077:
                each.chmod(FILE_MODE)
        except (FileNotFoundError, PermissionError):
            continue


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
