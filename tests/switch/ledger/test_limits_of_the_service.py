"""A disk that does not answer: at the limit and one past it."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from switch.ledger.database import Database, ledger_url
from switch.ledger.journal import Journal
from switch.ledger.service import SLOW_S, LedgerService

JUST_LATER_S = 0.001


class StoppedClock:
    """The running loop, but for its time, which stands still until it is set."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.now_s = 100.0

    def time(self) -> float:
        return self.now_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


@pytest.mark.parametrize(("late_s", "refused"), [(SLOW_S, False), (SLOW_S + JUST_LATER_S, True)])
def test_a_disk_that_takes_longer_than_this_counts_as_one_that_can_not_be_written(
    late_s: float,
    refused: bool,  # noqa: FBT001 a column of the table
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(Journal, "fsync", lambda _: answers.wait())
    states: list[tuple[bool, str]] = []

    async def scene() -> None:
        keeper = LedgerService(
            tmp_path,
            database=Database(ledger_url(tmp_path)),
            secured=lambda _: None,
            state=lambda *state: states.append(state),
            complain=lambda *_: None,
            found=lambda _: None,
            past_is_whole=lambda: None,
        )
        keeper.start()
        try:
            clock = StoppedClock(asyncio.get_running_loop())
            monkeypatch.setattr(keeper, "_loop", clock)
            keeper.sync("a/1")
            clock.now_s += late_s
            keeper.sync("b/1")
            why = keeper._journal_why
        finally:
            answers.set()
            keeper.close()
        assert (why is not None) is refused
        assert why is None or "the disk has not answered for 2 s" in why

    asyncio.run(scene())
