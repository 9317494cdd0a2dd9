"""PURE. Tones as 8 kHz samples: sines and silence. Uses no packets or codecs."""

from collections.abc import Sequence

import numpy as np

from media.dsp.g711 import SAMPLE_RATE, Samples

FRAME_SAMPLES = 160  # 20 ms
FULL_SCALE = 32_767


def tone(frequencies: Sequence[float], duration_ms: int, *, level_db: float = -13.0, rate: int = SAMPLE_RATE) -> Samples:
    """The sum of sines, each at `level_db` relative to a full-scale sine; clipped where they add up to more."""
    at = np.arange(rate * duration_ms // 1000) / rate
    amplitude = FULL_SCALE * 10 ** (level_db / 20)
    wave = amplitude * sum((np.sin(2 * np.pi * hz * at) for hz in frequencies), np.zeros_like(at))
    return np.clip(np.rint(wave), -FULL_SCALE, FULL_SCALE).astype(np.int16)


def sine(hz: float, duration_ms: int, *, level_db: float = -13.0) -> Samples:
    return tone((hz,), duration_ms, level_db=level_db)


def silence(duration_ms: int) -> Samples:
    return np.zeros(SAMPLE_RATE * duration_ms // 1000, np.int16)


def frames(samples: Samples) -> list[Samples]:
    """20 ms frames, the last one filled up with silence."""
    filled = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))
    return list(filled.reshape(-1, FRAME_SAMPLES))
