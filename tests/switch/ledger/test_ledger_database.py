"""The one database object: who may read its files, what its errors may show, and what an up-to-date schema costs."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import select

from switch.billing.verdict import JudgedCall
from switch.ledger.database import Database, LedgerUnreadable, LedgerUnwritable, newest_schema
from switch.ledger.migrate import scripts
from switch.ledger.store import Ledger
from switch.ledger.tables import HEALTH

Judge = Callable[[str], JudgedCall]
SECRET = "s3cr#t"  # noqa: S105 of no database


@pytest.fixture
def _nobody_is_kept_out() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(path: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}


@pytest.mark.usefixtures("_nobody_is_kept_out")
def test_a_new_sqlite_ledger_is_its_owner_s_alone_and_so_is_what_lies_beside_it(tmp_path: Path, judged: Judge) -> None:
    path = tmp_path / "var" / "ledger.sqlite"
    ledger = Ledger(Database(f"sqlite:///{path}"))
    ledger.migrate()
    ledger.write([judged("a")])
    assert modes(path) == {"ledger.sqlite": 0o600, "ledger.sqlite-wal": 0o600, "ledger.sqlite-shm": 0o600}
    ledger.close()


@pytest.mark.usefixtures("_nobody_is_kept_out")
def test_files_that_others_could_read_are_closed_to_them_when_the_ledger_is_opened(sqlite_url: str, judged: Judge) -> None:
    """Also those that SQLite put beside it, which outlive a crash."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.chmod(0o644)
    first = Ledger(Database(sqlite_url))
    first.write([judged("a")])
    for each in path.parent.iterdir():
        each.chmod(0o664)
    second = Ledger(Database(sqlite_url))
    second.calls(limit=1)
    assert modes(path) == {"ledger.sqlite": 0o600, "ledger.sqlite-wal": 0o600, "ledger.sqlite-shm": 0o600}
    second.close()
    first.close()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://payphone:{SECRET.replace('#', '%23')}@127.0.0.1:1/ledger",
        f"postgresql://payphone@127.0.0.1:1/ledger?password={SECRET.replace('#', '%23')}",
        f"postgresql://payphone:{SECRET}@127.0.0.1:1/ledger",
        f"postgresql://payphone:pay@{SECRET}@127.0.0.1:1/ledger",
        f"postgresql://payphone:{SECRET}/x@127.0.0.1:1/ledger",
        f"postgresql://payphone:{SECRET}@127.0.0.1:{SECRET}/ledger",
        f"postgresql://payphone:x@127.0.0.1:1/ledger?sslpassword={SECRET.replace('#', '%23')}&sslmode={SECRET.replace('#', '%23')}",
        f"postgresql://payphone@127.0.0.1:1/ledger?connect_timeout={SECRET.replace('#', '%23')}&password={SECRET.replace('#', '%23')}",
        f"mysql://payphone:{SECRET}@127.0.0.1/ledger",
        f"no url at all {SECRET}",
    ],
)
def test_no_error_shows_a_password(url: str, judged: Judge) -> None:
    database = Database(url)
    ledger = Ledger(database)
    for use, expected in (
        (database.migrate, LedgerUnwritable),
        (lambda: ledger.write([judged("a")]), LedgerUnwritable),
        (lambda: ledger.calls(limit=1), LedgerUnreadable),
    ):
        with pytest.raises(expected) as caught:
            use()
        error: BaseException | None = caught.value
        while error is not None:
            assert SECRET not in f"{error} {error!r}"
            error = error.__cause__


def test_what_a_database_says_in_several_lines_is_one() -> None:
    with pytest.raises(LedgerUnreadable) as caught:
        Ledger(Database("postgresql://payphone@127.0.0.1:1/ledger")).calls(limit=1)
    assert "Connection refused Is the server running" in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_newest_schema_is_what_alembic_calls_the_head(sqlite_url: str) -> None:
    with Database(sqlite_url).snapshot() as connection:
        assert ScriptDirectory.from_config(scripts(connection)).get_current_head() == newest_schema()


def test_a_ledger_that_is_up_to_date_is_opened_without_alembic(sqlite_url: str) -> None:
    program = (
        "import sys; from switch.ledger.database import Database; from switch.ledger.store import Ledger\n"
        "ledger = Ledger(Database(sys.argv[1])); ledger.migrate(); ledger.probe(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, sqlite_url], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("default", ["repeatable read", "serializable"])
def test_a_second_writer_sees_the_first_whatever_the_server_s_default_is(postgres: str, postgres_url: str, default: str) -> None:
    """The first holds the turn; the second waits for it, and then reads what the first has written."""
    name = postgres_url.partition("@/")[2].partition("?")[0]
    with psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{default}'".encode())
    database = Database(postgres_url)
    ledger = Ledger(database)
    with database.changing() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
        connection.exec_driver_sql("SELECT 1")
        with psycopg.connect(postgres_url) as other:  # without a turn, as no writer is
            other.execute("INSERT INTO health (id, probes) VALUES (1, 41)")
        assert connection.scalar(select(HEALTH.c.probes)) == 41
    ledger.probe()
    with database.snapshot() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
        assert connection.scalar(select(HEALTH.c.probes)) == 42
    database.close()
