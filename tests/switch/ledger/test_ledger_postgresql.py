"""What only PostgreSQL does to a ledger: servers that go away, writers on other nodes, limits of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest
from ledger_rows import append_posting
from sqlalchemy import Engine

from switch.billing.verdict import JudgedCall
from switch.ledger import database
from switch.ledger.database import Database
from switch.ledger.store import Ledger, LedgerUnreadable, LedgerUnwritable, PostingRow, RecordRefused

Judge = Callable[[str], JudgedCall]
Raw = Callable[[str], Engine]


def test_a_server_that_is_not_there_says_so(postgres: str, judged: Judge) -> None:
    ledger = Ledger(Database(postgres.format("x") + "/nowhere"))
    for use in (ledger.migrate, ledger.probe, lambda: ledger.write([judged("a")])):
        with pytest.raises(LedgerUnwritable):
            use()
    with pytest.raises(LedgerUnreadable):
        ledger.calls(limit=1)


def test_a_database_without_a_ledger_says_so(postgres: str) -> None:
    with pytest.raises(LedgerUnreadable, match="it has no tables yet; `payphone run` makes them"):
        Ledger(Database(postgres.format("postgres"))).calls(limit=1)


def test_a_connection_that_was_cut_is_known_and_made_anew(
    postgres_ledger: Ledger, postgres_url: str, judged: Judge, raw: Raw
) -> None:
    postgres_ledger.write([judged("a")])
    with raw(postgres_url).connect() as connection:
        cut = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.exec_driver_sql(cut)
    with pytest.raises(LedgerUnwritable):
        postgres_ledger.write([judged("b")])
    postgres_ledger.write([judged("b")])
    assert postgres_ledger.recorded("ab") == {"a", "b"}


def test_a_server_that_takes_no_writes_is_known_by_a_write_and_by_a_probe(
    postgres_ledger: Ledger, postgres_url: str, judged: Judge, raw: Raw
) -> None:
    """As one that has become a standby, or whose disk is full."""
    name = raw(postgres_url).url.database
    with raw(postgres_url).begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    ledger = Ledger(Database(postgres_url))
    for use in (ledger.probe, lambda: ledger.write([judged("a")])):
        with pytest.raises(LedgerUnwritable, match="read-only"):
            use()
    assert ledger.recorded("a") == set()
    ledger.close()


def test_a_writer_that_keeps_its_turn_too_long_makes_the_ledger_unwritable_not_unreadable(
    postgres_url: str, judged: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database._POSTGRESQL, "options", "-c lock_timeout=20ms")
    one, other = Ledger(Database(postgres_url)), Ledger(Database(postgres_url))
    one.write([judged("a")])
    with one._database.changing():
        with pytest.raises(LedgerUnwritable, match="lock timeout"):
            other.write([judged("b")])
        assert other.recorded("ab") == {"a"}
    other.write([judged("b")])
    assert one.recorded("ab") == {"a", "b"}


@pytest.mark.usefixtures("patient")
def test_two_nodes_that_start_at_once_migrate_once(postgres: str, empty_url: str) -> None:
    ledgers = [Ledger(Database(empty_url)) for _ in range(4)]
    with ThreadPoolExecutor(len(ledgers)) as threads:
        for _ in threads.map(Ledger.migrate, ledgers):
            pass
    for ledger in ledgers:
        ledger.probe()
        ledger.close()


@pytest.mark.usefixtures("patient")
def test_many_writers_number_money_in_the_order_in_which_it_can_be_seen(postgres_url: str, judged: Judge) -> None:
    """Who polls behind the last id he saw misses none, however the writers are interleaved."""
    numbers, calls, writers = count(), 15, 4

    def write(_: int) -> None:
        ledger = Ledger(Database(postgres_url))
        for _ in range(calls):
            ledger.write([judged(f"call-{next(numbers)}")])
        ledger.close()

    reader = Ledger(Database(postgres_url))
    seen: list[tuple[int, str]] = [(0, "")]
    with ThreadPoolExecutor(writers) as threads:
        running = [threads.submit(write, n) for n in range(writers)]
        while not all(writer.done() for writer in running):
            seen += [(number, row.key) for number, row in reader.money_since(seen[-1][0])]
        seen += [(number, row.key) for number, row in reader.money_since(seen[-1][0])]
        for writer in running:
            writer.result()
    reader.close()
    assert len(set(seen)) == len(seen) == 1 + 2 * calls * writers


def test_calls_that_several_nodes_write_at_once_are_there_once(postgres_url: str, judged: Judge) -> None:
    ledgers = [Ledger(Database(postgres_url)) for _ in range(3)]
    batch = [judged(f"call-{n}") for n in range(10)]
    with ThreadPoolExecutor(len(ledgers)) as threads:
        for _ in threads.map(lambda ledger: ledger.write(batch), ledgers):
            pass
    assert sorted(call.record.call_id for call in ledgers[0].calls(limit=99)) == sorted(call.record.call_id for call in batch)
    for ledger in ledgers:
        ledger.close()


@pytest.mark.parametrize("fields", [{"ani": "a\0b"}, {"sip_code": 2**31}], ids=["a NUL in text", "more than 32 bits"])
def test_a_value_it_does_not_hold_is_refused(postgres_ledger: Ledger, judged: Judge, fields: dict[str, object]) -> None:
    call = judged("bad")
    with pytest.raises(RecordRefused):
        postgres_ledger.write([judged("good"), replace(call, record=replace(call.record, **fields))])  # type: ignore[arg-type]
    assert postgres_ledger.recorded(["good", "bad"]) == set()


def test_a_key_too_long_for_its_index_is_refused(postgres_ledger: Ledger) -> None:
    key = "".join(chr(0x4E00 + number) for number in range(4000))
    with pytest.raises(RecordRefused):
        append_posting(postgres_ledger, [], [], PostingRow(party="acme", idempotency_key=key, at_us=1, request="", answer=""))
    postgres_ledger.probe()


def test_a_password_is_in_no_error(postgres: str) -> None:
    with pytest.raises(LedgerUnwritable) as error:
        Ledger(Database("postgresql://payphone:sesame@127.0.0.1:1/x")).probe()
    assert "sesame" not in str(error.value)
