"""How much the journal and the two threads of the ledger keep: at the limit and one past it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from simulated_time import advance, elapsed_s, in_simulated_time

from switch.billing.verdict import JudgedCall
from switch.ledger.database import Database, ledger_url
from switch.ledger.journal import Journal, JournalUnwritable
from switch.ledger.service import LedgerService
from switch.ledger.writer import FsyncThread, LedgerWriter

MIB = 1_048_576
FRAME_BYTES = len(b"01234567 a \n")
"""What a line of call `a` is longer than its payload."""


def line_of(size: int) -> bytes:
    """The payload of a line that is `size` bytes long."""
    return b"x" * (size - FRAME_BYTES)


def segments(directory: Path) -> list[int]:
    return [path.stat().st_size for path in sorted(directory.glob("*.journal"))]


@pytest.mark.parametrize(("last", "sizes"), [(MIB, [8 * MIB]), (MIB + 1, [7 * MIB, MIB + 1])])
def test_a_segment_holds_8_mib(tmp_path: Path, last: int, sizes: list[int]) -> None:
    journal = Journal(tmp_path)
    for size in (*[MIB] * 7, last):
        journal.append("a", line_of(size))
    journal.close()
    assert segments(tmp_path) == sizes


def test_lines_of_64_mib_wait_for_an_fsync_and_no_more(tmp_path: Path) -> None:
    journal = Journal(tmp_path, write=lambda _, data: len(data))  # they need not be on a disk for that
    for _ in range(63):
        journal.append("a", line_of(MIB))
    with pytest.raises(JournalUnwritable, match="bytes wait to become durable"):
        journal.append("a", line_of(MIB + 1))
    journal.append("a", line_of(MIB))
    journal.close()


def test_50_000_calls_wait_for_the_ledger_and_one_more_stays_in_the_journal(judged: Callable[[str], JudgedCall]) -> None:
    writer = LedgerWriter(
        lambda: pytest.fail("it is not started"),
        on_recorded=lambda _: None,
        on_state=lambda *_: None,
        on_refused=lambda *_: None,
    )
    call = judged("a")
    assert all(writer.submit(call) for _ in range(50_000))
    assert not writer.submit(call)


@pytest.fixture
def service(tmp_path: Path) -> LedgerService:
    return LedgerService(
        tmp_path,
        database=Database(ledger_url(tmp_path)),
        secured=lambda _: None,
        state=lambda *_: None,
        complain=lambda *_: None,
        found=lambda _: None,
        past_is_whole=lambda: None,
    )


@pytest.mark.parametrize(("last", "asks"), [(MIB, []), (MIB + 1, ["flush"])])
def test_an_fsync_that_nobody_waits_for_is_asked_for_when_more_than_8_mib_wait(
    service: LedgerService, monkeypatch: pytest.MonkeyPatch, last: int, asks: list[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(FsyncThread, "request", lambda _, token: asked.append(token))

    async def scene() -> None:
        service.start()
        try:
            for size in (*[MIB] * 7, last):
                service.append("a", line_of(size))
        finally:
            service.close()

    asyncio.run(scene())
    assert asked == asks


def test_a_journal_that_can_not_be_written_is_tried_again_each_second(
    service: LedgerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried_s: list[float] = []

    async def scene() -> None:
        begun_s = asyncio.get_running_loop().time()

        def fails(*_: object) -> None:
            tried_s.append(elapsed_s(begun_s))
            raise JournalUnwritable("the disk is full")

        service.start()
        monkeypatch.setattr(Journal, "append", fails)
        try:
            service.append("a", b"{}")
            await advance(3.5)
        finally:
            service.close()

    in_simulated_time(scene())
    assert tried_s == [0, 1, 2, 3]


def test_a_write_waits_2_s_for_another_process(tmp_path: Path) -> None:
    database = Database(ledger_url(tmp_path))
    database.migrate()
    with database.snapshot() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 2_000
    database.close()
