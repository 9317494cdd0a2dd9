"""The journal as its one writer meets it: lines, a full disk, segments, the lock."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from child_process import run_to_end

from switch.ledger.journal import Journal, JournalInUse, JournalUnwritable, recover


def segments(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.journal"))


def calls_in(directory: Path) -> dict[str, tuple[bytes, ...]]:
    recovery = recover(directory)
    assert recovery.problems == ()
    return dict(recovery.calls)


def test_lines_come_back_in_order_and_by_call(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "journal")
    for call_id, payload in [("a", b'{"n":1}'), ("b", b'{"n": 2}'), ("a", b'{"n":3}'), ("b", b"")]:
        journal.append(call_id, payload)
    assert calls_in(tmp_path / "deep" / "journal") == {"a": (b'{"n":1}', b'{"n":3}'), "b": (b'{"n": 2}', b"")}


def test_nothing_to_recover_where_there_is_no_directory(tmp_path: Path) -> None:
    assert recover(tmp_path / "none").calls == {}


@pytest.mark.parametrize(("call_id", "payload"), [("a b", b"{}"), ("", b"{}"), ("a\n", b"{}"), ("a", b"{\n}"), ("é", b"{}")])
def test_what_would_break_the_line_format_is_refused(tmp_path: Path, call_id: str, payload: bytes) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(ValueError, match="a"):
        journal.append(call_id, payload)
    assert calls_in(tmp_path) == {}


def test_lines_survive_kill_9_and_so_does_the_right_to_the_directory(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from switch.ledger.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for n in range(100): journal.append('call', b'%d' % n)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = run_to_end([sys.executable, "-c", program, str(tmp_path)], deadline_s=120)
    assert done.returncode == -signal.SIGKILL
    assert calls_in(tmp_path) == {"call": tuple(b"%d" % n for n in range(100))}
    Journal(tmp_path).close()


def test_a_second_switch_on_the_same_data_is_told_so(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(JournalInUse, match="another switch"):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path).close()


def test_a_place_where_no_journal_can_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnwritable, match="file"):
        Journal(tmp_path / "file" / "journal")


def test_short_writes_are_completed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, write=lambda fd, data: os.write(fd, data[:3]))
    journal.append("a", b"one")
    journal.append("a", b"two")
    assert calls_in(tmp_path) == {"a": (b"one", b"two")}


def test_a_full_disk_loses_the_line_that_met_it_and_no_other(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    journal = Journal(tmp_path)
    journal.append("a", b"before")
    size = (tmp_path / segments(tmp_path)[0]).stat().st_size
    for room in range(len("00000000 a during\n")):
        with full_disk(size + room), pytest.raises(JournalUnwritable, match="too large"):
            journal.append("a", b"during")
    journal.append("b", b"after")
    assert calls_in(tmp_path) == {"a": (b"before",), "b": (b"after",)}


def test_a_torn_line_that_cannot_be_taken_back_is_left_behind_in_its_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = False

    def tear(fd: int, data: bytes) -> int:
        if not broken:
            return os.write(fd, data)
        if len(data) > 5:
            return os.write(fd, data[:-5])
        raise OSError(errno.EIO, "Input/output error")

    def stuck(fd: int, length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    journal = Journal(tmp_path, write=tear)
    journal.append("a", b"before")
    broken = True
    monkeypatch.setattr(os, "ftruncate", stuck)
    with pytest.raises(JournalUnwritable, match="Input/output"):
        journal.append("a", b"during")
    broken = False
    journal.append("b", b"after")
    recovery = recover(tmp_path)
    assert recovery.calls == {"a": (b"before",), "b": (b"after",)}
    assert len(recovery.problems) == 1
    assert "torn tail" in recovery.problems[0]


def test_a_new_segment_begins_when_the_old_one_is_full(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=100)
    for n in range(10):
        journal.append("call", b"%020d" % n)  # 35 bytes each: two to a segment
    assert len(segments(tmp_path)) == 5
    assert all(path.stat().st_size <= 100 for path in tmp_path.glob("*.journal"))
    assert calls_in(tmp_path) == {"call": tuple(b"%020d" % n for n in range(10))}


def test_a_line_larger_than_a_segment_has_one_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=10)
    journal.append("a", b"x" * 50)
    journal.append("a", b"y" * 50)
    assert len(segments(tmp_path)) == 2
    assert calls_in(tmp_path) == {"a": (b"x" * 50, b"y" * 50)}


def test_a_segment_goes_when_the_last_of_its_calls_is_settled(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=60)
    for call_id in ("a", "b", "b", "c", "a"):  # two to a segment: ab bc a
        journal.append(call_id, b"x" * 10)
    first, second, current = segments(tmp_path)
    journal.settled(["b"])
    assert segments(tmp_path) == [first, second, current]
    journal.settled(["c"])
    assert segments(tmp_path) == [first, current]
    journal.settled(["a", "never seen"])
    assert segments(tmp_path) == [current]


def test_a_settled_call_that_speaks_again_holds_its_segment_until_settled_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=45)
    journal.append("a", b"x" * 10)
    journal.settled(["a"])
    journal.append("a", b"late")
    journal.append("b", b"x" * 10)
    journal.settled([])
    kept = segments(tmp_path)
    assert len(kept) == 2
    journal.settled(["a"])
    assert segments(tmp_path) == kept[1:]


def test_the_next_start_continues_in_a_new_segment_and_deletes_what_it_finds_settled(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.append("a", b"1")
    first.append("b", b"1")
    first.close()
    second = Journal(tmp_path)
    second.append("b", b"2")
    assert len(segments(tmp_path)) == 2
    assert calls_in(tmp_path) == {"a": (b"1",), "b": (b"1", b"2")}
    second.settled(["a"])
    assert len(segments(tmp_path)) == 2
    second.settled(["b"])
    assert len(segments(tmp_path)) == 1


def test_segments_of_starts_without_calls_do_not_pile_up(tmp_path: Path) -> None:
    for _ in range(5):
        journal = Journal(tmp_path)
        journal.settled([])
        journal.close()
    assert len(segments(tmp_path)) == 1


def test_a_segment_that_cannot_be_deleted_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, segment_bytes=10)
    journal.append("a", b"1")
    journal.append("b", b"1")

    def refuse(self: Path, *, missing_ok: bool) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        with pytest.raises(JournalUnwritable, match="Read-only"):
            journal.settled(["a"])
    assert len(segments(tmp_path)) == 2
    journal.settled([])
    assert len(segments(tmp_path)) == 1
