"""Writes one WAV file of 16-bit linear PCM at 8 kHz that can be played at any moment, however the process ends.

The file has a name that says it is not complete (`CALL.part.wav`) until `publish`, and is locked until then. Samples are written first,
then the header that counts them.
"""

import errno
import fcntl
import hashlib
import os
import struct
from pathlib import Path
from typing import Self

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


class WavFile:
    """`final`: its name when it is complete; `part`: until then. `position`: how many samples a channel have been written."""

    __slots__ = ("_channels", "_fd", "final", "part", "position")

    def __init__(self, final: Path, fd: int, *, channels: int, position: int) -> None:
        """Made by `create` and `reopen`."""
        self.final = final
        self.part = part_of(final)
        self._fd = fd
        self._channels = channels
        self.position = position

    @classmethod
    def create(cls, final: Path, *, channels: int) -> Self:
        """Creates the file, and its directory. OSError; FileExistsError: there is one already."""
        final.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        if final.exists():
            raise FileExistsError(errno.EEXIST, "there is a recording of this name", str(final))
        file = cls(
            final, os.open(part_of(final), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE), channels=channels, position=0
        )
        try:
            fcntl.flock(file._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file._write_header()
        except OSError:
            file.discard()
            raise
        return file

    @classmethod
    def reopen(cls, final: Path, *, channels: int) -> Self | None:
        """Opens a file that a process left when it died; None: another one writes it still. OSError."""
        fd = os.open(part_of(final), os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            position = max(0, os.fstat(fd).st_size - HEADER.size) // (channels * SAMPLE_BYTES)
            file = cls(final, fd, channels=channels, position=position)
            os.ftruncate(fd, file._offset(position))
            file._write_header()
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError:
            os.close(fd)
            raise
        return file

    @property
    def length_ms(self) -> int:
        return self.position * 1_000 // SAMPLE_RATE

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

    def silence(self, start: int) -> None:
        """Writes silence over what stands from `start` on. OSError."""
        length = max(0, self.position - start) * self._channels * SAMPLE_BYTES
        for at in range(0, length, READ_BYTES):
            _write_all(self._fd, bytes(min(READ_BYTES, length - at)), self._offset(start) + at)

    def seal(self) -> str:
        """Makes the file durable; returns its SHA-256, in hex. Takes a while: it reads it all. OSError."""
        os.fsync(self._fd)
        return _sha256(self._fd)

    def publish(self) -> None:
        """Gives the file its name, and closes it. OSError."""
        self.part.rename(self.final)
        os.close(self._fd)

    def discard(self) -> None:
        """Deletes the file. OSError."""
        os.close(self._fd)
        self.part.unlink(missing_ok=True)

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


def part_of(final: Path) -> Path:
    return final.with_name(final.name.removesuffix(SUFFIX) + PART)


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in hex. OSError."""
    with path.open("rb") as file:
        return _sha256(file.fileno())


def _sha256(fd: int) -> str:
    digest = hashlib.sha256()
    os.lseek(fd, 0, os.SEEK_SET)
    while data := os.read(fd, READ_BYTES):
        digest.update(data)
    return digest.hexdigest()
