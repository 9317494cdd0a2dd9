"""PURE. Adds up what the blocks of one direction of a call are: speech, tone, silence or noise. Decides no block's class itself."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from media.dsp.heard import Span

BLOCK_MS = 20
SILENCE, NOISE, SPEECH, TONE = range(4)

NOISE_MS = 500
"""So much noise in a row ends dead air, since it may hide speech; a click does not."""
AFTER_SPEECH_MS = 5_000
"""A tone is after speech if somebody spoke within so long before it,"""
BEFORE_TONE_MS = 1_000
"""and for so long in all."""
QUIET_AFTER_MS = 500
"""Nobody speaks so soon after the beep of a machine, which listens then: what is followed by speech is music."""
MAX_DEAD_AIRS = 100
MAX_TONES_AFTER_SPEECH = 200
"""Of one direction of one call. `dead_air_ms` counts those beyond, too."""

Classes = npt.NDArray[np.uint8]


class Timeline:
    """What has been added up so far. `blocks` and `energy` (the sum of their mean squares) are by class."""

    __slots__ = (
        "_after_speech", "_at", "_dead_air_blocks", "_last_speech", "_noise", "_quiet_since", "_tone_end", "blocks", "dead_air",
        "dead_air_ms", "early_silence_ms", "energy", "first_speech_ms",
    )  # fmt: skip

    def __init__(self, *, dead_air_ms: int) -> None:
        self.blocks = [0, 0, 0, 0]
        self.energy = [0.0, 0.0, 0.0, 0.0]
        self.first_speech_ms: int | None = None
        self.early_silence_ms = 0
        self.dead_air: list[Span] = []
        self.dead_air_ms = 0
        self._dead_air_blocks = -(-dead_air_ms // BLOCK_MS)
        self._at = 0
        self._quiet_since: int | None = 0
        """The block from which on nothing was heard."""
        self._noise = 0
        """How many blocks of noise stand in a row at the end."""
        self._last_speech: int | None = None
        """The block after the last one of speech."""
        self._after_speech: list[int] = []
        """The blocks at which tones begin that are after speech, and not before it."""
        self._tone_end: int | None = None
        """The block after the last of these tones, until somebody speaks again."""

    def add(self, classes: Classes, power: npt.NDArray[np.float64]) -> None:
        """The next blocks: the class and the mean square of each."""
        for kind in (SILENCE, NOISE, SPEECH, TONE):
            self.energy[kind] += float(power[classes == kind].sum())
        for kind, count in _runs(classes):
            self._add(kind, count)
            self.blocks[kind] += count
            self._at += count

    def _add(self, kind: int, count: int) -> None:
        self._noise = self._noise + count if kind == NOISE else 0
        if kind == SILENCE:
            self._quiet_since = self._at if self._quiet_since is None else self._quiet_since
        elif kind == NOISE:
            if self._noise * BLOCK_MS >= NOISE_MS:
                self._heard_at(self._at + count - self._noise)
        else:
            self._heard_at(self._at)
        if kind == SPEECH:
            self.first_speech_ms = self._at * BLOCK_MS if self.first_speech_ms is None else self.first_speech_ms
            self._last_speech = self._at + count
            if self._tone_end is not None and (self._at - self._tone_end) * BLOCK_MS < QUIET_AFTER_MS:
                self._after_speech.pop()
            self._tone_end = None
        elif kind == TONE and self._tone_end == self._at:
            self._tone_end += count
        elif kind == TONE and self._spoke_lately() and len(self._after_speech) < MAX_TONES_AFTER_SPEECH:
            self._after_speech.append(self._at)
            self._tone_end = self._at + count

    def _heard_at(self, block: int) -> None:
        """Quiet is over."""
        if self._quiet_since is None:
            return
        length = block - self._quiet_since
        if self._quiet_since == 0:
            self.early_silence_ms = length * BLOCK_MS
        if length >= self._dead_air_blocks:
            self.dead_air_ms += length * BLOCK_MS
            if len(self.dead_air) < MAX_DEAD_AIRS:
                self.dead_air.append(Span(start_ms=self._quiet_since * BLOCK_MS, end_ms=block * BLOCK_MS))
        self._quiet_since = None

    def end(self) -> None:
        """No block follows."""
        self._heard_at(self._at)

    def _spoke_lately(self) -> bool:
        if self._last_speech is None or self.blocks[SPEECH] * BLOCK_MS < BEFORE_TONE_MS:
            return False
        return (self._at - self._last_speech) * BLOCK_MS <= AFTER_SPEECH_MS

    def spoke_before(self, block: int) -> bool:
        """Whether the tone that begins about there is after speech."""
        return any(abs(block - start) <= 2 for start in self._after_speech)


def _runs(classes: Classes) -> Iterator[tuple[int, int]]:
    """Class and length of each stretch of one class."""
    edges = np.flatnonzero(np.diff(classes)) + 1
    starts = [0, *edges.tolist()] if len(classes) else []
    ends = [*edges.tolist(), len(classes)]
    for start, end in zip(starts, ends, strict=False):
        yield int(classes[start]), end - start
