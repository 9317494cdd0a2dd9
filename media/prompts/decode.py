"""The octets of a sound file -> 8 kHz mono samples, and what callers would hear wrong in them.

WAV of any kind, MP3, OGG (Vorbis, Opus) and FLAC are read by libsndfile (`docs/adr/0030-libsndfile-reads-prompts.md`), block by block:
memory is that of the result, whatever a small file unpacks to. Octets come in, none are written.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import SAMPLE_RATE
from media.dsp.speech_level import Wave
from media.dsp.tones import FRAME_SAMPLES
from media.prompts.prompt import MAX_FILE_BYTES, MAX_S, Doubt, Unplayable

if TYPE_CHECKING:
    from soundfile import SoundFile

MIN_RATE = 8_000
MAX_RATE = 192_000
MAX_CHANNELS = 8
FORMATS = ("WAV", "WAVEX", "RF64", "MP3", "OGG", "FLAC")
NO_SOUND = "not a WAV, MP3, OGG or FLAC file"
SILENT_BELOW = (
    52.0 / 32_768
)  # root mean square: 56 dB below full scale, under the noise of a quiet line (G.711's steps are 8 there)
CANCELLED_OVER = 100.0  # 20 dB; channels that have nothing to do with each other lose 3 dB, one with a silent other one 6 dB
FULL_SCALE = 32_760 / 32_768  # what limiters that stop short of 32,767 leave counts too
CLIPPED_SHARE = 0.001
_BLOCK_FRAMES = 65_536
_UNKNOWN_SIZE = 0x7FFF_0000  # writers that can't go back announce about 2 or 4 GiB
_MISSING_S = 0.1  # of compressed files, whose announced length is rounded to packets


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """`wave`: 8 kHz, mono, full scale 1.0; a file of floats may go beyond."""

    wave: Wave
    doubts: tuple[Doubt, ...]

    @property
    def frames(self) -> int:
        """How many of 20 ms it takes; the last one is filled up with silence."""
        return -(-len(self.wave) // FRAME_SAMPLES)


def decoded(data: bytes) -> Decoded | Unplayable:
    """The whole file. What is wrong with it is an answer, whatever the octets are."""
    import soundfile  # noqa: PLC0415 - 40 ms, and a config without prompts needs none

    if len(data) > MAX_FILE_BYTES:
        return Unplayable(why=f"larger than {MAX_FILE_BYTES // 1024**2} MiB")
    if not data:
        return Unplayable(why="the file is empty")
    try:
        with _without_remarks(data), _in_memory(data) as fd, soundfile.SoundFile(fd, closefd=False) as file:
            return _read(file, data)
    except soundfile.LibsndfileError as error:
        return Unplayable(why=_why(error))


def _why(error: Any) -> str:
    words = str(error.error_string).removeprefix("Error : ").strip().rstrip(".")
    return NO_SOUND if error.code in (1, 7) else f"{words[:1].lower()}{words[1:]}"


def _read(file: "SoundFile", data: bytes) -> Decoded | Unplayable:
    import soundfile  # noqa: PLC0415

    if file.format not in FORMATS:
        return Unplayable(why=NO_SOUND)
    if not 1 <= file.channels <= MAX_CHANNELS:
        return Unplayable(why=f"{file.channels} channels, 1 to {MAX_CHANNELS} can be played")
    if not MIN_RATE <= file.samplerate <= MAX_RATE:
        return Unplayable(why=f"{file.samplerate} Hz, {MIN_RATE} to {MAX_RATE} can be played")
    measured, resampler, waves = _Measured(file.channels), _resampler(file.samplerate), []
    try:
        while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
            if not np.isfinite(block).all():
                return Unplayable(why="it holds samples that are no numbers")
            measured.add(block)
            if measured.frames > MAX_S * file.samplerate:
                return Unplayable(why=f"longer than {MAX_S // 60} min")
            waves.append(resampler(block.mean(axis=1), is_last=False))
    except soundfile.LibsndfileError as error:
        return Unplayable(why=f"damaged after {measured.frames / file.samplerate:.1f} s: {_why(error)}")
    if not measured.frames:
        return Unplayable(why="no samples")
    waves.append(resampler(np.zeros(0, np.float32), is_last=True))
    missing_s = _missing_s(file, data, has_s=measured.frames / file.samplerate)
    return Decoded(wave=np.concatenate(waves), doubts=tuple(measured.doubts(file.samplerate, missing_s)))


class _Measured:
    """What is heard in a file, block by block."""

    def __init__(self, channels: int) -> None:
        self.frames = 0
        self._energy = np.zeros(channels)
        self._mixed = 0.0
        self._flat = np.zeros(channels)
        self._end = np.zeros((0, channels), np.bool_)

    def add(self, block: npt.NDArray[np.float32]) -> None:
        self.frames += len(block)
        self._energy += np.square(block, dtype=np.float64).sum(axis=0)
        self._mixed += float(np.square(block.mean(axis=1, dtype=np.float64)).sum())
        full = np.concatenate((self._end, np.abs(block) >= FULL_SCALE))
        self._flat += (full[2:] & full[1:-1] & full[:-2]).sum(axis=0)
        self._end = full[-2:]

    def doubts(self, rate: int, missing_s: float) -> Iterator[Doubt]:
        """What callers would hear wrong. `missing_s`: what the file announces and does not have."""
        loudest = float(self._energy.max())
        if loudest / self.frames < SILENT_BELOW**2:
            yield Doubt(what="is silent: callers hear nothing and hang up", instead="record it anew, or raise its level")
        elif self._mixed < loudest / CANCELLED_OVER:
            # Channels that are each other turned upside down: each is loud, and their mean, which callers hear, is not.
            what = "nearly vanishes when its channels are mixed: they cancel each other out, and callers hear mono"
            yield Doubt(what=what, instead="save one channel of it as mono")
        # Peaks that are cut off stay at the limit for several samples; a recording that only just reaches it does not.
        share = float(self._flat.max()) / max(1, self.frames - 2)
        if share >= CLIPPED_SHARE:
            what = f"is clipped: {share:.1%} of it is at full scale, and sounds torn"
            yield Doubt(what=what, instead="record it at a lower level; turning a clipped file down does not mend it")
        if missing_s > 0:
            has_s = self.frames / rate
            what = f"breaks off: the file holds {has_s:.1f} s of the {has_s + missing_s:.1f} s that it announces"
            yield Doubt(what=what, instead="copy it again: the end is missing")


def _missing_s(file: "SoundFile", data: bytes, *, has_s: float) -> float:
    """What the file announces and does not have: of a WAV by its data chunk, of others by the length in their headers."""
    if data[:4] == b"RIFF":
        announced, held = _data_chunk(data)
        frames = (announced - held) * has_s * file.samplerate / held if held else 0.0
        return 0.0 if announced >= _UNKNOWN_SIZE or frames < 1 else frames / file.samplerate
    missing_s = file.frames / file.samplerate - has_s
    return missing_s if _MISSING_S < missing_s < MAX_S * 100 else 0.0


def _data_chunk(data: bytes) -> tuple[int, int]:
    """Octets of the data chunk of a RIFF file: announced, and there."""
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"data":
            return size, min(size, len(data) - at - 8)
        at += 8 + size + size % 2
    return 0, 0


def _resampler(rate: int) -> Any:
    """Resamples block by block by soxr (`docs/adr/0015-libraries-tried.md`): flat up to 3.6 kHz, and nothing above 4 kHz folds back."""
    if rate == SAMPLE_RATE:
        return lambda block, is_last: block  # noqa: ARG005
    import soxr  # noqa: PLC0415 - 25 ms, and most prompts are at 8 kHz

    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    return lambda block, is_last: stream.resample_chunk(block, last=is_last)


@contextmanager
def _in_memory(data: bytes) -> Iterator[int]:
    """A file of these octets, by its descriptor. Callbacks into Python, as a `BytesIO` takes them, need memory that is both written and
    executed, which `deploy/payphone.service` forbids."""
    with os.fdopen(os.memfd_create("prompt"), "r+b") as file:
        file.write(data)
        file.flush()
        file.seek(0)
        yield file.fileno()


@contextmanager
def _without_remarks(data: bytes) -> Iterator[None]:
    """libmpg123 writes remarks about an MP3 to the process's stderr, whoever reads it."""
    if data[:4] in (b"RIFF", b"OggS", b"fLaC", b"RF64"):
        yield
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
