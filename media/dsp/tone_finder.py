"""PURE. Finds steady tones, one frequency or two at once, in 8 kHz samples, and says from where to where they last. Names none of them.

Frames of 100 ms, one for each block of 20 ms, since 440 and 480 Hz have to be told apart. A frame is tonal where nearly all the power of
the telephone band lies around one peak of its spectrum, or two. A run is tonal frames of the same frequencies one after the other. Vowels
have such frames too: but their pitch moves, lies below `MIN_HZ`, and two harmonics of it are none of `PAIRS_HZ`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import SAMPLE_RATE
from media.dsp.levels import mean_square

BLOCK = 160
FRAME = 800
LOOKAHEAD = FRAME - BLOCK
"""How many samples beyond the last block its frame needs."""

MIN_TONE_DBM0 = -43.0
"""The weakest tone that is looked for: what a fax machine takes (ITU-T T.30)."""
MIN_SHARE = 0.85
"""Of the band's power, in the peaks. Noise 10 dB below a tone leaves 0.91."""
MAX_TWIST_DB = 10.0
"""Between the two tones of a pair; what is weaker than that is no tone but noise beside one."""
MAX_DRIFT_HZ = 6.0
"""How far a frame may be from the mean of its run: a pitch that moves by 120 Hz a second is no tone."""
MIN_FRAMES = 6
"""In a run: a tone of 100 ms."""
MAX_GAP_FRAMES = 6
"""A run goes on after so many frames without it: a lost packet, a phase reversal. Cadences are silent for 200 ms and more."""
MIN_HZ = 340
MAX_HZ = 3_600
BAND_FROM_HZ = 100
"""A tone is measured against all that lies above this, voices included; hum of the mains is left out."""
PAIRS_HZ = ((350, 440), (440, 480), (480, 620), (400, 450))
"""Dial tone, ringing, busy (North America), ringing (Britain): ITU-T E.180."""
MAX_PAIR_OFF_HZ = 10.0

Float = npt.NDArray[np.float64]
_HZ_PER_BIN = SAMPLE_RATE // FRAME
_BAND, _LOW, _HIGH = BAND_FROM_HZ // _HZ_PER_BIN, MIN_HZ // _HZ_PER_BIN, MAX_HZ // _HZ_PER_BIN
_HANN = np.hanning(FRAME + 1)[:-1].astype(np.float32)
_TO_MEAN_SQUARE = 2 / (FRAME * float(np.square(_HANN).sum()))
_MIN_POWER = mean_square(MIN_TONE_DBM0)
_LEAST_SHARE = MIN_SHARE / 2  # the louder of two
_LOBE = 2  # bins to each side of a peak that a Hann window spreads a tone over
_EDGE_FRAMES = 2  # that many frames at each end of a run lie over its edge

