"""PURE. How loud speech is while somebody speaks, and samples brought to one level. Samples are floats at 8 kHz, full scale 1.0.

The measure is the active speech level of ITU-T P.56, method B, on an envelope of one value for every 5 ms: pauses do not count, a hangover
of 200 ms bridges those between syllables. A tone that does not pause has its root mean square.
"""

import math

import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float32]

TARGET_DBM0 = -16.0
DBM0_AT_FULL_SCALE = 6.18  # of a square wave; a sine of full scale is +3.17 dBm0 in PCMU (G.711 table 2)
PEAK = 0.89  # -1 dB: the two laws clip at 32,635 and 32,256 of 32,768
MOST_GAIN_DB = 30.0  # more would lift the noise of a room to the level of speech
FLOOR_DBM0 = -80.0
BLOCK = 40  # samples of one value of the envelope: 5 ms
_SMOOTHING = math.exp(-BLOCK / (8_000 * 0.03))  # twice, 30 ms each (P.56 §5)
_HANGOVER = 40  # blocks: 200 ms
_MARGIN_DB = 15.9
_THRESHOLDS_DB = 20 * np.log10(2.0) * np.arange(-15, 0)  # of full scale, each twice the one before
_AHEAD = 8  # blocks on each side of a peak over which it is turned down: 40 ms


def active_level_dbm0(wave: Wave) -> float:
    """The level while it is active; `FLOOR_DBM0` for silence."""
    if not len(wave):
        return FLOOR_DBM0
    energy = float(np.square(wave, dtype=np.float64).sum())
    held = _held(_envelope(wave))
    active = np.maximum((held[:, None] >= 10 ** (_THRESHOLDS_DB[None, :] / 20)).sum(axis=0) * BLOCK, 1)
    if energy <= 0 or active[0] <= 1:
        return FLOOR_DBM0
    levels = 10 * np.log10(energy / np.minimum(active, len(wave)))
    above = levels - _THRESHOLDS_DB  # falls from one threshold to the next
    at = int(np.argmax(above <= _MARGIN_DB))
    if above[at] > _MARGIN_DB:
        return max(FLOOR_DBM0, float(levels[-1]) + DBM0_AT_FULL_SCALE)
    if at == 0:
        return max(FLOOR_DBM0, float(levels[0]) + DBM0_AT_FULL_SCALE)
    part = (above[at - 1] - _MARGIN_DB) / (above[at - 1] - above[at])
    return max(FLOOR_DBM0, float(levels[at - 1] + part * (levels[at] - levels[at - 1])) + DBM0_AT_FULL_SCALE)


def levelled(wave: Wave) -> Wave:
    """The same at `TARGET_DBM0`, raised by `MOST_GAIN_DB` at most; peaks that would pass `PEAK` are turned down with what is 40 ms around
    them, so that none is clipped."""
    level = active_level_dbm0(wave)
    if level <= FLOOR_DBM0:
        return wave
    gain = 10 ** (min(TARGET_DBM0 - level, MOST_GAIN_DB) / 20)
    return _limited(np.asarray(wave * np.float32(gain), np.float32))


def _envelope(wave: Wave) -> npt.NDArray[np.float64]:
    filled = np.pad(np.abs(wave), (0, -len(wave) % BLOCK))
    smooth = once = 0.0
    envelope = []
    for mean in filled.reshape(-1, BLOCK).mean(axis=1, dtype=np.float64).tolist():
        once = _SMOOTHING * once + (1 - _SMOOTHING) * mean
        smooth = _SMOOTHING * smooth + (1 - _SMOOTHING) * once
        envelope.append(smooth)
    return np.asarray(envelope)


def _held(envelope: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The most that the envelope was within the hangover."""
    before = np.concatenate((np.zeros(_HANGOVER - 1), envelope))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(before, _HANGOVER).max(axis=1), np.float64)


def _limited(wave: Wave) -> Wave:
    peaks = np.abs(np.pad(wave, (0, -len(wave) % BLOCK))).reshape(-1, BLOCK).max(axis=1)
    if peaks.max() <= PEAK:
        return wave
    gains = np.minimum(1.0, PEAK / np.maximum(peaks, 1e-9))
    least = np.lib.stride_tricks.sliding_window_view(np.pad(gains, _AHEAD + 1, constant_values=1.0), 2 * _AHEAD + 3).min(axis=1)
    width = 2 * _AHEAD + 1  # one block less than `least` on each side, so that what lies between two blocks is low enough, too
    smooth = np.convolve(np.pad(least, _AHEAD, mode="edge"), np.full(width, 1 / width), mode="valid")
    at = np.arange(len(wave))
    return np.asarray(wave * np.interp(at, (np.arange(len(smooth)) + 0.5) * BLOCK, smooth), np.float32)
