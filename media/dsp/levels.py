"""PURE. How loud samples are, whole or at one frequency: in dB of a full-scale sine, or in dBm0. Uses no codecs, files or pass marks."""

import math

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import PCMA, PCMU, SAMPLE_RATE, Samples
from media.dsp.tones import FULL_SCALE

BLOCK_SAMPLES = 400  # 50 ms at 8 kHz: bins 20 Hz wide, so a jump of phase (a lost or repeated frame) spoils one block only
FLOOR_DB = -120.0
FULL_SCALE_DBM0 = {PCMU: 3.17, PCMA: 3.14}
"""The level of a full-scale sine (ITU-T G.711). Samples whose law is not known are taken for PCMU's, which is 0.03 dB off at most."""
FULL_SCALE_POWER = FULL_SCALE**2 / 2
"""The mean square of a full-scale sine."""


def dbm0(mean_square: float, *, law: int = PCMU) -> float:
    """The mean square of samples -> their level in dBm0; silence is `FLOOR_DB`."""
    return FULL_SCALE_DBM0[law] + 10 * math.log10(mean_square / FULL_SCALE_POWER) if mean_square > 0 else FLOOR_DB


def mean_square(dbm0: float, *, law: int = PCMU) -> float:
    """A level in dBm0 -> the mean square of samples."""
    return float(FULL_SCALE_POWER * 10 ** ((dbm0 - FULL_SCALE_DBM0[law]) / 10))


def level_db(samples: Samples) -> float:
    """RMS relative to a full-scale sine (0 dB); silence and no samples at all are `FLOOR_DB`."""
    if not len(samples):
        return FLOOR_DB
    return _db(2 * float(np.mean(np.square(samples.astype(np.float64)))))


def tone_db(samples: Samples, hz: float, *, rate: int = SAMPLE_RATE) -> float:
    """The level at one frequency, averaged over blocks of 50 ms, relative to a full-scale sine (0 dB)."""
    blocks = _blocks(samples)
    return _db(float(np.mean(_amplitude_squared(blocks, hz, rate=rate)))) if len(blocks) else FLOOR_DB


def tone_share(samples: Samples, hz: float, *, rate: int = SAMPLE_RATE) -> float:
    """The share of the samples' energy at one frequency, 0.0 to 1.0: 1.0 for a pure tone on a bin of 20 Hz, 0.0 for silence."""
    blocks = _blocks(samples)
    total = float(np.sum(np.square(blocks)))
    if total == 0.0:
        return 0.0
    return min(1.0, float(np.sum(_amplitude_squared(blocks, hz, rate=rate))) * BLOCK_SAMPLES / 2 / total)


def _blocks(samples: Samples) -> npt.NDArray[np.float64]:
    whole = len(samples) // BLOCK_SAMPLES * BLOCK_SAMPLES
    return samples[:whole].astype(np.float64).reshape(-1, BLOCK_SAMPLES)


def _amplitude_squared(blocks: npt.NDArray[np.float64], hz: float, *, rate: int) -> npt.NDArray[np.float64]:
    """Per block, the squared amplitude of its sine at `hz`: one bin of a Fourier transform, as Goertzel's filter gives it."""
    turn = np.exp(-2j * np.pi * hz / rate * np.arange(BLOCK_SAMPLES))
    return np.asarray(np.square(np.abs(blocks @ turn) * 2 / BLOCK_SAMPLES), np.float64)


def _db(amplitude_squared: float) -> float:
    return max(FLOOR_DB, float(10 * np.log10(max(amplitude_squared, 1e-12) / FULL_SCALE**2)))
