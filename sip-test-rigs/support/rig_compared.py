"""Compares the switch's recording of a call with what its phones sent, as their paths passed it on: each side, and both in step.

A phone that is compared plays a melody: what stands in one place of it stands in no other.
"""

import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rig_audio import RATE
from rig_rtp import RtpLog
from rig_words import duration_ms

PIECE = 2 * RATE
WINDOW = 160
HOP = 8
"""1 ms."""
LEAST_LIKENESS = 0.8
MELODY_S = 60
NOTE_MS = 60
NOTE_HZ = (300, 3_000)
LEAST_PIECES = 3


def melody(seed: int, seconds: int, *, peak_db: float) -> NDArray[np.float64]:
    """Notes of chance pitch at 8 kHz, full scale 1.0."""
    chance = np.random.default_rng(seed)
    pitches = np.repeat(chance.uniform(*NOTE_HZ, size=seconds * 1_000 // NOTE_MS), RATE * NOTE_MS // 1_000)
    return np.asarray(10 ** (peak_db / 20) * np.sin(2 * np.pi * np.cumsum(pitches) / RATE), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a recording beside what a phone sent. `begins_s`: when the recording began if one goes by each piece, monotonic, in the
    order of the pieces; `unlike`: how many pieces of what was sent are not found in it."""

    begins_s: tuple[float, ...]
    unlike: int

    @property
    def apart_ms(self) -> float:
        return 1_000 * (max(self.begins_s, default=0.0) - min(self.begins_s, default=0.0))


def compare(recorded: NDArray[np.float64], sent: RtpLog) -> Side:
    """Looks for each two seconds of what was sent in what was recorded, both at 8 kHz."""
    samples, _ = sent.samples()
    whole = _spectra(recorded)
    first_s = sent.first_sample_at_s()
    begins: list[float] = []
    unlike = 0
    for start in range(0, len(samples) - PIECE + 1, PIECE):
        place, likeness = _found(whole, _spectra(samples[start : start + PIECE]))
        if likeness >= LEAST_LIKENESS:
            begins.append(first_s + (start - place * HOP) / RATE)
        else:
            unlike += 1
    return Side(begins_s=tuple(begins), unlike=unlike)


def _spectra(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitudes, a row for each HOP: a clock that is made good by a sample here and there changes them little."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, WINDOW)), WINDOW)[:-1:HOP] * np.hanning(WINDOW)
    return np.abs(np.fft.rfft(windows, axis=1))


def _found(whole: NDArray[np.float64], piece: NDArray[np.float64]) -> tuple[int, float]:
    """Which row of `whole` those that are most like `piece` begin with, and how like they are: 1.0 is the same up to its level."""
    size = 1 << (len(whole) + len(piece)).bit_length()
    spectrum = np.fft.rfft(whole, size, axis=0) * np.conj(np.fft.rfft(piece, size, axis=0))
    product = np.fft.irfft(spectrum.sum(axis=1), size)[: max(1, len(whole) - len(piece) + 1)]
    powers = np.concatenate([[0.0], np.cumsum(np.sum(whole**2, axis=1))])
    lengths = np.arange(len(product)) + len(piece)
    power = powers[np.minimum(lengths, len(whole))] - powers[: len(product)]
    likeness = product / np.sqrt(np.maximum(power, 1e-9) * max(float(np.sum(piece**2)), 1e-9))
    place = int(np.argmax(likeness))
    return place, float(likeness[place])


def problems(wanted: Mapping[str, Any], sides: Mapping[str, Side], *, place: str) -> Iterator[str]:
    """What is wrong with a recording by `{left: PHONE, right: PHONE, in_step: DURATION, steady: DURATION, unlike: N}`. The pieces of what
    both sent are there, but `unlike` of a side: 0 if left out, and the recorder may move what follows by a step within a piece, once it
    knows that a packet was late. No piece is further than `steady` from where the others say it belongs, and the sides are in step."""
    for name, side in sides.items():
        if side.unlike > wanted.get("unlike", 0):
            yield f"{place}: {name}: {side.unlike} pieces of 2 s of what {wanted[name]} sent are not there"
        if len(side.begins_s) < LEAST_PIECES:
            yield f"{place}: {name}: only {len(side.begins_s)} pieces of 2 s are there of what {wanted[name]} sent"
            return
        if side.apart_ms > duration_ms(wanted["steady"]):
            yield f"{place}: {name}: its time goes {side.apart_ms:.1f} ms wrong, {wanted['steady']} are allowed"
    off_ms = max(_out_of_step_ms(sides)[1:], key=abs)  # that a first packet came late shows in the packets behind it
    if abs(off_ms) > duration_ms(wanted["in_step"]):
        yield f"{place}: its sides are {off_ms:.1f} ms out of step, {wanted['in_step']} are allowed"


def _out_of_step_ms(sides: Mapping[str, Side]) -> list[float]:
    """By how much the left side is late in each piece, beside the right."""
    return [1_000 * (right - left) for left, right in zip(sides["left"].begins_s, sides["right"].begins_s, strict=False)]


def summary(sides: Mapping[str, Side], *, place: str) -> str:
    """The same in numbers, for a reader."""
    off = ", ".join(f"{ms:+.0f}" for ms in _out_of_step_ms(sides))
    steady = ", ".join(f"{name} by {side.apart_ms:.0f} ms in {len(side.begins_s)} pieces" for name, side in sides.items())
    return f"{place}: the sides are {off} ms out of step; the time goes wrong {steady}"


def sides_of_call(directory: Path, call_id: str) -> Mapping[str, NDArray[np.float64]]:
    """Both sides of a call's recording; {}: there is none, or not one of both sides."""
    for path in directory.glob(f"*/*/*/{call_id}.wav"):
        with wave.open(str(path), "rb") as recorded:
            if recorded.getnchannels() == 2:
                samples = np.frombuffer(recorded.readframes(recorded.getnframes()), "<i2").reshape(-1, 2) / 32_768
                return {"left": samples[:, 0], "right": samples[:, 1]}
    return {}
