"""Measures each phone's tone where the other phone of its call recorded it: how long, how whole, how loud, how high. A row each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rig_audio import FRAME, RATE, find_tone, read_wav
from rig_recording import HEARD_FLOOR_DB
from rig_words import duration_ms

BLOCK_MS = 10
BLOCK = RATE * BLOCK_MS // 1_000
GAP_DB = -6.0
"""Below the tone's own level; what is less is a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneMeasured:
    """One tone from its beginning to its end. `level_db`: dBFS of its peak. `gap_ms`: the longest gap, `gaps_ms`: all of them. `hz`: how
    high it is."""

    heard_ms: int
    gap_ms: int
    gaps_ms: int
    level_db: float
    hz: float


def measure(samples: NDArray[np.float64], hz: int) -> ToneMeasured:
    """Measures the tone of about `hz` (within 20) in 8 kHz audio, gaps to 10 ms."""
    found = find_tone(samples, hz, floor_db=HEARD_FLOOR_DB)
    if found.first is None or found.last is None or found.last - found.first < 3:
        return ToneMeasured(heard_ms=found.heard_ms, gap_ms=0, gaps_ms=0, level_db=found.level_db, hz=0.0)
    # The first and the last frame may hold the tone in part.
    span = samples[(found.first + 1) * FRAME : found.last * FRAME]
    turned = span * np.exp(-2j * np.pi * hz * np.arange(len(span)) / RATE)
    blocks = 2 * turned[: len(turned) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1)
    levels = 20 * np.log10(np.maximum(np.abs(blocks), 1e-9))
    level = float(np.median(levels))
    there = levels > level + GAP_DB
    gaps = [len(gap) for gap in "".join("x" if each else " " for each in there).split("x") if gap]
    whole = there[1:] & there[:-1]
    turns = np.angle(blocks[1:] * np.conj(blocks[:-1]))[whole]
    off = float(np.median(turns)) * 1_000 / BLOCK_MS / (2 * np.pi) if len(turns) else 0.0
    return ToneMeasured(
        heard_ms=found.heard_ms,
        gap_ms=max(gaps, default=0) * BLOCK_MS,
        gaps_ms=sum(gaps) * BLOCK_MS,
        level_db=round(level, 1),
        hz=round(hz + off, 1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One direction of a call: who sends which tone, and what the other recorded, in the order in which it was."""

    sender: str
    hz: int
    hearer: str
    recordings: Sequence[Path]


class ToneTable:
    """Measures ways as `every_call` of expected.yaml has it: `{at_least: DURATION, gap: DURATION, level: [DB, DB], off_hz: HZ}`."""

    def __init__(self, wanted: Mapping[str, Any], ways: Sequence[Way]) -> None:
        self._wanted = wanted
        self._measured = [(way, measure(_samples(way.recordings), way.hz)) for way in ways]

    def rows(self) -> Iterator[str]:
        """The table, for a reader."""
        yield f"{'tone of':24}{'heard by':24}{'for':>8}{'gap':>8}{'level':>12}{'frequency':>12}"
        for way, tone in self._measured:
            yield (
                f"{way.sender:24}{way.hearer:24}{tone.heard_ms:5} ms{tone.gap_ms:5} ms{tone.level_db:7.1f} dBFS{tone.hz:9.1f} Hz"
            )

    def problems(self) -> Iterator[str]:
        """What is not as it should be."""
        low, high = self._wanted["level"]
        for way, tone in self._measured:
            place = f"{way.hearer}: {way.sender}'s {way.hz} Hz"
            if tone.heard_ms < duration_ms(self._wanted["at_least"]):
                yield f"{place}: heard for {tone.heard_ms} ms, expected {self._wanted['at_least']} or more"
            elif tone.gap_ms > duration_ms(self._wanted["gap"]):
                yield f"{place}: not heard for {tone.gap_ms} ms in between, expected {self._wanted['gap']} or less"
            elif not low <= tone.level_db <= high:
                yield f"{place}: heard at {tone.level_db} dBFS, expected {low} to {high}"
            elif abs(tone.hz - way.hz) > self._wanted["off_hz"]:
                yield f"{place}: heard as {tone.hz} Hz"


def _samples(recordings: Sequence[Path]) -> NDArray[np.float64]:
    return np.concatenate([read_wav(path) for path in recordings]) if recordings else np.zeros(0)
