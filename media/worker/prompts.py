"""Prompts: NAME.wav in one directory -> audio ready to send. Reads files, and remembers what it read; knows no legs or packets.

A file is read when the worker starts, or when it is first asked for, and again when it has changed: reading takes milliseconds in
which no packet is relayed.
"""

import stat
from dataclasses import dataclass
from pathlib import Path

from media.dsp.wav import MAX_FILE_BYTES, WavError, read_wav
from media.worker.playout import Audio, audio

MAX_PROMPTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptUnplayable:
    """Why a prompt can't be played, in words for the operator."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What a file held when it had this size and time."""

    stamp: tuple[int, int]
    result: Audio | PromptUnplayable


class Prompts:
    __slots__ = ("_directory", "_read")

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[str, _Read] = {}

    def preload(self) -> None:
        """Read what is there, so that no call waits for it; what is broken is reported when somebody asks for it."""
        for path in sorted(self._directory.glob("*.wav"))[:MAX_PROMPTS]:
            self.get(path.stem)

    def get(self, name: str) -> Audio | PromptUnplayable:
        if not name or name != Path(name).name or "\0" in name:
            return PromptUnplayable(why=f"{name!r} is no prompt name")
        path = self._directory / f"{name}.wav"
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, a device read without end
                return PromptUnplayable(why=f"{path.name}: not a regular file")
            stamp = (status.st_size, status.st_mtime_ns)
            known = self._read.get(name)
            if known is None or known.stamp != stamp:
                known = self._remember(name, _Read(stamp=stamp, result=_load(path)))
        except OSError as problem:
            return PromptUnplayable(why=f"{path.name}: {problem.strerror}")
        return known.result

    def _remember(self, name: str, read: _Read) -> _Read:
        if len(self._read) >= MAX_PROMPTS and name not in self._read:
            self._read.pop(next(iter(self._read)))  # the one that was read first
        self._read[name] = read
        return read


def _load(path: Path) -> Audio | PromptUnplayable:
    """OSError where the file can't be read."""
    with path.open("rb") as file:
        samples = read_wav(file.read(MAX_FILE_BYTES + 1))
    if isinstance(samples, WavError):
        return PromptUnplayable(why=f"{path.name}: {samples.why}")
    return audio(samples)
