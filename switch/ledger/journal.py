"""The journal: an append-only file, in segments, that holds every step of every call until the SQL ledger has the call.

A line is `crc32 call-id payload`: eight hex digits over the rest, a call id without spaces, JSON without newlines, and the newline
that makes it count. What was appended survives the death of the process; `fsync` makes it survive a power cut.

**After a failure nothing is durable until it is written again.** When an fsync fails, Linux marks the pages that it could not write as
clean: the next fsync of the same file returns 0, and the data is nowhere. So the journal keeps in memory every line that no fsync has
covered. After a failed fsync or write, `fsync` fails until `rewrite` has put all these lines into a new segment. So a call's lines may
be there twice, and out of order: recovery sorts them (`switch.engine.journal_line.recovered`). Reasons: `docs/adr/0018`.
"""

import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

SEGMENT_BYTES = 8 * 1024 * 1024
BLOCK_BYTES = 4096
"""The unit in which a disk writes: a failed write of a block may take with it what an earlier fsync had made durable in it."""
MAX_PENDING_BYTES = 64 * 1024 * 1024
"""Lines that no fsync has covered, in memory. With more, appending fails: the disk has been failing for long."""
FILE_MODE = 0o600
"""Of segments and the lock: lines name callers. Only the switch's own user reads them."""
_SUFFIX = ".journal"
LOCK_NAME = "lock"


class JournalInUse(Exception):
    """Another process holds the journal of this directory."""


class JournalUnwritable(Exception):
    """The file system refused to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """`calls`: each call's payloads, in the order of the files. `problems`: what could not be read, and where."""

    calls: Mapping[str, tuple[bytes, ...]]
    problems: tuple[str, ...]


class _Place(NamedTuple):
    """Where a line ends: the segment's number, and the byte behind the line."""

    segment: int
    end: int


class _Pending(NamedTuple):
    """A line that may not be durable."""

    place: _Place
    call_id: str
    line: bytes


class _Segment(NamedTuple):
    """Not synced since its last line. It stays open until then: the kernel may forget a failed write of a file that nobody has open."""

    number: int
    fd: int


