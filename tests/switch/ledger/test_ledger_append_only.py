"""What was written stays as it was: the database itself refuses, whoever asks and by whatever statement."""

# ruff: noqa: S608 the tables are our own
from collections.abc import Callable

import pytest
from ledger_rows import append_posting, steered
from leg_figures import figures
from probe_rows import found
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from media.dsp.ears import Ears
from media.listening import HeardSide, TalkHeard
from switch.billing.verdict import JudgedCall
from switch.ledger.database import Database
from switch.ledger.deliveries import Attempt, DeliveryState, DeliveryStore
from switch.ledger.heard_rows import heard_rows
from switch.ledger.monitoring import MonitorLedger
from switch.ledger.store import Ledger, PostingRow
from switch.ledger.tables import APPEND_ONLY, METADATA, AlertRow, RecordingDeletionRow, RecordingRow
from switch.webhook.happenings import Delivery
from switch.webhook.terms import WebhookEvent

Judge = Callable[[str], JudgedCall]
Raw = Callable[[str], Engine]

KEYS = {
    "money": "key",
    "money_state": "key",
    "event": "call_id, number",
    "config": "version",
    "posting": "party, idempotency_key",
    "recording": "path",
    "recording_deletion": "path",
    "heard": "call_id, attempt, side, started_us",
    "leg_media": "call_id, leg, port",
    "overrides": "number, change",
    "actions": "key",
    "feed": "id",
    "webhook": "name",
    "deliveries": "id",
    "delivery_attempts": "id",
    "probes": "probe, at_us, number",
    "alert": "id",
}


RECORDING = RecordingRow(
    call_id="a",
    path="2026/11/30/a.wav",
    sha256="00",
    length_ms=1,
    sides="both",
    format="wav",
    started_us=1,
    ended_us=2,
    paused_ms=0,
    frames_lost=0,
    why=None,
)

SIDE = HeardSide(heard=Ears().heard(), frames_unheard=0)
HEARD = heard_rows(TalkHeard(call_id="a", attempt=1, started_us=1, caller=SIDE, line=SIDE, one_way="no"))


@pytest.fixture
def filled(ledger: Ledger, judged: Judge, url: str) -> Ledger:
    """A row in every table."""
    ledger.write([judged("a")])
    ledger.keep_config("1", at_us=1, files={"a.yaml": "b"})
    ledger.write_media([("a", figures())])
    append_posting(ledger, [], [], PostingRow(party="acme", idempotency_key="k", at_us=1, request="{}", answer="{}"))
    ledger.add_recordings([RECORDING])
    ledger.add_recording_deletions([RecordingDeletionRow(path=RECORDING.path, at_us=3, actor="ops", reason="asked")])
    ledger.add_heard(HEARD)
    ledger.add_steering([steered(1)])
    ledger.add_probes([found()])
    alert = AlertRow(cause="line:east", kind="line", event="raised", level=0, at_us=1, text="it is down")
    MonitorLedger(Database(url)).add_alerts([alert])
    store = DeliveryStore(Database(url))
    store.register(["campaign/quotes/crm"], version="", now_us=1)
    delivery = Delivery(
        key="k", webhook="campaign/quotes/crm", event=WebhookEvent.ENDED, call_id="a", at_us=1, seen={"id": "1", "event": "ended"}
    )
    (kept,) = store.keep([delivery], after=0, feed=1, now_us=2)
    store.record(
        [Attempt(delivery=kept.number, at_us=3, state=DeliveryState.DELIVERED, tries=1, since_us=2, next_us=None, status=200)]
    )
    return ledger


def refused(engine: Engine, statement: str) -> str:
    """What the database says to it."""
    with engine.connect() as connection, pytest.raises(DBAPIError) as error:
        connection.exec_driver_sql(statement)
    return str(error.value.orig)


def content(engine: Engine) -> dict[str, list[object]]:
    with engine.connect() as connection:
        return {name: list(connection.execute(METADATA.tables[name].select())) for name in APPEND_ONLY}


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_row_is_changed_or_deleted(filled: Ledger, url: str, raw: Raw, table: str) -> None:
    engine = raw(url)
    before = content(engine)
    column = KEYS[table].split(",")[0]
    assert f"{table} is append-only: no UPDATE" in refused(engine, f"UPDATE {table} SET {column} = {column}")
    assert f"{table} is append-only: no DELETE" in refused(engine, f"DELETE FROM {table}")
    assert all(before[name] for name in APPEND_ONLY)
    assert content(engine) == before


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_row_is_replaced(filled: Ledger, url: str, raw: Raw, table: str) -> None:
    """SQLite's REPLACE deletes what is in the way and asks no trigger for DELETE; PostgreSQL's ON CONFLICT updates."""
    engine = raw(url)
    before = content(engine)
    if engine.dialect.name == "sqlite":
        said = refused(engine, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
        assert f"{table} is append-only: no REPLACE" in said
    else:
        column = KEYS[table].split(",")[0]
        takes_over = f"ON CONFLICT ({KEYS[table]}) DO UPDATE SET {column} = excluded.{column}"
        assert f"{table} is append-only: no UPDATE" in refused(engine, f"INSERT INTO {table} SELECT * FROM {table} {takes_over}")
    assert content(engine) == before


def test_no_money_is_replaced_by_its_id(sqlite_ledger: Ledger, sqlite_url: str, judged: Judge, raw: Raw) -> None:
    sqlite_ledger.write([judged("a")])
    columns = "call_id, number, kind, party, campaign, line, amount_micros, reason, actor, at_us"
    replace = f"INSERT OR REPLACE INTO money (id, key, {columns}) SELECT id, 'another', {columns} FROM money"
    assert "no REPLACE" in refused(raw(sqlite_url), replace)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_table_is_truncated(postgres_ledger: Ledger, postgres_url: str, raw: Raw, table: str) -> None:
    assert f"{table} is append-only: no TRUNCATE" in refused(raw(postgres_url), f"TRUNCATE {table}")
    assert f"{table} is append-only: no TRUNCATE" in refused(raw(postgres_url), f"TRUNCATE {table} CASCADE")
