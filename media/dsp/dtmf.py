"""PURE. DTMF in band: the tones of a key, and a detector that finds keys in 8 kHz samples (ITU-T Q.23, Q.24). Uses no packets or clocks.

A key is two sines, one of each group. The detector looks at windows of 16 ms, 5 ms apart. A window holds a key where nearly all of its
power lies in one tone of each group, each near enough to its frequency, which the phase from one window to the next tells, loud enough, and
neither much louder than the other. Speech has two such tones now and then, but not for `MIN_WINDOWS` in a row.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import SAMPLE_RATE, Samples
from media.dsp.levels import mean_square

LOW_HZ = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
KEYPAD = ("123A", "456B", "789C", "*0#D")
"""A row for each low tone, a column for each high one (Q.23)."""
_KEYS = "".join(KEYPAD)

MIN_TONE_DBM0 = -35.5
"""Of the weaker tone. -25 dBm0 is what exchanges take (Q.24): a key of that level whose tones differ by 8 dB has one of -33.6."""
MAX_TWIST_DB = 9.5
"""How much louder one tone may be; 8 dB are taken whatever the noise."""
MAX_OFFSET = 0.025
"""Of a tone's frequency: between the 1.5 % that are taken and the 3.5 % that are not (Q.24)."""
MIN_SHARE = 0.88
"""Of a window's power, in the two tones. Noise 12 dB below them leaves 0.94."""
MIN_WINDOWS = 4
"""In a row: a tone of 27 ms. Q.24: 40 ms are a digit, 23 ms (AT&T) are none. Level, twist and offset are those of their means."""
MAX_GAP_WINDOWS = 4
"""An interruption of 10 ms does not end a key (Q.24), a pause of 40 ms does."""

WINDOW = 128
HOP = 40
_EDGE = 26  # how far into the first window that counts a key begins; so far before the end of the last one it ends

Float = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Indexes = npt.NDArray[np.intp]
_HANN: Float = np.hanning(WINDOW + 1)[:-1]
_NOMINAL: Float = np.array(LOW_HZ + HIGH_HZ)
_TURNS = np.exp(-2j * np.pi * np.outer(np.arange(WINDOW), _NOMINAL) / SAMPLE_RATE) * _HANN[:, None]
_BASIS: Float = np.concatenate((_TURNS.real, _TURNS.imag), axis=1)
_ADVANCE = np.exp(-2j * np.pi * _NOMINAL * HOP / SAMPLE_RATE)
_HZ_PER_RADIAN = SAMPLE_RATE / (2 * np.pi * HOP)
_MIN_POWER = mean_square(MIN_TONE_DBM0)
_MAX_RATIO = 10 ** (MAX_TWIST_DB / 10)
_MIN_WINDOW_POWER = _MIN_POWER / 2  # of one window: noise moves each by more than their mean


class _Window(NamedTuple):
    """A window that holds a key. Powers are mean squares; offsets are shares of the frequency, with their sign."""

    digit: str
    low_power: float
    high_power: float
    low_offset: float
    high_offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DtmfDigit:
    """A key that was heard: from sample `start` up to sample `end`, counted from the first that the detector was given, to within 6 ms."""

    digit: str
    start: int
    end: int


