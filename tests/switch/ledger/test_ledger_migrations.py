"""The migrations: from nothing to the schema the code expects, from anywhere, whole or not at all."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

import switch
from switch.ledger.schema import METADATA
from switch.ledger.store import Ledger, LedgerUnwritable


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_all_steps_together_give_the_schema_the_code_expects(ledger: Ledger, url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_newest_first_needs_no_sorting(ledger: Ledger, url: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        plan = str(
            database.execute("EXPLAIN QUERY PLAN SELECT * FROM call ORDER BY ended_us DESC, call_id DESC LIMIT 5").fetchall()
        )
    assert "ix_call_newest" in plan
    assert "TEMP B-TREE" not in plan


def test_migrating_again_changes_nothing(ledger: Ledger) -> None:
    ledger.probe()
    ledger.migrate()
    ledger.probe()


def test_a_migration_that_fails_halfway_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(f"sqlite:///{path}")
    failures = 0
    for limit in range(4096, 10 * 4096, 4096):
        try:
            with full_disk(limit):
                ledger.migrate()
        except LedgerUnwritable:
            failures += 1
            assert tables(path) == set()
    assert failures > 1
    ledger.migrate()
    ledger.probe()


def test_a_ledger_of_a_later_version_is_left_alone(ledger: Ledger, url: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    with pytest.raises(LedgerUnwritable, match="9999"):
        ledger.migrate()


def test_the_scripts_are_found_wherever_the_package_lies(tmp_path: Path) -> None:
    """As from an installed wheel: another folder, another working directory, a percent sign in the path, no ini file."""
    site = tmp_path / "100% site"
    shutil.copytree(Path(switch.__file__).parent, site / "switch", ignore=shutil.ignore_patterns("__pycache__"))
    for package in ("routing", "ivr", "media"):
        shutil.copytree(Path(switch.__file__).parent.parent / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import switch.ledger.store as store\n"
        "assert store.__file__.startswith(sys.path[0]), store.__file__\n"
        "ledger = store.Ledger('sqlite:///var/ledger.sqlite'); ledger.migrate(); ledger.probe()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "money" in tables(tmp_path / "var" / "ledger.sqlite")
