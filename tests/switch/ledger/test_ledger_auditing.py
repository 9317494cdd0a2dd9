"""The audit of a whole ledger, on SQLite and PostgreSQL: sound ones pass, and what was tampered with is named by its key."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from ledger_rows import append_posting
from money_cases import AUTO, INVITED_US, TERMS, call, in_turn
from sqlalchemy import Engine

from switch.billing.actions import Dispute, Posted
from switch.billing.actions import Posting as Asked
from switch.billing.balance import balances, balances_of
from switch.billing.judge import judge
from switch.billing.posting import deposit, post
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.ledger.auditing import AuditFinding, Auditor
from switch.ledger.database import Database
from switch.ledger.journal import Journal
from switch.ledger.store import Append, Ledger, PostingRow, Read

Raw = Callable[[str], Engine]

LATER_US = INVITED_US + 10**12
TERMS_OF_ALL = {**TERMS, "auto": replace(AUTO, hold_days=7)}
IDS = ("a", "a-b", "aa", "B", "c", "Z-9", "é")
"""By code point, `B` and `Z-9` come first and `é` last; languages see it otherwise, and `a/...` comes behind `a-b/...`."""


def over(call_id: str) -> JudgedCall:
    record = call(*in_turn(("east", None), ("east", 120_000), ("west", 95_000)), call_id=call_id)
    return JudgedCall(record=record, verdict=judge(record, TERMS_OF_ALL))


def dispute(ledger: Ledger, judged: JudgedCall) -> None:
    """As the API posts it."""
    asked = Asked(key="k1", act=Dispute(), at_us=LATER_US, actor="advertiser:owner", line="east")
    posted = post(judged.record, asked, money=judged.verdict.rows, states=judged.verdict.states, terms=TERMS_OF_ALL)
    assert isinstance(posted, Posted)
    witness = {"rows": {}, "states": {row.key: row.state.value for row in posted.states}}
    party = f"advertiser:{judged.record.call_id}"
    append_posting(
        ledger,
        posted.money,
        posted.states,
        PostingRow(party=party, idempotency_key="k1", at_us=0, request=json.dumps(witness), answer="{}"),
    )


def pay(ledger: Ledger, *, micros: int = 7_000_000) -> MoneyRow:
    row = deposit("owner-of-east", "WIRE-1", amount_micros=micros, at_us=LATER_US, actor="ops:ann")
    assert isinstance(row, MoneyRow)
    witness = json.dumps({"rows": {row.key: micros}, "states": {}})
    posting = PostingRow(party="deposit:owner-of-east", idempotency_key="WIRE-1", at_us=0, request=witness, answer="{}")
    append_posting(ledger, [row], [], posting)
    return row


@pytest.fixture
def sound(ledger: Ledger) -> Ledger:
    """A ledger with calls, a deposit and disputes."""
    calls = [over(call_id) for call_id in IDS]
    ledger.write(calls)
    pay(ledger)
    for judged in calls[:3]:
        dispute(ledger, judged)
    return ledger


@pytest.fixture
def audited(url: str, sound: Ledger, tmp_path: Path) -> Callable[[], list[AuditFinding]]:
    return lambda: list(Auditor(Ledger(Database(url)), tmp_path / "journal").findings())


@pytest.fixture
def tamper(url: str, raw: Raw) -> Callable[[str], None]:
    """Runs SQL behind the back of the triggers, and leaves them as they were."""

    def run(sql: str) -> None:
        with raw(url).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
                connection.exec_driver_sql(sql)
                return
            triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
            for name, _ in triggers:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            connection.exec_driver_sql(sql)
            for _, created in triggers:
                connection.exec_driver_sql(created)

    return run


def test_a_sound_ledger_has_no_findings(url: str, sound: Ledger, tmp_path: Path) -> None:
    auditor = Auditor(Ledger(Database(url)), tmp_path / "journal")
    assert list(auditor.findings()) == []
    checked = auditor.checked
    calls = [over(call_id) for call_id in IDS]
    assert (checked.calls, checked.attempts, checked.postings, checked.parties) == (7, 21, 4, 3)
    assert checked.money == sum(len(judged.verdict.rows) for judged in calls) + 1
    assert checked.rows == checked.total == checked.calls + checked.attempts + checked.money + checked.states


def test_an_empty_ledger_has_none_either(url: str, tmp_path: Path) -> None:
    assert list(Auditor(Ledger(Database(url)), tmp_path / "journal").findings()) == []


DISPUTED = "a/post/east/k1/dispute/disputed-revenue"


@pytest.mark.parametrize(
    ("rule", "key", "sql"),
    [
        ("verdict_is_sum", "a-b", "UPDATE money SET amount_micros = 26000000 WHERE key = 'a-b/revenue/east'"),
        ("as_posted", "deposit/owner-of-east/WIRE-1", "UPDATE money SET amount_micros = 8000000 WHERE kind = 'deposit'"),
        ("as_posted", "deposit/owner-of-east/WIRE-1", "DELETE FROM money WHERE kind = 'deposit'"),
        ("well_formed_key", "aa/payouts", "UPDATE money SET key = 'aa/payouts' WHERE key = 'aa/payout'"),
        ("has_call", "B/payout", "UPDATE money SET call_id = 'gone' WHERE key = 'B/payout'"),
        ("readable", "B/payout", "UPDATE money SET kind = 'gift' WHERE key = 'B/payout'"),
        ("as_posted", DISPUTED, "UPDATE money_state SET state = 'approved' WHERE state = 'disputed'"),
        ("readable", DISPUTED, "UPDATE money_state SET state = 'lost' WHERE state = 'disputed'"),
        ("legal_state", "c/payout/held", "UPDATE money_state SET state = 'upheld' WHERE key = 'c/payout/held'"),
        ("has_posting", DISPUTED, "DELETE FROM posting WHERE party = 'advertiser:a'"),
        ("talk_fits", "é/attempt/2", "UPDATE attempt SET connected_ms = 130000 WHERE call_id = 'é' AND number = 2"),
        ("connected_within_total", "c", "UPDATE \"call\" SET total_ms = connected_ms - 1 WHERE call_id = 'c'"),
        ("ended_after_answered", "c", "UPDATE \"call\" SET answered_us = ended_us + 1 WHERE call_id = 'c'"),
        ("verdict_is_sum", "Z-9", "UPDATE \"call\" SET revenue_micros = 1 WHERE call_id = 'Z-9'"),
    ],
)
def test_what_was_tampered_with_is_named(
    audited: Callable[[], list[AuditFinding]], tamper: Callable[[str], None], rule: str, key: str, sql: str
) -> None:
    tamper(sql)
    assert (rule, key) in [(finding.rule, finding.key) for finding in audited()]


@pytest.mark.parametrize("sql", ["total_ms = connected_ms", "answered_us = ended_us", "answered_us = NULL"])
def test_a_call_may_talk_until_its_last_millisecond_and_end_as_it_is_answered(
    audited: Callable[[], list[AuditFinding]], tamper: Callable[[str], None], sql: str
) -> None:
    tamper(f"UPDATE \"call\" SET {sql} WHERE call_id = 'c'")  # noqa: S608 from above
    assert audited() == []


def test_a_verdict_that_is_not_its_rows_names_the_rows(
    audited: Callable[[], list[AuditFinding]], tamper: Callable[[str], None]
) -> None:
    tamper("UPDATE money SET amount_micros = 26000000 WHERE key = 'a-b/revenue/east'")
    (finding,) = audited()
    assert (finding.key, finding.rule) == ("a-b", "verdict_is_sum")
    assert "a-b/revenue/east" in finding.rows
    assert finding.what == "the verdict says revenue 50.00, its rows come to 51.00"


def test_a_row_that_was_slipped_in_is_named(audited: Callable[[], list[AuditFinding]], url: str, raw: Raw) -> None:
    """No trigger refuses that: nothing was changed."""
    with raw(url).begin() as connection:
        columns = "key, call_id, number, kind, party, campaign, line, amount_micros, corrects, reason, actor, at_us"
        row = "'a', 0, 'revenue', 'owner-of-east', 'auto', 'east', -5000000, 'a/revenue/east', '', 'ops', 1"
        key = "'a/post/east/x/adjust-revenue-by:-5.00/revenue'"
        connection.exec_driver_sql(f"INSERT INTO money ({columns}) VALUES ({key}, {row})")  # noqa: S608 constants
    assert audited() == [
        AuditFinding(
            key="a/post/east/x/adjust-revenue-by:-5.00/revenue",
            rule="has_posting",
            what="no posting says that it wrote this row",
        )
    ]


def test_a_guard_that_is_gone_is_named(audited: Callable[[], list[AuditFinding]], url: str, raw: Raw) -> None:
    with raw(url).begin() as connection:
        if connection.dialect.name == "sqlite":
            name = "money_refuses_update"
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            name = "money_refuses_change"
            connection.exec_driver_sql(f"ALTER TABLE money DISABLE TRIGGER {name}")
    assert [(finding.key, finding.rule) for finding in audited()] == [(name, "append_only")]


def test_a_number_that_is_none_is_named(sqlite_url: str, raw: Raw, tmp_path: Path) -> None:
    """SQLite takes anything in any column."""
    ledger = Ledger(Database(sqlite_url))
    ledger.write([over("a")])
    with raw(sqlite_url).begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER money_refuses_update")
        connection.exec_driver_sql("UPDATE money SET amount_micros = 'much' WHERE key = 'a/payout'")
    found = list(Auditor(Ledger(Database(sqlite_url)), tmp_path / "journal").findings())
    assert AuditFinding(key="a/payout", rule="readable", what="'much' is no whole number") in found
    ledger.close()


# the journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal")
    yield journal
    journal.close()


def segment(folder: Path) -> Path:
    return max((folder / "journal").glob("*.journal"))


def test_damage_in_the_journal_is_told_with_file_and_offset(sqlite_url: str, journal: Journal, tmp_path: Path) -> None:
    journal.append("x", b'{"one": 1}')
    first = segment(tmp_path).stat().st_size
    journal.append("y", b'{"two": 2}')
    path = segment(tmp_path)
    text = path.read_bytes()
    path.write_bytes(text[:first] + b"#" + text[first + 1 :] + b"00000000 x {")
    found = list(Auditor(Ledger(Database(sqlite_url)), tmp_path / "journal").findings())
    assert [(finding.key, finding.rule) for finding in found] == [(str(path), "journal_whole")] * 2
    assert found[0].what == f"byte {first}: {len(text) - first} corrupt bytes"
    assert found[1].what == f"byte {len(text)}: torn tail, a line cut after 12 bytes"


def test_what_is_still_being_written_is_not_torn(
    sqlite_url: str, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = segment(tmp_path)
    journal.append("x", b'{"one": 1}')
    whole = path.read_bytes()
    halves = iter([whole[:-5], whole])
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: next(halves) if self == path else real(self))
    assert list(Auditor(Ledger(Database(sqlite_url)), tmp_path / "journal").findings()) == []


def test_money_of_a_call_in_progress_is_no_orphan(sqlite_url: str, journal: Journal, tmp_path: Path) -> None:
    row = replace(over("live").verdict.rows[0], line="east")
    ledger = Ledger(Database(sqlite_url))
    append_posting(
        ledger,
        [row],
        [],
        PostingRow(
            party="switch", idempotency_key="1", at_us=0, request=json.dumps({"rows": {row.key: row.amount_micros}}), answer=""
        ),
    )
    rules = [finding.rule for finding in Auditor(Ledger(Database(sqlite_url)), tmp_path / "journal").findings()]
    assert rules == ["has_call"]
    journal.append("live", b"{}")
    assert list(Auditor(Ledger(Database(sqlite_url)), tmp_path / "journal").findings()) == []
    ledger.close()


# streams and sums


def test_streams_come_in_the_order_of_code_points(sound: Ledger) -> None:
    with sound.scan() as ledger:
        assert [each.call_id for each in ledger.calls()] == sorted(IDS)
        assert [row.call_id for row in ledger.money()] == sorted(row.call_id for row in ledger.money())
        states = [row.of.partition("/")[0] for row in ledger.states()]
        assert states == sorted(states)


def test_a_database_that_sorts_as_a_language_does_is_read_in_the_same_order(postgres: str, tmp_path: Path) -> None:
    name = "in_english"
    with psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
        language = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'"
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {language}".encode())
        try:
            ledger = Ledger(Database(postgres.format(name)))
            ledger.migrate()
            ledger.write([over(call_id) for call_id in IDS])
            auditor = Auditor(ledger, tmp_path / "journal")
            assert list(auditor.findings()) == []
            assert auditor.checked.calls == len(IDS)
            ledger.close()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_balances_of_streams_are_those_of_rows(sound: Ledger) -> None:
    with sound.scan() as ledger:
        money, states = list(ledger.money()), list(ledger.states())
        for now_us in (INVITED_US, LATER_US):
            whole = balances(money, states, now_us)
            assert balances_of(iter(money), iter(states), now_us) == whole
            alone = balances_of(ledger.money(party="owner-of-east"), ledger.states(party="owner-of-east"), now_us)
            assert alone == {account: balance for account, balance in whole.items() if account[1] == "owner-of-east"}
        assert ledger.sums() == {account: balance.total_micros for account, balance in whole.items()}
        assert ledger.sums(party="radio-one").keys() == {(MoneyKind.PAYOUT, "radio-one")}
        assert ledger.count_money(party="radio-one") == len(IDS)


# a transaction


def test_what_is_decided_on_is_still_true_when_it_is_written(url: str, sound: Ledger) -> None:
    """Two at once: the second is shown what the first has written."""
    ledger = Ledger(Database(url))

    def one_more(number: int) -> int:
        def decide(read: Read) -> tuple[Append, int]:
            base = read.money[0]
            so_far = len(read.money)
            return Append(money=[replace(base, key=f"{base.key}/{so_far}", corrects=base.key)]), so_far

        return ledger.transact("a", postings=(), decide=decide)

    with ThreadPoolExecutor(4) as threads:
        counted = sorted(threads.map(one_more, range(12)))
    assert counted == list(range(counted[0], counted[0] + 12))
    assert len(sound.rows_of("a")) == counted[-1] + 1
    ledger.close()


def test_a_decision_that_fails_has_written_nothing(sound: Ledger) -> None:
    before = sound.rows_of("a")

    def decide(read: Read) -> tuple[Append, None]:
        raise LookupError

    with pytest.raises(LookupError):
        sound.transact("a", postings=[("ops", "k")], decide=decide)
    assert sound.rows_of("a") == before
