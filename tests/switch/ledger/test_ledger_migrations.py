"""The migrations: from nothing to the schema the code expects, from anywhere, whole or not at all."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from child_process import run_to_end
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

import switch
from switch.billing.verdict import JudgedCall
from switch.call.record import EndedBy
from switch.ledger.database import Database, OtherSchema, newest_schema
from switch.ledger.migrate import scripts
from switch.ledger.store import Ledger, LedgerUnwritable
from switch.ledger.tables import METADATA

Judge = Callable[[str], JudgedCall]
Raw = Callable[[str], Engine]

# What version 0001 wrote: a call that converted with the second line, one that was too short, and one that paid nobody.
CALL_0001 = """
INSERT INTO call (call_id, did, ani, trunk, publisher, campaign, final_state, invited_us, answered_us, ended_us, ended_by, ended_detail,
    sip_code, total_ms, menu_ms, connected_ms, duration_source, digits, tags, config, seed, trail, billable, rule, why, revenue_micros,
    payout_micros)
SELECT id, '+18005550100', '+12145550123', 'carrier-a', 'radio', 'auto', state, 1000000, 2000000, 110000000, 'caller',
    'caller_hung_up', 200, 108000, 4000, connected, 'monotonic', '1', tags, '9f', '18446744073709551615', '[{"rule":"lines"}]',
    revenue > 0, 'auto: connected_for >= 90000 ms', 'acme-west: connected', revenue, payout
FROM (SELECT 'a' AS id, 'converted' AS state, 95000 AS connected, '{"zip":"75001","state":"TX"}' AS tags,
        45000000 AS revenue, 30000000 AS payout
    UNION ALL SELECT 'b', 'connected_short', 5000, '{"estate":"none"}', 0, 0
    UNION ALL SELECT 'c', 'converted', 95000, '{}', 45000000, 0) AS calls
"""
ATTEMPT_0001 = """
INSERT INTO attempt (call_id, number, line, advertiser, campaign, outcome, sip_code, q850, invited_us, answered_us, ended_us, ring_ms,
    connected_ms)
SELECT call_id, 1, 'acme-east', 'acme', 'auto', 'busy', 486, 17, 5000000, NULL, 5200000, NULL, 0 FROM call
UNION ALL SELECT call_id, 2, 'acme-west', 'acme', 'auto', 'answered', 200, NULL, 6000000, 9000000, 110000000, 3000, connected_ms FROM call
"""
MONEY_0001 = """
INSERT INTO money (key, call_id, number, kind, party, campaign, amount_micros, corrects, reason, actor, at_us)
SELECT call_id || '/payout', call_id, 2, 'payout', 'radio', 'auto', payout_micros, NULL, 'r', 'switch', ended_us FROM call
WHERE payout_micros > 0
UNION ALL SELECT call_id || '/revenue/acme-west', call_id, 1, 'revenue', 'acme', 'auto', revenue_micros, NULL, 'r', 'switch', ended_us
FROM call WHERE revenue_micros > 0
"""


@pytest.fixture
def old(empty_url: str, raw: Raw) -> str:
    """A database as version 0001 left it, with calls in it."""
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    with raw(empty_url).begin() as connection:
        command.upgrade(scripts(connection), "0001")
        for statement in (CALL_0001, ATTEMPT_0001, MONEY_0001):
            connection.exec_driver_sql(statement)
    return empty_url


@pytest.fixture
def upgraded(old: str) -> Iterator[Ledger]:
    ledger = Ledger(Database(old))
    ledger.migrate()
    yield ledger
    ledger.close()


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def difference(engine: Engine) -> object:
    """What the schema in `engine` lacks of the one the code expects, or has beyond it. Defaults are for rows of older versions, which only
    migrations know: the code writes every column."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, METADATA)


def shape(engine: Engine) -> dict[str, list[str]]:
    """Tables and their columns."""
    look = inspect(engine)
    return {table: [column["name"] for column in look.get_columns(table)] for table in sorted(look.get_table_names())}


def test_all_steps_together_give_the_schema_the_code_expects(url: str, raw: Raw) -> None:
    assert difference(raw(url)) == []


