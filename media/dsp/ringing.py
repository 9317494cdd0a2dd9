"""PURE. The ringing tones of `media.ringing_tones`, as 8 kHz samples. Uses no packets or codecs."""

import numpy as np

from media.dsp.g711 import SAMPLE_RATE, Samples
from media.dsp.tones import FULL_SCALE, silence
from media.ringing_tones import RINGING_TONES, RingingTone

LEVEL_DB = -16.0
"""Of a burst, all frequencies together, relative to a full-scale sine: -12.8 dBm0 (E.180: -10 dBm0, 5 dB more or less)."""
EDGE_MS = 5


def ringing(country: str) -> Samples:
    """One round of a country's ringing tone, to be played over and over. KeyError for a country that is not in the table.

    No burst clicks, whatever its frequencies: it rises from nothing and falls to nothing within `EDGE_MS`. A round begins with a burst,
    ends with silence and is a whole number of 20 ms frames, so that the seam between two is the edge of a burst like any other.
    """
    found = RINGING_TONES[country]
    bursts = {ms: _burst(found, ms) for ms in set(found.cadence[::2])}
    parts = [bursts[ms] if number % 2 == 0 else silence(ms) for number, ms in enumerate(found.cadence)]
    return np.concatenate(parts)


def _burst(ringing_tone: RingingTone, duration_ms: int) -> Samples:
    at = np.arange(SAMPLE_RATE * duration_ms // 1_000) / SAMPLE_RATE
    power = len(ringing_tone.hz) / 2
    wave = np.sum([np.sin(2 * np.pi * hz * at) for hz in ringing_tone.hz], axis=0)
    if ringing_tone.modulated_hz is not None:
        wave *= 1 - np.cos(2 * np.pi * ringing_tone.modulated_hz * at)
        power *= 1.5  # the carrier's, and half of it in the two side frequencies
    edge = np.sin(np.linspace(0, np.pi / 2, SAMPLE_RATE * EDGE_MS // 1_000, endpoint=False)) ** 2
    wave[: len(edge)] *= edge
    wave[-len(edge) :] *= edge[::-1]
    amplitude = FULL_SCALE * 10 ** (LEVEL_DB / 20) / np.sqrt(2 * power)
    return np.asarray(np.rint(wave * amplitude), np.int16)