def key_tones(digit: str, duration_ms: int, *, low_dbm0: float = -8.0, high_dbm0: float = -6.0) -> Samples:
    """The two tones of a key, each at its level. The high one is sent 2 dB louder, for lines that lose more of it (ETSI ES 201 235-2).
    ValueError for what is no digit."""
    row, column = _place(digit)
    at = np.arange(SAMPLE_RATE * duration_ms // 1000) * (2 * np.pi / SAMPLE_RATE)
    low, high = (math.sqrt(2 * mean_square(level)) for level in (low_dbm0, high_dbm0))
    wave: Float = low * np.sin(LOW_HZ[row] * at) + high * np.sin(HIGH_HZ[column] * at)
    return np.clip(np.rint(wave), -32_768, 32_767).astype(np.int16)


def _place(digit: str) -> tuple[int, int]:
    """Row and column of a key."""
    if len(digit) != 1 or digit not in _KEYS:
        raise ValueError(f"no digit: {digit!r}")
    return divmod(_KEYS.index(digit), 4)


class DtmfDetector:
    """Finds keys in the samples that it is fed, in pieces of any length; what it finds does not depend on how they are cut."""

    __slots__ = ("_before", "_position", "_samples", "_track")

    def __init__(self) -> None:
        self._samples = np.zeros(0, np.int16)
        self._position = 0
        """Of the first of `_samples`: where the next window begins."""
        self._before = np.zeros((1, 8), np.complex128)
        """What the last window gave."""
        self._track = _Track()

    @property
    def pressed(self) -> DtmfDigit | None:
        """The key that is down at the last sample; its `end` is how long it has been heard."""
        return self._track.pressed

    def hear(self, samples: Samples) -> tuple[DtmfDigit, ...]:
        """The keys that ended by the last of these samples, each once, in order."""
        self._samples = np.concatenate((self._samples, samples))
        count = (len(self._samples) - WINDOW) // HOP + 1
        if count <= 0:
            return ()
        windows = self._windows(self._samples[: (count - 1) * HOP + WINDOW].astype(np.float64))
        starts = range(self._position, self._position + count * HOP, HOP)
        self._samples = self._samples[count * HOP :].copy()
        self._position += count * HOP
        return tuple(self._track.follow(windows, starts))

    def finish(self) -> tuple[DtmfDigit, ...]:
        """The key that was down at the end, if one was."""
        last = self._track.pressed
        self._track = _Track()
        return () if last is None else (last,)

    def _windows(self, samples: Float) -> list[_Window | None]:
        """What each window holds, None where that is no key."""
        windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
        parts = windows @ _BASIS
        tones = parts[:, :8] + 1j * parts[:, 8:]
        steps = tones * np.concatenate((self._before, tones[:-1])).conj() * _ADVANCE
        self._before = tones[-1:]
        size, each = np.abs(tones), np.arange(len(windows))
        low, high = size[:, :4].argmax(axis=1), 4 + size[:, 4:].argmax(axis=1)
        low_offset, low_power = _measured(size[each, low], steps[each, low], low)
        high_offset, high_power = _measured(size[each, high], steps[each, high], high)
        total = np.square(windows) @ np.square(_HANN) / np.square(_HANN).sum()
        held = (low_power + high_power >= MIN_SHARE * total) & (np.minimum(low_power, high_power) >= _MIN_WINDOW_POWER)
        found: list[_Window | None] = [None] * len(windows)
        for at in np.flatnonzero(held).tolist():
            key = _KEYS[low[at] * 4 + high[at] - 4]
            found[at] = _Window(key, low_power[at], high_power[at], low_offset[at], high_offset[at])
        return found


def _measured(size: Float, steps: Complex, tone: Indexes) -> tuple[Float, Float]:
    """Of the strongest tone of a group: how far it is off its frequency, as a share of that, and its mean square."""
    offset_hz = np.angle(steps) * _HZ_PER_RADIAN
    bins = np.clip(np.abs(offset_hz) * WINDOW / SAMPLE_RATE, 0, 0.9)
    gain = _HANN.sum() * np.sinc(bins) / (1 - np.square(bins))  # what the window leaves of a tone so far off
    return offset_hz / _NOMINAL[tone], 2 * np.square(size / gain)


class _Track:
    """Follows keys from window to window. `MIN_WINDOWS` in a row whose means are within the limits are a press; it ends when more than
    `MAX_GAP_WINDOWS` lack it."""

    __slots__ = ("_down", "_last", "_row")

    def __init__(self) -> None:
        self._row: list[tuple[int, _Window]] = []
        """The last windows in a row that hold one key, at most `MIN_WINDOWS`, and where they begin."""
        self._down: tuple[str, int] | None = None
        """The key that is down, and where its first window begins."""
        self._last = 0
        """Where the last window of it begins."""

    @property
    def pressed(self) -> DtmfDigit | None:
        if self._down is None:
            return None
        digit, begun = self._down
        return DtmfDigit(digit=digit, start=begun + _EDGE, end=self._last + WINDOW - _EDGE)

    def follow(self, windows: list[_Window | None], starts: range) -> Iterator[DtmfDigit]:
        for window, start in zip(windows, starts, strict=True):
            if window is None or (self._row and self._row[-1][1].digit != window.digit):
                self._row.clear()
            if window is not None:
                self._row = [*self._row[1 - MIN_WINDOWS :], (start, window)]
            was = self.pressed
            if was is not None and window is not None and window.digit == was.digit:
                self._last = start
            elif len(self._row) == MIN_WINDOWS and _is_press([window for _, window in self._row]):
                self._down, self._last = (self._row[0][1].digit, self._row[0][0]), start
                yield from () if was is None else (was,)
            elif was is not None and start - self._last > MAX_GAP_WINDOWS * HOP:
                self._down = None
                yield was


def _is_press(row: list[_Window]) -> bool:
    low, high = sum(window.low_power for window in row), sum(window.high_power for window in row)
    # The first window's offset compares it with one in which the key began, whose phase the beginning blurs.
    offsets = [(window.low_offset, window.high_offset) for window in row[1:]]
    return (
        min(low, high) >= _MIN_POWER * len(row)
        and max(low, high) <= _MAX_RATIO * min(low, high)
        and all(abs(sum(group)) <= MAX_OFFSET * len(offsets) for group in zip(*offsets, strict=True))
    )
