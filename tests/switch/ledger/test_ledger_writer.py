"""The writer thread against a ledger that works, fails, or refuses at the test's word."""

import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from leg_figures import figures

from switch.billing.verdict import JudgedCall
from switch.ledger import writer as writer_module
from switch.ledger.database import Database
from switch.ledger.journal import Journal, recover
from switch.ledger.store import Ledger, LedgerUnwritable, RecordRefused
from switch.ledger.writer import LedgerWriter, MediaOfCall, Store

WAIT_S = 10
MEDIA = figures()
NEVER_S = 3600.0

Judge = Callable[[str], JudgedCall]


class Disk:
    """A ledger that does what the test says, and remembers. `tried` hears of every try once it is over."""

    def __init__(self) -> None:
        self.broken = False
        self.poison: set[str] = set()
        self.batches: list[list[str]] = []
        self.media: list[str] = []
        self.probes = 0
        self.opened = 0
        self.closed = False
        self.hold: threading.Semaphore | None = None
        self.tried: queue.Queue[str] = queue.Queue()

    def open(self) -> "Disk":
        self.opened += 1
        self._work("open")
        return self

    def probe(self) -> None:
        self._work("probe")
        self.probes += 1

    def write(self, calls: Sequence[JudgedCall]) -> None:
        if self.hold is not None:
            self.tried.put("held")
            assert self.hold.acquire(timeout=WAIT_S)
        self._work("write")
        ids = [judged.record.call_id for judged in calls]
        if self.poison & set(ids):
            raise RecordRefused("no such number")
        self.batches.append(ids)

    def write_media(self, rows: Sequence[MediaOfCall]) -> None:
        self._work("media")
        ids = [call_id for call_id, _ in rows]
        if self.poison & set(ids):
            raise RecordRefused("no such number")
        self.media += ids

    def close(self) -> None:
        self.closed = True

    def _work(self, what: str) -> None:
        self.tried.put(what)
        if self.broken:
            raise LedgerUnwritable("disk full")

    def wait_for(self, what: str) -> None:
        while self.tried.get(timeout=WAIT_S) != what:
            pass


class Owner:
    """Hears what the writer reports."""

    def __init__(self) -> None:
        self.recorded: queue.Queue[list[str]] = queue.Queue()
        self.states: queue.Queue[tuple[bool, str]] = queue.Queue()
        self.refused: queue.Queue[tuple[str, str]] = queue.Queue()

    def writer(
        self, factory: Callable[[], Store], *, linger_s: float = 0.0, retry_s: float = NEVER_S, probe_s: float = NEVER_S
    ) -> LedgerWriter:
        return LedgerWriter(
            factory,
            on_recorded=lambda ids: self.recorded.put(list(ids)),
            on_state=lambda writable, why: self.states.put((writable, why)),
            on_refused=lambda judged, why: self.refused.put((judged.record.call_id, why)),
            linger_s=linger_s,
            retry_s=retry_s,
            probe_s=probe_s,
        )

    def state(self) -> tuple[bool, str]:
        return self.states.get(timeout=WAIT_S)

    def has_recorded(self, count: int) -> list[str]:
        ids: list[str] = []
        while len(ids) < count:
            ids += self.recorded.get(timeout=WAIT_S)
        return ids


def test_the_first_state_is_known_before_any_call() -> None:
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open)
    writer.start()
    assert owner.state() == (True, "")
    assert disk.probes == 1
    assert writer.close(WAIT_S)


def test_calls_that_wait_are_written_together_in_order_and_reported(judged: Judge) -> None:
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open)
    ids = [f"c{n}" for n in range(501)]
    for call_id in ids:
        assert writer.submit(judged(call_id))
    writer.start()
    assert owner.has_recorded(len(ids)) == ids
    assert [len(batch) for batch in disk.batches] == [500, 1]
    assert writer.close(WAIT_S)


def test_a_call_that_comes_while_all_is_quiet_wakes_the_thread(judged: Judge) -> None:
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open)
    writer.start()
    owner.state()
    for call_id in "abc":
        writer.submit(judged(call_id))
        assert owner.has_recorded(1) == [call_id]
    assert writer.close(WAIT_S)


def test_a_full_batch_does_not_linger(judged: Judge) -> None:
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open, linger_s=NEVER_S)
    writer.start()
    owner.state()
    for n in range(500):
        writer.submit(judged(f"c{n}"))
    assert len(owner.has_recorded(500)) == 500
    assert writer.close(WAIT_S)


def test_an_outage_is_told_once_and_afterwards_everything_is_written_in_order(judged: Judge) -> None:
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open, retry_s=0.001)
    writer.start()
    assert owner.state() == (True, "")
    disk.broken = True
    writer.submit(judged("a"))
    disk.wait_for("write")
    assert owner.state() == (False, "disk full")
    for call_id in "bc":
        writer.submit(judged(call_id))
    for _ in range(3):
        disk.wait_for("write")
    disk.broken = False
    assert owner.has_recorded(3) == ["a", "b", "c"]
    assert owner.state() == (True, "")
    assert disk.batches == [["a", "b", "c"]]
    assert owner.states.empty()
    assert writer.close(WAIT_S)


def test_it_tries_again_by_itself(judged: Judge) -> None:
    disk, owner = Disk(), Owner()
    disk.broken = True
    writer = owner.writer(disk.open, retry_s=0.001)
    writer.submit(judged("a"))
    writer.start()
    assert owner.state() == (False, "disk full")
    for _ in range(3):
        disk.wait_for("open")
    disk.broken = False
    assert owner.has_recorded(1) == ["a"]
    assert owner.state() == (True, "")
    assert writer.close(WAIT_S)


