"""The SQL ledger against real databases, SQLite and PostgreSQL: what is written is read back equal, once, or not at all."""

import itertools
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from switch.billing.entry_state import State, StateRow
from switch.billing.verdict import CallEvent, JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome
from switch.ledger.database import Database
from switch.ledger.store import Ledger, LedgerUnreadable, LedgerUnwritable, RecordRefused

Judge = Callable[[str], JudgedCall]
FullDisk = Callable[[int], AbstractContextManager[None]]

INT64 = st.integers(-(2**63), 2**63 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
JSON_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SCALAR = JSON_TEXT | INT64 | st.booleans()
JSON = st.recursive(
    st.none()
    | st.booleans()
    | INT64
    | st.integers(2**63, 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JSON_TEXT, inner, max_size=3),
    max_leaves=6,
)
NUMBERS = itertools.count(1)


def attempts() -> st.SearchStrategy[tuple[AttemptRecord, ...]]:
    one = st.builds(
        AttemptRecord,
        number=st.just(0),
        line=TEXT,
        advertiser=TEXT,
        campaign=TEXT,
        outcome=st.sampled_from(Outcome),
        sip_code=st.none() | INT32,
        q850=st.none() | INT32,
        invited_us=INT64,
        answered_us=st.none() | INT64,
        ended_us=st.none() | INT64,
        answer_delay_ms=st.none() | INT64,
        connected_ms=INT64,
        priority=INT32,
        talk_us=st.none() | INT64,
        talk_ended_us=st.none() | INT64,
        accepted=st.none() | st.booleans(),
        ended_by=st.none() | st.sampled_from(EndedBy),
        repeat=st.booleans(),
    )
    return st.lists(one, max_size=3).map(
        lambda many: tuple(replace(each, number=number) for number, each in enumerate(many, start=1))
    )


RECORDS = st.builds(
    CallRecord,
    call_id=st.just(""),
    did=TEXT,
    ani=TEXT,
    trunk=TEXT,
    publisher=st.none() | TEXT,
    campaign=st.none() | TEXT,
    final_state=st.sampled_from(FinalState),
    invited_us=INT64,
    answered_us=st.none() | INT64,
    ended_us=INT64,
    ended_by=st.sampled_from(EndedBy),
    ended_detail=TEXT,
    sip_code=st.none() | INT32,
    total_ms=INT64,
    menu_ms=INT64,
    connected_ms=INT64,
    duration_source=st.sampled_from(DurationSource),
    attempts=attempts(),
    digits=TEXT,
    tags=st.dictionaries(TEXT, SCALAR, max_size=3) | st.fixed_dictionaries({"state": TEXT | INT64}),
    menu_done=st.booleans(),
    config=TEXT,
    seed=st.integers(0, 2**64 - 1),
    trail=st.lists(st.dictionaries(TEXT, JSON, max_size=3), max_size=3).map(tuple),
)
MONEY = st.builds(
    MoneyRow,
    key=st.just(""),
    call_id=st.just(""),
    kind=st.sampled_from(MoneyKind),
    party=TEXT,
    campaign=TEXT,
    amount_micros=INT64,
    reason=TEXT,
    actor=TEXT,
    corrects=st.none() | TEXT,
    at_us=st.integers(1, 2**63 - 1),
    link=st.none() | TEXT,
    line=TEXT,
)
STATES = st.builds(
    StateRow,
    key=st.just(""),
    of=st.just(""),
    state=st.sampled_from(State),
    at_us=INT64,
    until_us=st.none() | INT64,
    reason=TEXT,
    actor=TEXT,
)
EVENTS = st.lists(
    st.builds(CallEvent, number=st.just(0), at_us=INT64, event=TEXT, facts=st.dictionaries(JSON_TEXT, JSON, max_size=3)), max_size=3
).map(lambda many: tuple(msgspec.structs.replace(each, number=number) for number, each in enumerate(many, start=1)))
VERDICTS = st.builds(
    Verdict,
    billable=st.booleans(),
    rule=TEXT,
    why=TEXT,
    revenue_micros=INT64,
    payout_micros=INT64,
    rows=st.lists(MONEY, max_size=3).map(tuple),
    paid=st.booleans(),
    cost_micros=INT64,
    near_miss=st.booleans(),
    states=st.lists(STATES, max_size=3).map(tuple),
)


def named(record: CallRecord, verdict: Verdict, events: tuple[CallEvent, ...]) -> JudgedCall:
    """Keys fall as numbers rise: the order of a verdict's rows must not be that of their keys."""
    call_id = f"call-{next(NUMBERS)}"
    rows = tuple(replace(row, key=f"{call_id}/{9 - n}", call_id=call_id) for n, row in enumerate(verdict.rows))
    states = tuple(
        replace(state, key=f"{call_id}/{9 - n}/s", of=f"{call_id}/{9 - n % len(rows)}")
        for n, state in enumerate(verdict.states if rows else ())
    )
    record = replace(record, call_id=call_id)
    return JudgedCall(record=record, verdict=replace(verdict, rows=rows, states=states), events=events)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(judged=st.builds(named, RECORDS, VERDICTS, EVENTS))
def test_what_is_written_is_read_back_equal(ledger: Ledger, judged: JudgedCall) -> None:
    ledger.write([judged])
    assert ledger.calls(limit=1, call_id=judged.record.call_id) == [judged]


def test_read_only_mappings_are_stored_like_any_other(ledger: Ledger, judged: Judge) -> None:
    call = judged("a")
    frozen = replace(
        call.record,
        tags=MappingProxyType(dict(call.record.tags)),
        trail=tuple(MappingProxyType(dict(row)) for row in call.record.trail),
    )
    ledger.write([replace(call, record=frozen)])
    assert ledger.calls(limit=1) == [call]


def test_the_call_that_ended_last_comes_first(ledger: Ledger, judged: Judge) -> None:
    calls = [judged(call_id) for call_id in "abc"]
    ended = [replace(call, record=replace(call.record, ended_us=us)) for call, us in zip(calls, (2, 3, 1), strict=True)]
    ledger.write(ended)
    assert [call.record.call_id for call in ledger.calls(limit=10)] == ["b", "a", "c"]
    assert ledger.calls(limit=2) == [ended[1], ended[0]]
    assert ledger.calls(limit=2, call_id="c") == [ended[2]]
    assert ledger.calls(limit=2, call_id="d") == []


def test_a_call_is_found_by_how_its_id_begins(ledger: Ledger, judged: Judge) -> None:
    ledger.write([judged(call_id) for call_id in ("ab1", "ab2", "a%3", "b")])
    assert [call.record.call_id for call in ledger.calls_like("ab", limit=5)] == ["ab2", "ab1"]
    assert ledger.calls_like("a%", limit=5) == [judged("a%3")]
    assert len(ledger.calls_like("", limit=3)) == 3


def test_a_call_written_again_changes_nothing(ledger: Ledger, judged: Judge) -> None:
    first = judged("a")
    other = judged("a")
    changed = replace(
        other,
        record=replace(other.record, digits="9", attempts=(*other.record.attempts, replace(other.record.attempts[0], number=3))),
        verdict=replace(other.verdict, rows=(replace(other.verdict.rows[0], key="a/another"),), states=()),
        events=(),
    )
    ledger.write([first, changed])
    ledger.write([changed])
    assert ledger.calls(limit=10) == [first]
    assert tuple(ledger.rows_of("a")) == first.verdict.rows


def test_a_money_key_is_written_once_whoever_brings_it(ledger: Ledger, judged: Judge) -> None:
    a, b, c = (judged(call_id) for call_id in "abc")
    b = replace(b, verdict=replace(b.verdict, rows=(*b.verdict.rows, a.verdict.rows[0])))
    c = replace(c, verdict=replace(c.verdict, rows=(replace(a.verdict.rows[0], call_id="c", amount_micros=1), *c.verdict.rows)))
    ledger.write([a, b])
    ledger.write([c])
    assert [call.verdict.rows for call in reversed(ledger.calls(limit=3))] == [
        a.verdict.rows,
        b.verdict.rows[:2],
        c.verdict.rows[1:],
    ]


def test_recorded_gives_those_that_are_there(ledger: Ledger, judged: Judge) -> None:
    ledger.write([judged("a"), judged("b")])
    assert ledger.recorded(["a", "c", *(str(n) for n in range(1200)), "b"]) == {"a", "b"}
    assert ledger.recorded([]) == set()


def test_an_empty_batch_and_a_batch_of_nothing_new_are_fine(ledger: Ledger, judged: Judge) -> None:
    ledger.write([])
    bare = replace(judged("a"), verdict=replace(judged("a").verdict, rows=(), states=()), events=())
    bare = replace(bare, record=replace(bare.record, attempts=()))
    ledger.write([bare])
    ledger.write([bare])
    assert ledger.calls(limit=2) == [bare]


@pytest.mark.parametrize(
    "fields",
    [{"ani": "\ud800"}, {"sip_code": 2**63}, {"tags": {"a": object()}}, {"trail": ({"n": object()},)}],
    ids=lambda fields: next(iter(fields)),
)
def test_a_value_no_database_holds_is_refused_and_leaves_nothing(ledger: Ledger, judged: Judge, fields: dict[str, Any]) -> None:
    bad = replace(judged("bad"), record=replace(judged("bad").record, **fields))
    with pytest.raises(RecordRefused):
        ledger.write([judged("good"), bad])
    assert ledger.recorded(["good", "bad"]) == set()
    ledger.write([judged("good")])


def test_attempts_that_share_a_number_are_refused(ledger: Ledger, judged: Judge) -> None:
    call = judged("a")
    with pytest.raises(RecordRefused):
        ledger.write([replace(call, record=replace(call.record, attempts=call.record.attempts[:1] * 2))])


def test_a_full_disk_is_known_by_a_write_and_by_a_probe_and_leaves_no_half_call(
    sqlite_ledger: Ledger, judged: Judge, full_disk: FullDisk
) -> None:
    ledger = sqlite_ledger
    ledger.write([judged("a")])
    with full_disk(1):
        with pytest.raises(LedgerUnwritable):
            ledger.write([judged("b"), judged("c")])
        with pytest.raises(LedgerUnwritable):
            ledger.probe()
    assert ledger.recorded("abc") == {"a"}
    ledger.probe()
    ledger.write([judged("b"), judged("c")])
    assert ledger.recorded("abc") == {"a", "b", "c"}


def test_a_ledger_that_cannot_be_opened_says_so(tmp_path: Path, judged: Judge) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger(Database(f"sqlite:///{tmp_path / 'file' / 'ledger.sqlite'}"))
    for use in (ledger.migrate, ledger.probe, lambda: ledger.write([judged("a")])):
        with pytest.raises(LedgerUnwritable):
            use()
    with pytest.raises(LedgerUnreadable):
        ledger.calls(limit=1)


@pytest.mark.parametrize("name", ["nonsense", "nosuchdatabase://x/y", "mysql://x/y"])
def test_a_url_that_is_none_says_so(name: str) -> None:
    with pytest.raises(LedgerUnwritable):
        Ledger(Database(name)).probe()


def test_reading_where_there_is_no_ledger_does_not_make_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with pytest.raises(LedgerUnreadable, match="there is no ledger"):
        Ledger(Database(f"sqlite:///{path}")).calls(limit=1)
    assert not path.exists()


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, whatever its name says" * 100)
    ledger = Ledger(Database(f"sqlite:///{path}"))
    with pytest.raises(LedgerUnwritable, match="not a database"):
        ledger.migrate()
    with pytest.raises(LedgerUnreadable, match="not a database"):
        ledger.recorded(["a"])


def test_it_is_read_while_another_process_is_writing(sqlite_ledger: Ledger, judged: Judge, sqlite_url: str) -> None:
    sqlite_ledger.write([judged("a")])
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE health SET probes = probes")
        assert sqlite_ledger.calls(limit=5) == [judged("a")]
        writer.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 2000)]
)
def test_every_connection_is_set_to_be_safe(sqlite_ledger: Ledger, pragma: str, value: object) -> None:
    with sqlite_ledger._database.changing() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_batches_of_every_size_are_looked_up_by_few_statements(tmp_path: Path) -> None:
    """The driver keeps each of a hundred texts prepared: 1 to 501 keys make ten of them."""
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    ledger = Ledger(database)
    ledger.migrate()
    texts: set[str] = set()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if " IN (" in statement:
            texts.add(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for keys in range(1, 502):
            assert ledger.recorded([str(key) for key in range(keys)]) == set()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        ledger.close()
    assert len(texts) == 10
