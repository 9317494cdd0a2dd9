"""The ledger is watched while a switch runs: its past told once, then what others post, through whatever outages there are."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_rows import append_posting, steered
from sqlalchemy import Engine

from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.engine.lookback import Lookback
from switch.ledger import poller
from switch.ledger.database import Database
from switch.ledger.poller import History, LedgerPoller, PostedRow
from switch.ledger.store import Ledger, LedgerUnreadable, PostingRow

PATIENCE_S = 20.0
ALL = Lookback(counts_us=0, ever=True, paid_us=0)
Judge = Callable[[str], JudgedCall]


class Watched:
    """A poller and all that it has told."""

    def __init__(self, url: str) -> None:
        self.histories: list[History] = []
        self.keys: list[str] = []
        self.complaints: list[str] = []
        self.complained_of: list[str] = []
        self.refuses = False
        self._news = asyncio.Event()
        self.poller = LedgerPoller(
            Database(url), loaded=self._loaded, posted=self._posted, complain=self._complain, now_us=lambda: 1_767_225_600_000_000
        )

    def _loaded(self, history: History) -> None:
        self.histories.append(history)
        self._news.set()

    def _posted(self, rows: Sequence[PostedRow]) -> None:
        if self.refuses:
            raise RuntimeError("the engine can't take it")
        self.keys.extend(each.row.key for each in rows)
        self._news.set()

    def _complain(self, what: str, call_id: str) -> None:
        self.complaints.append(what)
        self.complained_of.append(call_id)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._news.clear()
                await self._news.wait()


def watch(url: str, scene: Callable[[Watched], Awaitable[None]]) -> Watched:
    async def watched() -> Watched:
        on = Watched(url)
        try:
            await scene(on)
        finally:
            await on.poller.close()
        return on

    return asyncio.run(watched())


def deposit(ledger: Ledger, key: str) -> str:
    row = MoneyRow(
        key=f"deposit/acme/{key}", call_id="", kind=MoneyKind.DEPOSIT, party="acme", campaign="", amount_micros=1, reason="", actor="desk"
    )  # fmt: skip
    append_posting(ledger, [row], [], PostingRow(party="acme", idempotency_key=key, at_us=1, request="{}", answer="{}"))
    return row.key


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "RETRY_S", 0.01)
    monkeypatch.setattr(poller, "POLL_S", 0.01)


def test_the_past_is_told_once_and_then_what_others_post_each_once(ledger: Ledger, url: str, judged: Judge) -> None:
    ledger.write([judged("a")])
    deposit(ledger, "before")

    async def scene(on: Watched) -> None:
        on.poller.begin(ALL)
        await on.until(lambda: bool(on.histories))
        ledger.write([judged("b")])
        for number in range(3):
            key = deposit(ledger, f"{number}")
            await on.until(lambda key=key: key in on.keys)  # type: ignore[misc]

    on = watch(url, scene)
    assert [history.past.deposits for history in on.histories] == [{"acme": 1}]
    assert (on.keys, on.complaints) == ([f"deposit/acme/{number}" for number in range(3)], [])


def test_an_outage_is_told_once_and_costs_no_posting(ledger: Ledger, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    away = [True]
    reads = [0]
    for name in ("reading", "money_since"):
        real = getattr(Ledger, name)

        def maybe(self: Ledger, *arguments: object, real: Callable[..., object] = real, **more: object) -> object:
            reads[0] += 1
            if away[0]:
                raise LedgerUnreadable("the server is away")
            return real(self, *arguments, **more)

        monkeypatch.setattr(Ledger, name, maybe)

    async def tried_again(on: Watched) -> None:
        before = reads[0]
        async with asyncio.timeout(PATIENCE_S):
            while reads[0] < before + 3:
                await asyncio.to_thread(lambda: None)

    async def scene(on: Watched) -> None:
        on.poller.begin(ALL)
        await on.until(lambda: bool(on.complaints))
        await tried_again(on)
        away[0] = False
        await on.until(lambda: bool(on.histories))
        away[0] = True
        await on.until(lambda: len(on.complaints) == 2)
        key = deposit(ledger, "meanwhile")
        await tried_again(on)
        away[0] = False
        await on.until(lambda: key in on.keys)

    on = watch(url, scene)
    assert on.complaints == ["ledger: the server is away"] * 2
    assert len(on.histories) == 1


def test_a_config_is_kept_as_soon_as_there_is_a_ledger(sqlite_url: str, tmp_path: Path) -> None:
    path, aside = tmp_path / "var" / "ledger.sqlite", tmp_path / "aside"
    path.rename(aside)
    path.mkdir()

    async def scene(on: Watched) -> None:
        on.poller.keep_config("v1", {"config.yaml": "numbers: {}"})
        await on.until(lambda: bool(on.complaints))
        path.rmdir()
        aside.rename(path)
        async with asyncio.timeout(PATIENCE_S):
            while await asyncio.to_thread(Ledger(Database(sqlite_url)).config, "v1") is None:
                pass

    watch(sqlite_url, scene)


def test_more_of_the_past_is_read_when_a_plan_looks_further_back(ledger: Ledger, url: str, judged: Judge) -> None:
    ledger.write([judged("a")])

    async def scene(on: Watched) -> None:
        on.poller.begin(Lookback(counts_us=2**60, ever=False, paid_us=2**60))
        await on.until(lambda: len(on.histories) == 1)
        on.poller.look_back(ALL, then=on._loaded)
        await on.until(lambda: len(on.histories) == 2)

    begun, further = watch(url, scene).histories
    assert tuple(begun.past.counts) == ()
    assert tuple(further.past.counts) != ()


def test_an_owner_that_fails_is_told_to_ops(ledger: Ledger, url: str, judged: Judge) -> None:
    ledger.write([judged("a")])
    row = replace(judged("a").verdict.rows[0], key="a/void", actor="ops:ann", corrects="a/revenue/acme-west")

    async def scene(on: Watched) -> None:
        on.poller.begin(ALL)
        await on.until(lambda: bool(on.histories))
        on.refuses = True
        append_posting(ledger, [row], [], PostingRow(party="ops", idempotency_key="1", at_us=1, request="{}", answer="{}"))
        await on.until(lambda: bool(on.complaints))

    on = watch(url, scene)
    assert "the engine can't take it" in on.complaints[0]
    assert on.complained_of == ["a"]


@pytest.mark.parametrize(("kind", "amount"), [("alms", 1), ("", 1), ("deposit", "much"), ("deposit", 0.5)])
def test_a_row_that_can_not_be_read_is_said_once_counted_and_passed_over(
    sqlite_ledger: Ledger, sqlite_url: str, raw: Callable[[str], Engine], kind: str, amount: object
) -> None:
    """SQLite takes anything in any column."""

    async def scene(on: Watched) -> None:
        on.poller.begin(ALL)
        await on.until(lambda: bool(on.histories))
        with raw(sqlite_url).begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO money (key, call_id, number, kind, party, campaign, line, amount_micros, reason, actor, at_us) "
                "VALUES ('broken', '', 0, ?, 'acme', '', '', ?, '', 'ops:ann', 1)",
                (kind, amount),
            )
        key = deposit(sqlite_ledger, "behind it")
        await on.until(lambda: key in on.keys)
        after = deposit(sqlite_ledger, "and one more")
        await on.until(lambda: after in on.keys)

    on = watch(sqlite_url, scene)
    assert len(on.complaints) == 1
    assert "broken" in on.complaints[0]
    assert on.poller.unreadable == 1


def test_a_row_whose_text_is_no_text_is_passed_over(sqlite_ledger: Ledger, sqlite_url: str, raw: Callable[[str], Engine]) -> None:
    """Bytes that are not UTF-8: the driver refuses every row that is asked for with it."""

    async def scene(on: Watched) -> None:
        on.poller.begin(ALL)
        await on.until(lambda: bool(on.histories))
        with raw(sqlite_url).begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO money (key, call_id, number, kind, party, campaign, line, amount_micros, reason, actor, at_us) "
                "VALUES ('broken', '', 0, 'deposit', 'acme', '', '', 1, CAST(X'ff41' AS TEXT), 'ops:ann', 1)"
            )
        key = deposit(sqlite_ledger, "behind it")
        await on.until(lambda: key in on.keys)

    on = watch(sqlite_url, scene)
    assert len(on.complaints) == 1
    assert "Could not decode to UTF-8" in on.complaints[0]
    assert on.poller.unreadable == 1


def test_a_posting_about_a_call_that_can_not_be_read_is_passed_over(
    sqlite_ledger: Ledger, sqlite_url: str, raw: Callable[[str], Engine], judged: Judge
) -> None:
    sqlite_ledger.write([judged("a")])
    with raw(sqlite_url).begin() as connection:
        connection.exec_driver_sql("UPDATE call SET final_state = 'vanished'")

    async def scene(on: Watched) -> None:
        on.poller.begin(ALL)
        await on.until(lambda: bool(on.histories))
        row = replace(
            judged("a").verdict.rows[0], key="a/post/acme-west/1/void/revenue", actor="ops:ann", corrects="a/revenue/acme-west"
        )
        append_posting(sqlite_ledger, [row], [], PostingRow(party="ops", idempotency_key="1", at_us=1, request="{}", answer="{}"))
        key = deposit(sqlite_ledger, "behind it")
        await on.until(lambda: key in on.keys)

    on = watch(sqlite_url, scene)
    assert [complaint for complaint in on.complaints if "a/post/acme-west/1/void/revenue" in complaint]
    assert on.complained_of == ["a"]
    assert on.poller.unreadable == 1


def test_who_steered_reaches_the_ledger_and_then_the_journal_is_told(sqlite_ledger: Ledger, sqlite_url: str) -> None:
    done: list[int] = []

    async def scene(on: Watched) -> None:
        on.poller.keep_steering(steered(1), then=lambda: done.append(1))
        on.poller.keep_steering(steered(2), then=lambda: done.append(2))

    watch(sqlite_url, scene)  # closing waits for both
    assert sorted(done) == [1, 2]
    assert [row.number for row in sqlite_ledger.override_rows()] == [1, 2]