def test_an_idle_ledger_is_probed_so_that_an_outage_is_known_before_a_call_comes() -> None:
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open, probe_s=0.001, retry_s=0.001)
    writer.start()
    assert owner.state() == (True, "")
    for _ in range(3):
        disk.wait_for("probe")
    disk.broken = True
    assert owner.state() == (False, "disk full")
    disk.broken = False
    assert owner.state() == (True, "")
    assert disk.opened == 1
    assert writer.close(WAIT_S)


def test_a_refused_call_is_told_and_holds_up_no_other(judged: Judge) -> None:
    disk, owner = Disk(), Owner()
    disk.poison = {"c3", "c7"}
    writer = owner.writer(disk.open)
    for n in range(10):
        writer.submit(judged(f"c{n}"))
    writer.start()
    assert owner.has_recorded(8) == ["c0", "c1", "c2", "c4", "c5", "c6", "c8", "c9"]
    assert [owner.refused.get(timeout=WAIT_S) for _ in range(2)] == [("c3", "no such number"), ("c7", "no such number")]
    assert owner.state() == (True, "")
    assert writer.close(WAIT_S)


def test_memory_is_bounded_while_nothing_can_be_written(judged: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_WAITING", 3)
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open)
    assert [writer.submit(judged(call_id)) for call_id in "abcd"] == [True, True, True, False]
    writer.start()
    assert owner.has_recorded(3) == ["a", "b", "c"]
    assert writer.submit(judged("d"))
    assert writer.close(WAIT_S)
    assert disk.batches == [["a", "b", "c"], ["d"]]


def test_closing_writes_what_waits_also_what_came_during_the_last_write(judged: Judge) -> None:
    disk, owner = Disk(), Owner()
    disk.hold = threading.Semaphore(0)
    writer = owner.writer(disk.open, linger_s=NEVER_S)
    writer.submit(judged("a"))
    writer.start()
    disk.wait_for("held")
    writer.submit(judged("b"))
    assert not writer.close(0)
    disk.hold.release(2)
    assert writer.close(WAIT_S)
    assert disk.batches == [["a"], ["b"]]


def test_closing_in_an_outage_ends_and_says_that_something_is_left(judged: Judge) -> None:
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open)
    writer.start()
    assert owner.state() == (True, "")
    disk.broken = True
    writer.submit(judged("a"))
    assert owner.state() == (False, "disk full")
    assert not writer.close(WAIT_S)
    assert owner.recorded.empty()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_dies_of_a_defect_fails_closed() -> None:
    disk, owner = Disk(), Owner()

    def defect() -> None:
        raise ZeroDivisionError

    disk.probe = defect  # type: ignore[method-assign]
    writer = owner.writer(disk.open)
    writer.start()
    assert owner.state() == (False, "the ledger writer failed")
    assert writer.close(WAIT_S)


def test_from_journal_to_ledger_and_back_after_an_outage(tmp_path: Path, judged: Judge, empty_url: str) -> None:
    """What the ledger has is deleted from the journal; what it did not get is found there at the next start."""

    def factory() -> Ledger:
        ledger = Ledger(Database(empty_url))
        ledger.migrate()
        return ledger

    owner = Owner()
    journal = Journal(tmp_path / "journal", segment_bytes=10)
    for call_id in "abc":
        journal.append(call_id, b"{}")
    writer = owner.writer(factory)
    writer.submit(judged("a"))
    writer.start()
    journal.mark_recorded(owner.has_recorded(1))
    assert writer.close(WAIT_S)
    journal.close()

    journal = Journal(tmp_path / "journal")
    ledger = factory()
    left = recover(tmp_path / "journal").calls
    assert set(left) == {"b", "c"}
    assert ledger.recorded(["a", *left]) == {"a"}
    ledger.write([judged(call_id) for call_id in left])
    journal.mark_recorded(ledger.recorded(left))
    assert recover(tmp_path / "journal").calls == {}
    ledger.close()


def test_figures_of_audio_are_written_beside_calls(judged: Judge) -> None:
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open)
    writer.submit(judged("a"))
    assert writer.submit_media("a", MEDIA)
    writer.start()
    disk.wait_for("media")
    assert writer.close(WAIT_S)
    assert (disk.batches, disk.media) == ([["a"]], ["a"])


def test_figures_alone_are_written_too() -> None:
    disk, owner = Disk(), Owner()
    writer = owner.writer(disk.open)
    writer.start()
    owner.state()
    writer.submit_media("a", MEDIA)
    disk.wait_for("media")
    assert writer.close(WAIT_S)
    assert disk.media == ["a"]


def test_figures_that_are_refused_hold_up_no_others() -> None:
    disk, owner = Disk(), Owner()
    disk.poison = {"b"}
    writer = owner.writer(disk.open)
    for call_id in "abc":
        writer.submit_media(call_id, MEDIA)
    writer.start()
    assert writer.close(WAIT_S)
    assert disk.media == ["a", "c"]


def test_figures_wait_while_the_ledger_can_not_be_written() -> None:
    disk, owner = Disk(), Owner()
    disk.broken = True
    writer = owner.writer(disk.open, retry_s=0.01)
    writer.submit_media("a", MEDIA)
    writer.start()
    assert owner.state() == (False, "disk full")
    disk.broken = False
    assert owner.state() == (True, "")
    assert writer.close(WAIT_S)
    assert disk.media == ["a"]


def test_figures_beyond_the_limit_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_WAITING_MEDIA", 2)
    writer = Owner().writer(Disk().open)
    assert [writer.submit_media("a", MEDIA) for _ in range(3)] == [True, True, False]