def test_calls_of_the_first_version_read_back_with_what_they_imply(upgraded: Ledger, old: str, raw: Raw) -> None:
    assert difference(raw(old)) == []
    a, b, c = sorted(upgraded.calls(limit=5), key=lambda call: call.record.call_id)
    assert (a.record.ended_by, a.record.tags, a.record.seed) == (EndedBy.CALLER, {"zip": "75001", "state": "TX"}, 2**64 - 1)
    assert [call.verdict.paid for call in (a, b, c)] == [True, False, False]
    assert [call.verdict.billable for call in (a, b, c)] == [True, False, True]
    assert (a.events, a.record.menu_done, a.verdict.near_miss, a.verdict.cost_micros) == ((), False, False, 0)
    busy, talked = a.record.attempts
    assert (busy.talk_us, busy.talk_ended_us, busy.priority, busy.accepted, busy.ended_by) == (None, None, 1, None, None)
    assert (talked.talk_us, talked.talk_ended_us, talked.repeat) == (9_000_000, 104_000_000, False)
    assert (talked.answer_delay_ms, talked.pdd_ms, talked.sip_call_id, a.record.sip_call_id) == (3_000, None, None, None)
    assert [(row.key, row.line, row.amount_micros, row.at_us) for row in a.verdict.rows] == [
        ("a/revenue/acme-west", "acme-west", 45_000_000, 110_000_000),
        ("a/payout", "acme-west", 30_000_000, 110_000_000),
    ]
    assert [(number, row.key) for number, row in upgraded.money_since(0)] == [
        (1, "a/revenue/acme-west"),
        (2, "a/payout"),
        (3, "c/revenue/acme-west"),
    ]
    with raw(old).connect() as connection:
        states = connection.exec_driver_sql("SELECT call_id, state FROM call ORDER BY call_id").all()
    assert [tuple(row) for row in states] == [("a", "TX"), ("b", None), ("c", None)]


def test_what_the_second_version_called_ringing_is_the_delay_until_the_answer(empty_url: str, raw: Raw) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    with raw(empty_url).begin() as connection:
        command.upgrade(scripts(connection), "0002")
        for statement in (CALL_0001, ATTEMPT_0001):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("UPDATE attempt SET accepted = true, priority = 7 WHERE number = 2")
    ledger = Ledger(Database(empty_url))
    ledger.migrate()
    (call,) = ledger.calls(limit=1, call_id="a")
    busy, talked = call.record.attempts
    assert (busy.answer_delay_ms, busy.pdd_ms, busy.sip_call_id) == (None, None, None)
    assert (talked.answer_delay_ms, talked.pdd_ms, talked.accepted, talked.priority) == (3_000, None, True, 7)
    assert difference(raw(empty_url)) == []
    ledger.close()


def test_recordings_of_before_voicemail_are_of_talk(empty_url: str, raw: Raw) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    with raw(empty_url).begin() as connection:
        command.upgrade(scripts(connection), "0008")
        connection.exec_driver_sql("INSERT INTO recording VALUES ('a', 'a.wav', '00', 1, 'both', 'wav', 1, 2, 0, 0, NULL)")
    ledger = Ledger(Database(empty_url))
    ledger.migrate()
    (kept,) = ledger.recordings_of(["a"])
    assert (kept.recording.kind, kept.recording.sides) == ("talk", "both")
    assert difference(raw(empty_url)) == []
    ledger.close()