REVERSING_HZ = 2_100
_STEP = 40
_ANGLE = 2 * np.pi * REVERSING_HZ / SAMPLE_RATE * np.arange(_STEP)
_TURN = np.stack((np.cos(_ANGLE), -np.sin(_ANGLE)), axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneRun:
    """A tone: one frequency or two, ascending; from block `start` up to block `end`, to within one; its mean square."""

    hz: tuple[float, ...]
    start: int
    end: int
    power: float


@dataclass(slots=True, kw_only=True)
class _Run:
    """A run that may go on. `last`: its last frame so far."""

    hz: tuple[float, ...]
    first: int
    last: int
    frames: int
    power: float


class ToneFinder:
    """Follows tones from frame to frame."""

    __slots__ = ("_frame", "_run")

    def __init__(self) -> None:
        self._frame = 0
        self._run: _Run | None = None

    @property
    def current(self) -> ToneRun | None:
        """The run that may still go on, if it is one already."""
        return None if self._run is None else _finished(self._run)

    def hear(self, samples: Float) -> Iterator[ToneRun]:
        """The runs that ended in these samples: whole blocks, and `LOOKAHEAD` more, which come again as the next ones' first."""
        for hz, power in _tones(samples):
            if hz:
                yield from self._tonal(hz, power)
            elif self._run is not None and self._frame - self._run.last > MAX_GAP_FRAMES:
                yield from self.finish()
            self._frame += 1

    def _tonal(self, hz: tuple[float, ...], power: float) -> Iterator[ToneRun]:
        run = self._run
        if run is not None and len(run.hz) == len(hz) and all(abs(a - b) <= MAX_DRIFT_HZ for a, b in zip(run.hz, hz, strict=True)):
            weight = 1 / (run.frames + 1)
            run.hz = tuple(was + (now - was) * weight for was, now in zip(run.hz, hz, strict=True))
            run.power += (power - run.power) * weight
            run.frames, run.last = run.frames + 1, self._frame
            return
        if run is not None and run.frames >= MIN_FRAMES and self._frame - run.last <= _EDGE_FRAMES:
            return  # the edge of a tone, whose spectrum is blurred
        yield from self.finish()
        self._run = _Run(hz=hz, first=self._frame, last=self._frame, frames=1, power=power)

    def finish(self) -> Iterator[ToneRun]:
        """The run that no frame follows any more."""
        run = self.current
        self._run = None
        if run is not None:
            yield run


def _finished(run: _Run) -> ToneRun | None:
    if run.frames < MIN_FRAMES:
        return None
    return ToneRun(hz=run.hz, start=run.first + _EDGE_FRAMES, end=run.last + FRAME // BLOCK - _EDGE_FRAMES, power=run.power)


def _tones(samples: Float) -> list[tuple[tuple[float, ...], float]]:
    """For each frame its frequencies, none where it is not tonal, and their mean square."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), FRAME)[::BLOCK]
    found: list[tuple[tuple[float, ...], float]] = [((), 0.0)] * len(frames)
    loud = np.flatnonzero(np.square(frames).mean(axis=1) >= _MIN_POWER)
    spectrum = np.fft.rfft(frames[loud] * _HANN, axis=1)[:, : _HIGH + _LOBE + 1]
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) * _TO_MEAN_SQUARE
    total = power[:, _BAND:].sum(axis=1)
    first, first_power = _peak(power)
    maybe = np.flatnonzero(first_power >= _LEAST_SHARE * total)  # what speech seldom passes
    power, total, first, first_power = power[maybe], total[maybe], first[maybe], first_power[maybe]
    size = np.sqrt(power)
    np.put_along_axis(power, _around(first), 0.0, axis=1)
    second, second_power = _peak(power)
    pair = second_power >= first_power * 10 ** (-MAX_TWIST_DB / 10)
    held = np.where(pair, first_power + second_power, first_power)
    for at in np.flatnonzero((held >= MIN_SHARE * total) & (held >= _MIN_POWER)).tolist():
        peaks = (int(first[at]), int(second[at])) if pair[at] else (int(first[at]),)
        hz = tuple(sorted(_interpolated(size[at], peak) for peak in peaks))
        if hz[0] >= MIN_HZ if len(hz) == 1 else any(_near(hz, known) for known in PAIRS_HZ):
            found[loud[maybe[at]]] = (hz, float(held[at]))
    return found


def _near(hz: tuple[float, ...], known: tuple[int, int]) -> bool:
    return all(abs(one - other) <= MAX_PAIR_OFF_HZ for one, other in zip(hz, known, strict=True))


def _around(bins: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return np.asarray(bins[:, None] + np.arange(-_LOBE, _LOBE + 1), np.intp)


def _peak(power: Float) -> tuple[npt.NDArray[np.intp], Float]:
    """For each frame the strongest bin, and the power around it."""
    bins = np.asarray(_LOW + power[:, _LOW : _HIGH + 1].argmax(axis=1), np.intp)
    return bins, np.asarray(np.take_along_axis(power, _around(bins), axis=1).sum(axis=1), np.float64)


def _interpolated(size: Float, peak: int) -> float:
    """The frequency of a sine whose Hann-windowed spectrum has this peak."""
    left, right = size[peak - 1], size[peak + 1]
    beside = max(left, right) / size[peak]
    shift = (2 * beside - 1) / (beside + 1)
    return float((peak + (shift if right >= left else -shift)) * _HZ_PER_BIN)


def phase_reversals(samples: Float) -> list[int]:
    """Samples near which a tone of 2,100 Hz turns its phase around (ITU-T V.25: every 450 ms, for echo cancellers). `samples` are
    what `ToneFinder.hear` takes; each reversal is found once."""
    steps = len(samples) // _STEP
    pieces = samples[: steps * _STEP].reshape(steps, _STEP)
    parts = pieces @ _TURN
    tone = parts[:, 0] + 1j * parts[:, 1]
    pure = 2 * np.square(np.abs(tone) / _STEP) >= MIN_SHARE * np.maximum(np.square(pieces).mean(axis=1), 1.0)
    turned = (tone[2:] * tone[:-2].conj()).real < 0  # 2,100 Hz turns 21 whole times in two steps, 15 Hz off 0.15 more
    turned &= pure[2:] & pure[:-2]
    ends = np.flatnonzero(turned[:-1] & ~turned[1:])
    within = (len(samples) - LOOKAHEAD) // _STEP
    return [int(end) * _STEP for end in ends if end < within]
