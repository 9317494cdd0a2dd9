"""The ledger is watched while a switch runs: its past told once, then what others post, through whatever outages there are."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.engine.lookback import Lookback
from switch.ledger import watcher
from switch.ledger.history import History, Posted
from switch.ledger.store import Ledger, LedgerUnreadable, Posting
from switch.ledger.watcher import LedgerWatcher

PATIENCE_S = 20.0
ALL = Lookback(counts_us=0, ever=True, paid_us=0)
Judge = Callable[[str], JudgedCall]


class Watched:
    """A watcher and all that it has told."""

    def __init__(self, url: str) -> None:
        self.histories: list[History] = []
        self.keys: list[str] = []
        self.complaints: list[str] = []
        self.refuses = False
        self._news = asyncio.Event()
        self.watcher = LedgerWatcher(
            url, loaded=self._loaded, posted=self._posted, complain=self._complain, now_us=lambda: 1_767_225_600_000_000
        )

    def _loaded(self, history: History) -> None:
        self.histories.append(history)
        self._news.set()

    def _posted(self, rows: Sequence[Posted]) -> None:
        if self.refuses:
            raise RuntimeError("the engine can't take it")
        self.keys.extend(each.row.key for each in rows)
        self._news.set()

    def _complain(self, what: str) -> None:
        self.complaints.append(what)
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
            await on.watcher.close()
        return on

    return asyncio.run(watched())


def deposit(ledger: Ledger, key: str) -> str:
    row = MoneyRow(
        key=f"deposit/acme/{key}", call_id="", kind=MoneyKind.DEPOSIT, party="acme", campaign="", amount_micros=1, reason="", actor="desk"
    )  # fmt: skip
    ledger.post([row], [], Posting(party="acme", idempotency_key=key, at_us=1, request="{}", answer="{}"))
    return row.key


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "RETRY_S", 0.01)
    monkeypatch.setattr(watcher, "POLL_S", 0.01)


def test_the_past_is_told_once_and_then_what_others_post_each_once(ledger: Ledger, url: str, judged: Judge) -> None:
    ledger.write([judged("a")])
    deposit(ledger, "before")

    async def scene(on: Watched) -> None:
        on.watcher.begin(ALL)
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
        on.watcher.begin(ALL)
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
        on.watcher.keep_config("v1", {"config.yaml": "numbers: {}"})
        await on.until(lambda: bool(on.complaints))
        path.rmdir()
        aside.rename(path)
        async with asyncio.timeout(PATIENCE_S):
            while await asyncio.to_thread(Ledger(sqlite_url).config, "v1") is None:
                pass

    watch(sqlite_url, scene)


def test_more_of_the_past_is_read_when_a_plan_looks_further_back(ledger: Ledger, url: str, judged: Judge) -> None:
    ledger.write([judged("a")])

    async def scene(on: Watched) -> None:
        on.watcher.begin(Lookback(counts_us=2**60, ever=False, paid_us=2**60))
        await on.until(lambda: len(on.histories) == 1)
        on.watcher.look_back(ALL, then=on._loaded)
        await on.until(lambda: len(on.histories) == 2)

    begun, further = watch(url, scene).histories
    assert tuple(begun.past.tallies) == ()
    assert tuple(further.past.tallies) != ()


def test_an_owner_that_fails_is_told_to_ops(ledger: Ledger, url: str) -> None:
    async def scene(on: Watched) -> None:
        on.watcher.begin(ALL)
        await on.until(lambda: bool(on.histories))
        on.refuses = True
        deposit(ledger, "one")
        await on.until(lambda: bool(on.complaints))

    assert "the engine can't take it" in watch(url, scene).complaints[0]
