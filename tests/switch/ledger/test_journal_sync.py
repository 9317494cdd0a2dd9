"""Durability: what an fsync of the journal covers, and that many who wait share one."""

import os
import queue
import threading
from pathlib import Path

import pytest

from switch.ledger.journal import Journal
from switch.ledger.writer import FsyncThread

WAIT_S = 10

Done = tuple[list[str], OSError | None]


def synced_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    def fsync(fd: int) -> None:
        seen.append(Path(f"/proc/self/fd/{fd}").readlink().name)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def test_fsync_covers_every_segment_written_since_the_last_one_and_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = synced_files(monkeypatch)
    journal = Journal(tmp_path, segment_bytes=10)
    for call_id in "abc":
        journal.append(call_id, b"{}")
    names = sorted(path.name for path in tmp_path.glob("*.journal"))
    journal.fsync()
    assert synced == [*names, tmp_path.name]
    synced.clear()
    journal.fsync()
    assert synced == names[-1:]


def test_lines_that_came_during_an_fsync_are_covered_by_the_next_even_when_their_segment_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, segment_bytes=60)
    journal.append("a", b"{}")
    (first,) = (path.name for path in tmp_path.glob("*.journal"))

    def fsync_while_calls_go_on(fd: int) -> None:
        journal.append("a", b"x" * 20)
        journal.append("b", b"x" * 20)

    monkeypatch.setattr(os, "fsync", fsync_while_calls_go_on)
    journal.fsync()
    synced = synced_files(monkeypatch)
    journal.fsync()
    assert first in synced


def test_a_segment_deleted_before_its_fsync_is_no_error(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=10)
    journal.append("a", b"{}")
    journal.append("b", b"{}")
    journal.mark_recorded(["a"])
    journal.fsync()


def test_all_who_wait_share_one_fsync_and_later_ones_get_the_next() -> None:
    entered, go_on = threading.Semaphore(0), threading.Semaphore(0)
    done: queue.Queue[Done] = queue.Queue()

    def fsync() -> None:
        entered.release()
        assert go_on.acquire(timeout=WAIT_S)

    thread = FsyncThread(fsync, done=lambda tokens, error: done.put((list(tokens), error)))
    thread.request("a")
    thread.start()
    assert entered.acquire(timeout=WAIT_S)
    for token in "bcd":  # the running fsync may have passed their lines
        thread.request(token)
    go_on.release()
    assert done.get(timeout=WAIT_S) == (["a"], None)
    assert entered.acquire(timeout=WAIT_S)
    go_on.release()
    assert done.get(timeout=WAIT_S) == (["b", "c", "d"], None)
    assert thread.close(WAIT_S)


def test_a_failed_fsync_is_told_to_those_it_was_for_and_the_thread_goes_on() -> None:
    broken = OSError(5, "Input/output error")
    results: list[OSError | None] = [broken, None]
    done: queue.Queue[Done] = queue.Queue()

    def fsync() -> None:
        if (error := results.pop(0)) is not None:
            raise error

    thread = FsyncThread(fsync, done=lambda tokens, error: done.put((list(tokens), error)))
    thread.start()
    thread.request("a")
    assert done.get(timeout=WAIT_S) == (["a"], broken)
    thread.request("b")
    assert done.get(timeout=WAIT_S) == (["b"], None)
    assert thread.close(WAIT_S)


def test_closing_syncs_for_those_who_still_wait() -> None:
    done: queue.Queue[Done] = queue.Queue()
    thread = FsyncThread(lambda: None, done=lambda tokens, error: done.put((list(tokens), error)))
    thread.request("a")
    thread.start()
    assert thread.close(WAIT_S)
    assert done.get_nowait() == (["a"], None)
