"""Writes a tone into a WAV file, and finds one in a recording."""

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

RATE = 8_000
FRAME_MS = 100
FRAME = RATE * FRAME_MS // 1_000
FULL_SCALE = 32_768.0
FINE_FRAME = 2 * FRAME // 5  # 40 ms: tones 50 Hz apart are told from each other
FINE_STEP_MS = 5
SHORTEST_PAUSE_MS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneHeard:
    """`level_db`: median level, dBFS of a sine's peak, while the tone was there. `heard_ms`: for how long it was there. `gap_ms`: the
    longest time in between that it was not. `first`, `last`: the frames in which it was; None: in none."""

    hz: int
    heard_ms: int
    level_db: float
    gap_ms: int
    first: int | None = None
    last: int | None = None


def write_tone(path: Path, hz: int, *, duration_ms: int, peak_db: float, rate: int = RATE) -> None:
    """A sine as 16-bit mono WAV, at 8 kHz unless told otherwise."""
    n = np.arange(rate * duration_ms // 1_000)
    peak = 10 ** (peak_db / 20) * FULL_SCALE
    write_wav(path, peak / FULL_SCALE * np.sin(2 * np.pi * hz * n / rate), rate=rate)


def write_wav(path: Path, samples: NDArray[np.float64], *, rate: int = RATE) -> None:
    """`samples`, full scale 1.0, as 16-bit mono WAV."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(samples * FULL_SCALE).astype("<i2").tobytes())


def read_wav(path: Path) -> NDArray[np.float64]:
    """The samples of a 16-bit WAV as mono at 8 kHz, full scale 1.0. Raises ValueError for samples of another width."""
    with wave.open(str(path), "rb") as recorded:
        channels, octets, rate = recorded.getnchannels(), recorded.getsampwidth(), recorded.getframerate()
        if octets != 2:
            raise ValueError(f"{path.name}: samples of {octets} octets, not 2")
        raw = recorded.readframes(recorded.getnframes())
    mono = np.frombuffer(raw, dtype="<i2").reshape(-1, channels).mean(axis=1) / FULL_SCALE
    return mono if rate == RATE else np.asarray(soxr.resample(mono, rate, RATE), np.float64)


def find_tone(samples: NDArray[np.float64], hz: int, *, floor_db: float) -> ToneHeard:
    """Where `hz` is at least `floor_db` loud, looked for in Hann-windowed frames of 100 ms (10 Hz a bin)."""
    count = len(samples) // FRAME
    frames = samples[: count * FRAME].reshape(count, FRAME) * np.hanning(FRAME)
    probe = np.exp(-2j * np.pi * hz * np.arange(FRAME) / RATE)
    # A sine of peak A gives A * sum(window) / 2 in its bin.
    peaks = np.abs(frames @ probe) * 2 / np.hanning(FRAME).sum()
    levels = 20 * np.log10(np.maximum(peaks, 1e-9))
    there = levels[levels >= floor_db]
    level = float(np.median(there)) if len(there) else -180.0
    places = np.flatnonzero(levels >= floor_db)
    steps = np.diff(places)
    gap = int(steps.max()) - 1 if len(steps) else 0
    first, last = (int(places[0]), int(places[-1])) if len(places) else (None, None)
    return ToneHeard(hz=hz, heard_ms=len(there) * FRAME_MS, level_db=round(level, 1), gap_ms=gap * FRAME_MS, first=first, last=last)


def find_cadence(samples: NDArray[np.float64], hz: Sequence[int], *, floor_db: float) -> list[int]:
    """For how long any of these frequencies is there and is not, in turn, milliseconds: from its first beginning to its last. It is there
    where it has half its usual amplitude; a pause shorter than `SHORTEST_PAUSE_MS` is none (some tones are modulated)."""
    step = RATE * FINE_STEP_MS // 1_000
    frames = np.lib.stride_tricks.sliding_window_view(samples, FINE_FRAME)[::step] * np.hanning(FINE_FRAME)
    probes = np.exp(-2j * np.pi * np.outer(hz, np.arange(FINE_FRAME)) / RATE)
    levels = np.max(np.abs(frames @ probes.T), axis=1) * 2 / np.hanning(FINE_FRAME).sum()
    sounds = levels[levels >= 10 ** (floor_db / 20)]
    there = np.flatnonzero(levels >= np.median(sounds) / 2) if len(sounds) else np.zeros(0, np.int64)
    pauses = np.flatnonzero(np.diff(there) > SHORTEST_PAUSE_MS // FINE_STEP_MS)
    found: list[int] = []
    begin = 0
    for last in map(int, pauses):
        found += [int(there[last] + 1 - there[begin]), int(there[last + 1] - there[last] - 1)]
        begin = last + 1
    return [steps * FINE_STEP_MS for steps in found]
