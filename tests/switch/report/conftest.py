"""What tests of reports share: databases of both kinds, as the ledger's tests have them, and a ledger of ten calls on each."""

from pathlib import Path

import pytest

from switch.ledger.database import Database
from switch.ledger.store import Ledger
from tests.switch.ledger.conftest import _migrated_postgres, _migrated_sqlite, postgres, postgres_url, sqlite_url, url
from tests.switch.report.ten_calls import TEN, post_corrections

__all__ = ["_migrated_postgres", "_migrated_sqlite", "postgres", "postgres_url", "sqlite_url", "url"]


@pytest.fixture
def ten(url: str) -> str:
    """The URL of a ledger with the ten calls and what was posted since."""
    return fill(url)


@pytest.fixture
def empty(_migrated_sqlite: Path) -> Path:
    """A SQLite ledger to copy, with nothing in it."""
    return _migrated_sqlite


@pytest.fixture
def ten_on_sqlite(sqlite_url: str) -> str:
    return fill(sqlite_url)


def fill(url: str) -> str:
    ledger = Ledger(Database(url))
    ledger.write(TEN)
    post_corrections(ledger)
    ledger.close()
    return url
