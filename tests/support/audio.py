"""Signals for tests: cadences of tones, noise, all through G.711 as the wire has them, and what `Ears` make of them."""

from collections.abc import Sequence

import numpy as np

from media.dsp import g711, levels
from media.dsp.ears import Ears
from media.dsp.g711 import Samples
from media.dsp.heard import HeardAudio
from media.dsp.tones import silence, tone

FULL_SCALE_DBM0 = 3.17


def at_dbm0(hz: Sequence[float], duration_ms: int, dbm0: float = -15) -> Samples:
    """Sines of that level each."""
    return tone(hz, duration_ms, level_db=dbm0 - FULL_SCALE_DBM0)


def cadence(hz: Sequence[float], on_ms: int, off_ms: int, runs: int, *, dbm0: float = -15) -> Samples:
    return np.tile(np.concatenate((at_dbm0(hz, on_ms, dbm0), silence(off_ms))), runs)


def noise(duration_ms: int, dbm0: float, *, seed: int = 1) -> Samples:
    """White noise."""
    wave = np.random.default_rng(seed).normal(0, np.sqrt(levels.mean_square(dbm0)), duration_ms * 8)
    return np.asarray(np.clip(np.rint(wave), -32_768, 32_767), np.int16)


def mixed(one: Samples, other: Samples) -> Samples:
    both = one.astype(np.int32) + other[: len(one)]
    return np.asarray(np.clip(both, -32_768, 32_767), np.int16)


def louder(samples: Samples, db: float) -> Samples:
    return np.asarray(np.clip(np.rint(samples * 10 ** (db / 20)), -32_768, 32_767), np.int16)


def on_the_wire(samples: Samples, law: int = g711.PCMU) -> Samples:
    return g711.decode(g711.encode(samples, law), law)


def heard(*parts: Samples, law: int = g711.PCMU, piece: int = 8_000, ears: Ears | None = None) -> HeardAudio:
    ears, samples = ears or Ears(), on_the_wire(np.concatenate(parts), law)
    for at in range(0, len(samples), piece):
        ears.hear(samples[at : at + piece])
    return ears.heard()