class Journal:
    """The one writer of a directory. `fsync` may run in another thread; everything else belongs to one thread.

    Every start opens a new segment, so that nothing is ever written behind a tail the last process may have torn.
    A line for a call that was marked as recorded opens that call again, until it is marked again or the next start finds it recorded.
    """

    def __init__(
        self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES, write: Callable[[int, bytes], int] = os.write
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._write = write
        self._segments_of: dict[str, list[int]] = {}
        self._unrecorded: dict[int, int] = {}
        self._current: set[str] = set()
        self._number = 0
        self._fd = -1
        self._size = 0
        self._torn = False
        self._pending: deque[_Pending] = deque()
        self._pending_bytes = 0
        self._guard = threading.Lock()  # over all below, which the thread that calls fsync reads and changes
        self._unsynced: list[_Segment] = []
        self._retired: list[_Segment] = []
        self._names_unsynced = True
        self._failure: str | None = None
        self._rewrites = 0
        self._lock_fd = _take_lock(directory)
        try:
            self._index_old_segments()
            self._written = self._durable = _Place(self._number, 0)
            self._open_next()
        except OSError as error:
            os.close(self._lock_fd)
            raise JournalUnwritable(f"{directory}: {error}") from error

    @property
    def failed(self) -> bool:
        """Whether nothing becomes durable until `rewrite`."""
        return self._failure is not None

    @property
    def pending_bytes(self) -> int:
        """Of lines that the last fsync did not cover."""
        self._forget_durable()
        return self._pending_bytes

    def append(self, call_id: str, payload: bytes) -> None:
        """Adds one line. Raises JournalUnwritable: then the line is in no file, but `rewrite` writes it, unless more than
        `MAX_PENDING_BYTES` wait for that already. Later lines are none the worse."""
        line = _encode(call_id, payload)
        if self.pending_bytes + len(line) > MAX_PENDING_BYTES:
            raise JournalUnwritable(f"{self._directory}: {self._pending_bytes} bytes wait to become durable: {self._failure}")
        try:
            if self._fd < 0:
                raise OSError(errno.EIO, f"a new segment is still to be begun: {self._failure}")
            if self._torn or (self._size and self._size + len(line) > self._segment_bytes):
                self._open_next()
            self._write_whole(line)
        except OSError as error:
            self._fail(str(error))
            self._cut_back()
            self._note(call_id, line, end=self._size + len(line))  # beyond all that an fsync under way may cover
            raise JournalUnwritable(f"{self._path(self._number)}: {error}") from error
        self._size += len(line)
        self._written = _Place(self._number, self._size)
        self._note(call_id, line, end=self._size)

    def mark_recorded(self, call_ids: Iterable[str]) -> None:
        """These calls are in the SQL ledger: segments that hold no other call, but the current one, are deleted."""
        for call_id in call_ids:
            for number in self._segments_of.pop(call_id, ()):
                if number in self._unrecorded:
                    self._unrecorded[number] -= 1
            self._current.discard(call_id)
        for number in [number for number, calls in self._unrecorded.items() if not calls and number != self._number]:
            self._delete(number)

    def fsync(self) -> None:
        """All that was appended before this is on the disk when it returns. Blocks: not for the event loop; for one thread at a time.

        Raises OSError where that is not so. It is never so again after a failure, before `rewrite`.
        """
        with self._guard:
            if self._failure is not None:
                raise OSError(errno.EIO, f"nothing is durable since: {self._failure}")
            segments, retired, rewrites, written = tuple(self._unsynced), self._retired, self._rewrites, self._written
            names, self._retired = self._names_unsynced, []
        _close(retired)
        try:
            for segment in segments:
                os.fsync(segment.fd)
            if names:
                _sync_directory(self._directory)
        except OSError as error:
            self._fail(str(error))
            raise
        self._synced(segments, names=names, written=written, rewrites=rewrites)

    def rewrite(self) -> None:
        """After a failure: writes every line that may not be durable, of calls that are not recorded, to a new segment.

        Raises JournalUnwritable: all is as before, and it may be tried again.
        """
        lines = [(each.call_id, each.line) for each in self._pending if each.call_id in self._segments_of]
        before = self._number
        try:
            self._open_next()
            for _, line in lines:
                self._write_whole(line)
                self._size += len(line)
        except OSError as error:
            self._drop_rewritten(before)
            raise JournalUnwritable(f"{self._path(self._number)}: {error}") from error
        self._pending.clear()
        self._pending_bytes = self._size = 0
        for call_id, line in lines:
            self._size += len(line)
            self._note(call_id, line, end=self._size)
        self._written = _Place(self._number, self._size)
        with self._guard:
            self._retired += self._unsynced[:-1]
            self._unsynced = self._unsynced[-1:]
            self._rewrites += 1
            self._failure = None
        self._delete_copies()

    def close(self) -> None:
        """Releases the directory. Calls that are not recorded are there for the next start."""
        _close((*self._unsynced, *self._retired))
        os.close(self._lock_fd)

    # in the thread that calls fsync

    def _synced(self, segments: Sequence[_Segment], *, names: bool, written: _Place, rewrites: int) -> None:
        with self._guard:
            if rewrites != self._rewrites:  # and the segments that were synced may have been deleted
                raise OSError(errno.EAGAIN, "the journal moved on to a new segment meanwhile")
            finished = segments[:-1]  # the last one was still being written to when this began
            self._unsynced = [segment for segment in self._unsynced if segment not in finished]
            self._retired += finished
            self._names_unsynced = self._names_unsynced and not (names and self._unsynced[-1:] == list(segments[-1:]))
            self._durable = _Place(written.segment, written.end - written.end % BLOCK_BYTES)

    def _fail(self, why: str) -> None:
        with self._guard:
            self._failure = self._failure or why

    # in the other one

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:010d}{_SUFFIX}"

    def _index_old_segments(self) -> None:
        for number, path in _segments(self._directory):
            self._number = number
            try:
                calls = {call_id for call_id, _ in _read(path).lines}
            except OSError:
                continue  # `recover` reports it; not counted here, it is never deleted
            self._unrecorded[number] = len(calls)
            for call_id in calls:
                self._segments_of.setdefault(call_id, []).append(number)

    def _open_next(self) -> None:
        number = self._number + 1
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(self._path(number), flags, FILE_MODE)
        self._number = number
        self._size, self._torn = 0, False
        self._current = set()
        self._unrecorded[number] = 0
        with self._guard:
            self._unsynced.append(_Segment(number, self._fd))
            self._names_unsynced = True

    def _write_whole(self, line: bytes) -> None:
        rest = line
        while rest:
            rest = rest[self._write(self._fd, rest) :]

    def _cut_back(self) -> None:
        """Takes a half-written line away. Where even that fails, the next line goes to a new segment, behind no torn tail."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._torn = True

    def _note(self, call_id: str, line: bytes, *, end: int) -> None:
        self._pending.append(_Pending(_Place(self._number, end), call_id, line))
        self._pending_bytes += len(line)
        if call_id not in self._current:
            self._current.add(call_id)
            self._segments_of.setdefault(call_id, []).append(self._number)
            self._unrecorded[self._number] += 1

    def _forget_durable(self) -> None:
        durable = self._durable
        while self._pending and self._pending[0].place <= durable:
            self._pending_bytes -= len(self._pending.popleft().line)

    def _drop_rewritten(self, before: int) -> None:
        """A disk may be full for hours: what a rewrite has begun leaves no file and no descriptor. No fsync has seen either."""
        if self._number == before:
            return
        with self._guard:
            self._unsynced = [segment for segment in self._unsynced if segment.number != self._number]
        os.close(self._fd)
        self._fd = -1
        with suppress(OSError):
            self._path(self._number).unlink(missing_ok=True)

    def _delete_copies(self) -> None:
        """Of segments that no fsync ever covered, every line that is needed is in the new one."""
        for number in [number for number in self._unrecorded if self._durable.segment < number < self._number]:
            self._unrecorded[number] = 0
            with suppress(JournalUnwritable):
                self._delete(number)

    def _delete(self, number: int) -> None:
        try:
            self._path(number).unlink(missing_ok=True)
        except OSError as error:
            raise JournalUnwritable(f"{self._path(number)}: {error}") from error
        del self._unrecorded[number]
        with self._guard:
            self._retired += [segment for segment in self._unsynced if segment.number == number]
            self._unsynced = [segment for segment in self._unsynced if segment.number != number]


def recover(directory: Path) -> Recovery:
    """Reads all segments in their order. Damage is a problem with file and offset, never an exception, and hides no other line."""
    calls: dict[str, list[bytes]] = {}
    problems: list[str] = []
    for _, path in _segments(directory):
        try:
            content = _read(path)
        except OSError as error:
            problems.append(f"{path}: {error}")
            continue
        for call_id, payload in content.lines:
            calls.setdefault(call_id, []).append(payload)
        problems.extend(content.problems)
    return Recovery(calls={call_id: tuple(payloads) for call_id, payloads in calls.items()}, problems=tuple(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    lines: list[tuple[str, bytes]]
    problems: list[str]


def _read(path: Path) -> _Content:
    """Neighbouring corrupt lines are one problem: a garbage page is full of newlines."""
    lines: list[tuple[str, bytes]] = []
    problems: list[str] = []
    *whole, tail = path.read_bytes().split(b"\n")
    offset = 0
    corrupt_from: int | None = None
    for raw in whole:
        decoded = _decode(raw)
        if decoded is None and corrupt_from is None:
            corrupt_from = offset
        if decoded is not None:
            lines.append(decoded)
            if corrupt_from is not None:
                problems.append(_corrupt(path, corrupt_from, offset))
                corrupt_from = None
        offset += len(raw) + 1
    if corrupt_from is not None:
        problems.append(_corrupt(path, corrupt_from, offset))
    if tail:
        problems.append(f"{path}: byte {offset}: torn tail, a line cut after {len(tail)} bytes")
    return _Content(lines=lines, problems=problems)


def _corrupt(path: Path, start: int, end: int) -> str:
    return f"{path}: byte {start}: {end - start} corrupt bytes"


def _encode(call_id: str, payload: bytes) -> bytes:
    if call_id.split() != [call_id] or b"\n" in payload:
        raise ValueError(f"call id {call_id!r} or its payload would break the line")
    body = b"%b %b" % (call_id.encode("ascii"), payload)
    return b"%08x %b\n" % (crc32(body), body)


def _decode(line: bytes) -> tuple[str, bytes] | None:
    crc, _, body = line.partition(b" ")
    call_id, space, payload = body.partition(b" ")
    if crc != b"%08x" % crc32(body) or not space or not call_id.isascii():
        return None
    return call_id.decode("ascii"), payload


def _segments(directory: Path) -> list[tuple[int, Path]]:
    paths = [path for path in directory.glob(f"*{_SUFFIX}") if path.stem.isdecimal()]
    return sorted((int(path.stem), path) for path in paths)


def _take_lock(directory: Path) -> int:
    """Takes the lock by flock: the kernel releases it when its holder dies, however it dies."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        fd = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise JournalUnwritable(f"{directory}: {error}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise JournalInUse(f"{directory}: another switch is running on this data") from error
    return fd


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _close(segments: Iterable[_Segment]) -> None:
    for segment in segments:
        os.close(segment.fd)
