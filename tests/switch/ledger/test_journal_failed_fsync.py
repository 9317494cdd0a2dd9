"""A disk that fails an fsync and forgets what it could not write: what was called durable survives a power cut all the same.

The disk of these tests does what Linux does: after a failed fsync the pages count as clean, so the next fsync of the same file succeeds and
writes nothing of them. It is harsher in one thing: the failed write takes the whole block with it that an earlier fsync had ended in.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.ledger import journal as journal_module
from switch.ledger.journal import LOCK_NAME, Journal, JournalUnwritable, recover

BLOCK_BYTES = 4_096

SEGMENT_BYTES = 3 * BLOCK_BYTES


class Disk:
    """What of one directory a power cut would leave, when `failing` says which of its fsyncs fail. `harsh`: see above."""

    def __init__(self, directory: Path, *, harsh: bool) -> None:
        self.directory = directory
        self._harsh = harsh
        self.failing = False
        self.only_names = False
        self._content: dict[str, bytearray] = {}
        self._seen: dict[str, int] = {}  # bytes of each file that are clean, be they written or lost
        self._names: set[str] = set()
        self._lost_names: set[str] = set()

    def fsync(self, fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if path == self.directory:
            self._sync_names()
        elif path.parent == self.directory:
            self._sync_file(path, fails=self.failing and not self.only_names)
        if self.failing and (path == self.directory or not self.only_names):
            raise OSError(errno.EIO, "Input/output error")

    def _sync_names(self) -> None:
        there = {path.name for path in self.directory.glob("*.journal")}
        if self.failing:
            self._lost_names |= there - self._names
        self._names |= there - self._lost_names

    def _sync_file(self, path: Path, *, fails: bool) -> None:
        content = path.read_bytes() if path.exists() else b""
        seen = self._seen.get(path.name, 0)
        kept = self._content.setdefault(path.name, bytearray())
        if fails:
            block = seen - seen % BLOCK_BYTES if self._harsh and len(content) > seen else seen
            kept[block:] = bytes(len(content) - block)
        else:
            kept[seen:] = content[seen:]
        self._seen[path.name] = len(content)

    def after_a_power_cut(self) -> dict[str, tuple[bytes, ...]]:
        with tempfile.TemporaryDirectory() as there:
            for name in self._names:
                if (self.directory / name).exists():
                    (Path(there) / name).write_bytes(self._content.get(name, b""))
            return dict(recover(Path(there)).calls)


@contextmanager
def disk_and_journal(directory: Path, monkeypatch: pytest.MonkeyPatch, *, harsh: bool = True) -> Iterator[tuple[Disk, Journal]]:
    disk = Disk(directory, harsh=harsh)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", disk.fsync)
        journal = Journal(directory, segment_bytes=SEGMENT_BYTES)
        yield disk, journal
        journal.close()


def segments(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.journal"))


def test_a_failed_fsync_is_never_called_durable_by_a_second_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with disk_and_journal(tmp_path, monkeypatch) as (disk, journal):
        journal.append("a", b"1")
        journal.fsync()
        journal.append("a", b"2")
        disk.failing = True
        with pytest.raises(OSError, match="Input/output"):
            journal.fsync()
        disk.failing = False
        with pytest.raises(OSError, match="nothing is durable since"):
            journal.fsync()
        assert disk.after_a_power_cut() == {}
        journal.rewrite()
        journal.fsync()
        assert disk.after_a_power_cut() == {"a": (b"1", b"2")}


def test_a_failed_fsync_of_the_directory_means_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with disk_and_journal(tmp_path, monkeypatch) as (disk, journal):
        journal.append("a", b"1")
        disk.failing = disk.only_names = True
        with pytest.raises(OSError, match="Input/output"):
            journal.fsync()
        disk.failing = False
        with pytest.raises(OSError, match="nothing is durable since"):
            journal.fsync()
        journal.rewrite()
        journal.fsync()
        assert disk.after_a_power_cut()["a"] == (b"1",)


def test_only_lines_of_calls_that_are_not_recorded_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with disk_and_journal(tmp_path, monkeypatch) as (disk, journal):
        journal.append("a", b"1")
        journal.append("b", b"1")
        disk.failing = True
        with pytest.raises(OSError, match="Input/output"):
            journal.fsync()
        disk.failing = False
        journal.mark_recorded(["a"])
        journal.rewrite()
        journal.fsync()
        assert disk.after_a_power_cut() == {"b": (b"1",)}


def test_copies_do_not_pile_up_while_a_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with disk_and_journal(tmp_path, monkeypatch) as (disk, journal):
        journal.append("a", b"1")
        journal.fsync()
        journal.append("a", b"2")
        disk.failing = True
        for _ in range(5):
            with pytest.raises(OSError, match="Input/output"):
                journal.fsync()
            journal.rewrite()
        assert len(segments(tmp_path)) == 2
        journal.mark_recorded(["a"])
        assert len(segments(tmp_path)) == 1


def test_a_rewrite_that_fails_can_be_tried_again(tmp_path: Path) -> None:
    full = False

    def write(fd: int, data: bytes) -> int:
        if full:
            os.write(fd, data[:5])
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(fd, data)

    journal = Journal(tmp_path, write=write)
    journal.append("a", b"1")
    full = True
    with pytest.raises(JournalUnwritable):
        journal.append("a", b"2")
    opened = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(3):
        with pytest.raises(JournalUnwritable, match="No space"):
            journal.rewrite()
        with pytest.raises(JournalUnwritable, match="No space"):
            journal.append("b", b"%d" % number)
        assert journal.failed
    assert len(segments(tmp_path)) == 1
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
    full = False
    journal.rewrite()
    journal.fsync()
    assert not journal.failed
    assert {call: set(lines) for call, lines in recover(tmp_path).calls.items()} == {"a": {b"1", b"2"}, "b": {b"0", b"1", b"2"}}
    journal.mark_recorded(["a", "b"])
    assert len(segments(tmp_path)) == 1
    journal.append("c", b"1")
    assert recover(tmp_path).problems == ()


@pytest.mark.parametrize("beyond", [0, 1])
def test_so_many_lines_wait_in_memory_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, beyond: int) -> None:
    monkeypatch.setattr(journal_module, "MAX_PENDING_BYTES", 1_000)
    monkeypatch.setattr(journal_module, "BLOCK_BYTES", 1)
    journal = Journal(tmp_path)
    overhead = len("00000000 a \n")
    journal.append("a", b"x" * (600 - overhead))
    if beyond:
        with pytest.raises(JournalUnwritable, match="600 bytes wait"):
            journal.append("a", b"x" * (401 - overhead))
    else:
        journal.append("a", b"x" * (400 - overhead))
    assert journal.pending_bytes == (600 if beyond else 1_000)
    journal.fsync()
    journal.append("b", b"x")
    assert recover(tmp_path).calls["b"] == (b"x",)


@pytest.mark.parametrize(("size", "waiting"), [(BLOCK_BYTES - 1, True), (BLOCK_BYTES, False), (BLOCK_BYTES + 1, True)])
def test_lines_wait_until_their_last_block_is_whole_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, size: int, waiting: bool
) -> None:
    with disk_and_journal(tmp_path, monkeypatch) as (_, journal):
        journal.append("a", b"x" * (size - len("00000000 a \n")))
        journal.fsync()
        assert (journal.pending_bytes > 0) == waiting


def test_its_files_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        journal = Journal(tmp_path, segment_bytes=1)
        journal.append("a", b"1")
        journal.append("a", b"2")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys([*segments(tmp_path), LOCK_NAME], 0o600)
    assert len(segments(tmp_path)) == 2


STEPS = st.one_of(
    st.tuples(st.just("append"), st.sampled_from("abcd"), st.integers(1, 3_000)),
    st.tuples(st.sampled_from(["fsync", "fails", "rewrite"]), st.just(""), st.just(0)),
    st.tuples(st.just("recorded"), st.sampled_from("abcd"), st.just(0)),
)


@pytest.mark.parametrize("harsh", [False, True])
@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, max_size=40))
def test_what_was_called_durable_survives_whatever_the_disk_does(*, harsh: bool, steps: list[tuple[str, str, int]]) -> None:
    """A power cut at the end of any lines, fsyncs that work or fail, and calls that are recorded. On the harsh disk, which spoils
    what was durable, it comes once the journal has had the time to write it again."""
    numbers = count()
    lines: dict[str, list[bytes]] = {}
    durable: dict[str, list[bytes]] = {}
    with (
        tempfile.TemporaryDirectory() as name,
        pytest.MonkeyPatch.context() as patch,
        disk_and_journal(Path(name), patch, harsh=harsh) as (disk, journal),
    ):
        for step, call_id, size in [*steps, *([("rewrite", "", 0), ("fsync", "", 0)] if harsh else [])]:
            match step:
                case "append":
                    line = b"%d " % next(numbers) + b"x" * size
                    journal.append(call_id, line)
                    lines.setdefault(call_id, []).append(line)
                case "recorded":
                    journal.mark_recorded([call_id])
                    lines.pop(call_id, None)
                    durable.pop(call_id, None)
                case "rewrite":
                    if journal.failed:
                        journal.rewrite()
                case _:
                    disk.failing = step == "fails"
                    try:
                        journal.fsync()
                    except OSError:
                        continue
                    durable = {each: list(some) for each, some in lines.items()}
        left = disk.after_a_power_cut()
    missing = [line[:8] for call, some in durable.items() for line in some if line not in left.get(call, ())]
    assert missing == []