def test_a_new_field_of_a_record_needs_a_column_and_nothing_else(tmp_path: Path) -> None:
    """Written, read back, and shown, on SQLite: all lists of columns follow from the record types."""
    program = """
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import switch.call.record as record

@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord(record.AttemptRecord):
    trial_us: int | None = None
    tried: bool = False

@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord(record.CallRecord):
    attempts: tuple[AttemptRecord, ...] = ()
    trial: record.Outcome | None = None
    trials: Mapping[str, int] | None = None

record.AttemptRecord, record.CallRecord = AttemptRecord, CallRecord

from switch.billing.call_json import as_json
from switch.billing.verdict import JudgedCall, Verdict
from switch.ledger.database import Database, OtherSchema, newest_schema
from switch.ledger.store import Ledger

database = Database(f"sqlite:///{sys.argv[1]}")
ledger = Ledger(database)
ledger.migrate()
with database.changing() as connection:
    for table, column in (("call", "trial TEXT"), ("call", "trials TEXT"), ("attempt", "trial_us BIGINT"), ("attempt", "tried BOOLEAN")):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
attempt = AttemptRecord(
    number=1, line="l", advertiser="a", campaign="c", outcome=record.Outcome.BUSY, sip_code=486, q850=17, invited_us=1, answered_us=None,
    ended_us=2, answer_delay_ms=None, connected_ms=0, trial_us=2**40, tried=True,
)
call = CallRecord(
    call_id="x", did="d", ani="", trunk="t", publisher=None, campaign=None, final_state=record.FinalState.BUSY, invited_us=1,
    answered_us=None, ended_us=2, ended_by=record.EndedBy.LINE, ended_detail="busy", sip_code=486, total_ms=0, menu_ms=0, connected_ms=0,
    duration_source=record.DurationSource.MONOTONIC, attempts=(attempt, replace(attempt, number=2, trial_us=None, tried=False)),
    trial=record.Outcome.SILENT, trials={"n": 3},
)
judged = JudgedCall(record=call, verdict=Verdict(billable=False, rule="", why="", revenue_micros=0, payout_micros=0))
ledger.write([judged])
assert ledger.calls(limit=1) == [judged], ledger.calls(limit=1)
shown = as_json(judged)
assert (shown["trial"], shown["trials"]) == ("silent", {"n": 3}), shown
assert [each["tried"] for each in shown["attempts"]] == [True, False], shown
assert "trial_at" in shown["attempts"][0], shown
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "ledger.sqlite")], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_an_upgraded_ledger_takes_new_rows_and_keeps_the_old_ones(upgraded: Ledger, old: str, raw: Raw, judged: Judge) -> None:
    upgraded.write([judged("n")])
    assert upgraded.calls(limit=1, call_id="n") == [judged("n")]
    assert [number for number, _ in upgraded.money_since(0)] == [1, 2, 3, 4, 5]
    with raw(old).connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.exec_driver_sql("DELETE FROM money")


def test_an_upgrade_that_fails_at_its_end_leaves_the_first_version(old: str, raw: Raw) -> None:
    """The last step is in the way of itself: a table of its name is there already."""
    engine = raw(old)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE posting (a INTEGER)")
    before = shape(engine)
    ledger = Ledger(Database(old))
    with pytest.raises(LedgerUnwritable):
        ledger.migrate()
    assert shape(raw(old)) == before
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE posting")
    ledger.migrate()
    assert len(ledger.calls(limit=5)) == 3
    ledger.close()


def test_newest_first_needs_no_sorting(sqlite_url: str) -> None:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as database:
        plan = str(
            database.execute("EXPLAIN QUERY PLAN SELECT * FROM call ORDER BY ended_us DESC, call_id DESC LIMIT 5").fetchall()
        )
    assert "ix_call_newest" in plan
    assert "TEMP B-TREE" not in plan


def test_a_caller_is_found_without_reading_all_calls_of_the_time(sqlite_url: str) -> None:
    found = "SELECT * FROM call WHERE ani = '+12125550199' AND invited_us >= 1 AND invited_us < 2 ORDER BY invited_us DESC, call_id DESC"
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as database:
        plan = str(database.execute(f"EXPLAIN QUERY PLAN {found}").fetchall())
    assert "ix_call_ani (ani=? AND invited_us>? AND invited_us<?)" in plan


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("0001", "its schema is 0001; the `payphone run` of this version brings it to {}, once the older one ends"),
        ("9999", "its schema is 9999, and this version knows {}; read it with the version that runs on it"),
    ],
)
def test_a_ledger_of_another_version_says_what_to_do(url: str, raw: Raw, version: str, says: str) -> None:
    with raw(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    ledger = Ledger(Database(url))
    with pytest.raises(OtherSchema) as refusal:
        ledger.calls(limit=1)
    assert str(refusal.value) == says.format(newest_schema())
    ledger.close()


def test_migrating_again_changes_nothing(ledger: Ledger) -> None:
    ledger.probe()
    ledger.migrate()
    ledger.probe()


def test_a_migration_that_fails_halfway_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(Database(f"sqlite:///{path}"))
    failures = 0
    for limit in range(4096, 30 * 4096, 4096):
        try:
            with full_disk(limit):
                ledger.migrate()
        except LedgerUnwritable:
            failures += 1
            assert tables(path) == set()
    assert failures > 1
    ledger.migrate()
    ledger.probe()


def test_a_ledger_of_a_later_version_is_left_alone(ledger: Ledger, url: str, raw: Raw) -> None:
    with raw(url).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
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
        "ledger = store.Ledger(store.Database('sqlite:///var/ledger.sqlite')); ledger.migrate(); ledger.probe()\n"
    )
    done = run_to_end([sys.executable, "-c", program], deadline_s=120, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "money" in tables(tmp_path / "var" / "ledger.sqlite")
