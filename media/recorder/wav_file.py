"""Writes one WAV file of 16-bit linear PCM at 8 kHz that can be played at any moment, however the process ends.

The file has a name that says it is not complete (`CALL.part.wav`) until `finish`, and is locked until then. Samples are written first,
then the header that counts them.
"""

import errno
import fcntl
import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import SAMPLE_RATE, Samples

PART = ".part.wav"
SUFFIX = ".wav"
SAMPLE_BYTES = 2
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
MAX_DATA_BYTES = 0xFFFFFFFF - HEADER.size
"""A WAV file counts in 32 bits: 37 hours of stereo."""
MODE = 0o600
DIRECTORY_MODE = 0o700
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedFile:
    path: Path
    sha256: str
    length_ms: int


class WavFile:
    """`position`: how many samples a channel have been written."""

    __slots__ = ("_channels", "_fd", "_final", "_part", "position")

    def __init__(self, final: Path, *, channels: int) -> None:
        """Creates the file, and its directory. OSError; FileExistsError: the call has one already."""
        final.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        self._final = final
        self._part = final.with_name(final.name.removesuffix(SUFFIX) + PART)
        if final.exists():
            raise FileExistsError(errno.EEXIST, "there is a recording of this name", str(final))
        self._channels = channels
        self.position = 0
        self._fd = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write_header()
        except OSError:
            os.close(self._fd)
            self._part.unlink()
            raise

    def append(self, samples: npt.NDArray[np.int16]) -> None:
        """Writes samples, a row for each moment, a column for each channel. OSError."""
        data = np.ascontiguousarray(samples, dtype="<i2").tobytes()
        if (self.position * self._channels * SAMPLE_BYTES) + len(data) > MAX_DATA_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        _write_all(self._fd, data, self._offset(self.position))
        self.position += len(samples)
        self._write_header()

    def patch(self, position: int, samples: Samples, *, channel: int) -> None:
        """Writes samples of one channel that come late over what is there. OSError."""
        data = os.pread(self._fd, len(samples) * self._channels * SAMPLE_BYTES, self._offset(position))
        rows = np.frombuffer(data, "<i2").reshape(-1, self._channels).copy()
        rows[:, channel] = samples[: len(rows)]
        _write_all(self._fd, rows.tobytes(), self._offset(position))

    def finish(self) -> FinishedFile:
        """Makes the file durable and gives it its name. Takes a while: it reads it all. OSError."""
        try:
            return _finish(self._fd, self._part, self._final, self.position)
        finally:
            os.close(self._fd)

    def finish_as(self, final: Path, encode: Callable[[Path, Path], None]) -> FinishedFile:
        """The same with another file in its place, which `encode(this, final)` makes. OSError: this one is still to be finished."""
        encode(self._part, final)
        self._part.unlink()
        os.close(self._fd)
        with final.open("rb") as file:
            return FinishedFile(path=final, sha256=_sha256(file.fileno()), length_ms=self.position * 1_000 // SAMPLE_RATE)

    def _offset(self, position: int) -> int:
        return HEADER.size + position * self._channels * SAMPLE_BYTES

    def _write_header(self) -> None:
        _write_all(self._fd, header(self.position, channels=self._channels), 0)


def header(position: int, *, channels: int) -> bytes:
    """Returns the header of a file with so many samples a channel."""
    size, block = position * channels * SAMPLE_BYTES, channels * SAMPLE_BYTES
    riff, fmt = size + HEADER.size - 8, (16, 1, channels, SAMPLE_RATE, SAMPLE_RATE * block, block, 8 * SAMPLE_BYTES)
    return HEADER.pack(b"RIFF", riff, b"WAVE", b"fmt ", *fmt, b"data", size)


def _write_all(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def _finish(fd: int, part: Path, final: Path, position: int) -> FinishedFile:
    os.fsync(fd)
    digest = _sha256(fd)
    part.rename(final)
    return FinishedFile(path=final, sha256=digest, length_ms=position * 1_000 // SAMPLE_RATE)


def _sha256(fd: int) -> str:
    digest = hashlib.sha256()
    os.lseek(fd, 0, os.SEEK_SET)
    while data := os.read(fd, READ_BYTES):
        digest.update(data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A file that a recorder left when it died. `ended_us`: when it was last written, UTC."""

    file: FinishedFile
    channels: int
    ended_us: int


def finish_leftover(part: Path) -> Leftover | None:
    """Completes a file that a dead recorder left; None: another one writes it still, or it is none. OSError."""
    with part.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        status = os.fstat(file.fileno())
        head = file.read(HEADER.size)
        if len(head) < HEADER.size or not (channels := HEADER.unpack(head)[6]):
            return None
        position = (status.st_size - HEADER.size) // (channels * SAMPLE_BYTES)
        _write_all(file.fileno(), header(position, channels=channels), 0)
        os.ftruncate(file.fileno(), HEADER.size + position * channels * SAMPLE_BYTES)
        final = part.with_name(part.name.removesuffix(PART) + SUFFIX)
        return Leftover(file=_finish(file.fileno(), part, final, position), channels=channels, ended_us=status.st_mtime_ns // 1_000)
