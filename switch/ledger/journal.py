"""Knows the journal: an append-only file, in segments, that holds every step of every call until the SQL ledger has the call.

A line is `crc32 call-id payload`: eight hex digits over the rest, a call id without spaces, JSON without newlines, and the newline
that makes it count. What was appended survives the death of the process, because the kernel holds it; `fsync` makes it survive a
power cut.
Does not know what a payload says, when a call is over, or when an fsync is worth its milliseconds: its callers do.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

SEGMENT_BYTES = 8 * 1024 * 1024
_SUFFIX = ".journal"
LOCK_NAME = "lock"
_OWNER_ONLY = 0o600  # the lines name callers


class JournalInUse(Exception):
    """Another process holds the journal of this directory."""


class JournalUnwritable(Exception):
    """The file system refused: disk full, I/O error, no permission. The line that was being appended does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """`calls`: each call's payloads, in the order appended. `problems`: what could not be read, and where."""

    calls: Mapping[str, tuple[bytes, ...]]
    problems: tuple[str, ...]


class Journal:
    """The one writer of a directory. `append` and `settled` belong to one thread; `fsync` may run in another.

    Every start opens a new segment, so that nothing is ever written behind a tail the last process may have torn.
    A line for a call already settled opens that call again, until it is settled again or the next start finds it recorded.
    """

    def __init__(
        self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES, write: Callable[[int, bytes], int] = os.write
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._write = write
        self._segments_of: dict[str, list[int]] = {}
        self._unsettled: dict[int, int] = {}
        self._current: set[str] = set()
        self._number = 0
        self._fd = -1
        self._size = 0
        self._torn = False
        self._guard = threading.Lock()
        self._unsynced: list[Path] = []
        self._names_unsynced = True
        self._lock_fd = _take_lock(directory)
        try:
            self._index_old_segments()
            self._open_next()
        except OSError as error:
            os.close(self._lock_fd)
            raise JournalUnwritable(f"{directory}: {error}") from error

    def append(self, call_id: str, payload: bytes) -> None:
        """Adds one line. Raises JournalUnwritable, and then the line is not there and later ones are none the worse."""
        line = _encode(call_id, payload)
        try:
            if self._torn or (self._size and self._size + len(line) > self._segment_bytes):
                self._open_next()
            rest = line
            while rest:
                rest = rest[self._write(self._fd, rest) :]
        except OSError as error:
            self._cut_back()
            raise JournalUnwritable(f"{self._path(self._number)}: {error}") from error
        self._size += len(line)
        if call_id not in self._current:
            self._note(call_id)

    def settled(self, call_ids: Iterable[str]) -> None:
        """These calls are in the SQL ledger: segments that hold no other call, but the current one, are deleted."""
        for call_id in call_ids:
            for number in self._segments_of.pop(call_id, ()):
                self._unsettled[number] -= 1
            self._current.discard(call_id)
        for number in [number for number, calls in self._unsettled.items() if not calls and number != self._number]:
            self._delete(number)

    def fsync(self) -> None:
        """All that was appended before this is on the disk when it returns. Raises OSError. Blocks: not for the event loop."""
        with self._guard:
            paths = tuple(self._unsynced)
            names, self._names_unsynced = self._names_unsynced, False
        try:
            for path in paths:
                _sync_segment(path)
            if names:
                _sync(self._directory)
        except OSError:
            with self._guard:
                self._names_unsynced = self._names_unsynced or names
            raise
        finished = paths[:-1]  # the last one was still being written to when this began
        with self._guard:
            self._unsynced = [path for path in self._unsynced if path not in finished]

    def close(self) -> None:
        """Lets go of the directory. What was not settled is there for the next start."""
        os.close(self._fd)
        os.close(self._lock_fd)

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:010d}{_SUFFIX}"

    def _index_old_segments(self) -> None:
        for number, path in _segments(self._directory):
            self._number = number
            try:
                calls = {call_id for call_id, _ in _read(path).lines}
            except OSError:
                continue  # `recover` reports it; not counted here, it is never deleted
            self._unsettled[number] = len(calls)
            for call_id in calls:
                self._segments_of.setdefault(call_id, []).append(number)

    def _open_next(self) -> None:
        path = self._path(self._number + 1)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        finished, self._fd = self._fd, fd
        self._number += 1
        self._size, self._torn = 0, False
        self._current = set()
        self._unsettled[self._number] = 0
        with self._guard:
            self._unsynced.append(path)
            self._names_unsynced = True
        if finished >= 0:
            os.close(finished)

    def _cut_back(self) -> None:
        """Takes a half-written line away. Where even that fails, the next line goes to a new segment, behind no torn tail."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._torn = True

    def _note(self, call_id: str) -> None:
        self._current.add(call_id)
        self._segments_of.setdefault(call_id, []).append(self._number)
        self._unsettled[self._number] += 1

    def _delete(self, number: int) -> None:
        try:
            self._path(number).unlink(missing_ok=True)
        except OSError as error:
            raise JournalUnwritable(f"{self._path(number)}: {error}") from error
        del self._unsettled[number]


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
    """flock: let go by the kernel when its holder dies, however it dies."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        fd = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
    except OSError as error:
        raise JournalUnwritable(f"{directory}: {error}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise JournalInUse(f"{directory}: another switch is running on this data") from error
    return fd


def _sync_segment(path: Path) -> None:
    try:
        _sync(path)
    except FileNotFoundError:
        return  # all its calls were settled meanwhile


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
