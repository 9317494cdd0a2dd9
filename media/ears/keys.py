"""PURE. Keys in the audio that one leg sends, each told once, as soon as it has been down for long enough to be one.

A key through which packets are lost is one press: what lies between its two parts is the loss, and hardly more.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from media.dsp.dtmf import DtmfDetector, DtmfDigit
from media.dsp.g711 import Samples
from media.ears.audio import FramedAudio
from media.tap_frame import Frame

MAX_LOSS = 800
"""Samples, 100 ms: a longer gap, be it loss or silence that was not sent, ends a press."""
PATIENCE = 640
"""Samples, 80 ms: so long is waited for a packet that others have overtaken, from where it belongs."""
MAX_PAUSE = 160
"""Samples, 20 ms: half of the shortest pause between keys (Q.24). What is heard between the two parts of one press is less."""


class InBandPress(NamedTuple):
    """`at_ns`: when its tones began, by the monotonic clock."""

    digit: str
    at_ns: int


class KeyListener:
    """`start_ns`: when listening began."""

    __slots__ = ("_begin", "_detector", "_gaps", "_last", "_upto", "audio")

    def __init__(self, start_ns: int) -> None:
        self.audio = FramedAudio(start_ns)
        self._detector = DtmfDetector()
        self._begin = 0  # position of the detector's first sample
        self._upto = 0
        self._gaps: list[tuple[int, int]] = []
        self._last: DtmfDigit | None = None

    def hear(self, frames: Iterable[Frame]) -> Iterator[InBandPress]:
        """Yields the keys that are known to be down from these frames on."""
        for frame in frames:
            self.audio.add(frame)
        batch: list[Samples] = []
        for position, samples in self.audio.taken(patience=PATIENCE):
            gap = position - self._upto
            if gap > MAX_LOSS:
                yield from self._detected(batch)
                batch = []
                self._begin_anew(position)
            elif gap > 0:
                batch.append(np.zeros(gap, np.int16))
                self._gaps = [*self._gaps[-9:], (self._upto, position)]
            batch.append(samples)
            self._upto = position + len(samples)
        yield from self._detected(batch)

    def _begin_anew(self, position: int) -> None:
        self._detector = DtmfDetector()
        self._begin = position
        self._last = None
        self._gaps.clear()

    def _detected(self, batch: list[Samples]) -> Iterator[InBandPress]:
        if not batch:
            return
        found = self._detector.hear(np.concatenate(batch))
        down = self._detector.pressed
        for digit in found if down is None else (*found, down):
            if not self._goes_on(digit):
                yield InBandPress(digit.digit, self.audio.moment(self._begin + digit.start))
            self._last = digit

    def _goes_on(self, digit: DtmfDigit) -> bool:
        """Returns whether it is the press that was told last."""
        last = self._last
        if last is None or last.digit != digit.digit:
            return False
        if last.start == digit.start:
            return True
        start, stop = self._begin + last.end, self._begin + digit.start
        lost = sum(max(0, min(stop, end) - max(start, begin)) for begin, end in self._gaps)
        return lost > 0 and stop - start - lost < MAX_PAUSE
