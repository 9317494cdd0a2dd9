"""Finds the keys of ITU-T Q.23 in audio, for what a phone heard. Shares nothing with the switch's own detector."""

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

RATE = 8_000
FRAME = 160
HOP = 80
LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
KEYPAD = ("123A", "456B", "789C", "*0#D")
LEAST_SHARE = 0.7
"""Of the power that the two tones have."""
LEAST_POWER = 1e-4
LEAST_FRAMES = 3
GAP_FRAMES = 10
"""A key with nothing but lost packets of 100 ms in it is one."""
NOTHING, LOST = " ", "?"

_TURNS = -2j * np.pi * np.outer((*LOW_HZ, *HIGH_HZ), np.arange(FRAME)) / RATE
_PROBES = np.exp(_TURNS) * np.hanning(FRAME)
_WINDOW = np.hanning(FRAME)


def keys_in(samples: NDArray[np.float64], there: NDArray[np.bool_]) -> str:
    """The keys in order. `samples`: full scale 1.0 at 8 kHz; `there`: false for what was lost."""
    starts = range(0, len(samples) - FRAME + 1, HOP)
    seen = [_key(samples[at : at + FRAME]) if there[at : at + FRAME].all() else LOST for at in starts]
    runs = [(key, len(list(run))) for key, run in groupby(seen)]
    keys, last, frames, gap = "", NOTHING, 0, 0
    for key, length in runs:
        if key == LOST and length <= GAP_FRAMES:
            gap = length
            continue
        if key == last and gap:
            frames += length
        else:
            keys += last if last != NOTHING and frames >= LEAST_FRAMES else ""
            last, frames = (key, length) if key != LOST else (NOTHING, 0)
        gap = 0
    return keys + (last if last != NOTHING and frames >= LEAST_FRAMES else "")


def _key(frame: NDArray[np.float64]) -> str:
    power = float(np.sum((frame * _WINDOW) ** 2))
    if power < LEAST_POWER:
        return NOTHING
    # A sine of peak A gives |A * sum(window) / 2|^2 in its probe, and A^2 / 2 * sum(window^2) of power.
    peaks = np.abs(_PROBES @ frame) ** 2 * 2 * np.sum(_WINDOW**2) / np.sum(_WINDOW) ** 2
    row, column = int(np.argmax(peaks[:4])), int(np.argmax(peaks[4:]))
    both = peaks[row], peaks[4 + column]
    if sum(both) < LEAST_SHARE * power or min(both) < 0.1 * max(both):
        return NOTHING
    return KEYPAD[row][column]
