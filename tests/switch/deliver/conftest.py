"""`ledger` and `store`: a fresh ledger on SQLite, and what webhooks have in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from posting_world import empty_ledger

from switch.ledger.database import Database
from switch.ledger.deliveries import DeliveryStore
from switch.ledger.store import Ledger


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "payphone.sqlite"
    path.write_bytes(empty_ledger())
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


@pytest.fixture
def store(database: Database) -> DeliveryStore:
    return DeliveryStore(database)
