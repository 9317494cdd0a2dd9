"""PURE. Ringing tone by country, as 8 kHz samples. Uses no packets or codecs.

Frequencies and cadences are those of ITU-T E.180 Supplement 2, as Asterisk and FreeSWITCH have them too; where these differ, the
supplement's. Countries are ISO 3166 alpha-2, in small letters.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from media.dsp.g711 import SAMPLE_RATE, Samples
from media.dsp.tones import FULL_SCALE, silence

LEVEL_DB = -16.0
"""Of a burst, all frequencies together, relative to a full-scale sine: -12.8 dBm0 (E.180: -10 dBm0, 5 dB more or less)."""
EDGE_MS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RingingTone:
    """`cadence`: milliseconds of sound and of silence in turn, from the beginning of a ring to that of the next. `hz`: the frequencies
    of the sound, equally loud. `modulated_hz`: by which they are modulated in amplitude, to 100 %; None: they are not."""

    hz: tuple[float, ...]
    cadence: tuple[int, ...]
    modulated_hz: float | None = None


_EUROPE_AND_OTHERS = (
    *("bg", "ch", "cz", "de", "dk", "ee", "fi", "gr", "it", "lt", "nl", "no", "pl", "rs"),
    *("br", "id", "mx", "ve"),
)
_DOUBLE = (400, 200, 400, 2_000)
_AMERICAN = RingingTone(hz=(440.0, 480.0), cadence=(2_000, 4_000))
_BRITISH = RingingTone(hz=(400.0, 450.0), cadence=_DOUBLE)
_EUROPEAN = RingingTone(hz=(425.0,), cadence=(1_000, 4_000))
_SWEDISH = RingingTone(hz=(425.0,), cadence=(1_000, 5_000))
_SPANISH = RingingTone(hz=(425.0,), cadence=(1_500, 3_000))
_KOREAN = RingingTone(hz=(440.0, 480.0), cadence=(1_000, 2_000))
_ISRAELI = RingingTone(hz=(400.0,), cadence=(1_000, 3_000))

RINGING_TONES: Mapping[str, RingingTone] = {
    **dict.fromkeys(("ca", "pr", "us"), _AMERICAN),
    **dict.fromkeys(("gb", "ie", "nz"), _BRITISH),
    **dict.fromkeys(_EUROPE_AND_OTHERS, _EUROPEAN),
    **dict.fromkeys(("pt", "se"), _SWEDISH),
    **dict.fromkeys(("cy", "es"), _SPANISH),
    **dict.fromkeys(("kr", "tw"), _KOREAN),
    **dict.fromkeys(("cl", "il"), _ISRAELI),
    "at": RingingTone(hz=(420.0,), cadence=(1_000, 5_000)),
    "au": RingingTone(hz=(400.0,), modulated_hz=17.0, cadence=_DOUBLE),
    "be": RingingTone(hz=(425.0,), cadence=(1_000, 3_000)),
    "cn": RingingTone(hz=(450.0,), cadence=(1_000, 4_000)),
    "dz": RingingTone(hz=(425.0,), cadence=(1_500, 3_500)),
    "eg": RingingTone(hz=(375.0, 475.0), cadence=(2_000, 1_000)),
    "fr": RingingTone(hz=(440.0,), cadence=(1_500, 3_500)),
    "hk": RingingTone(hz=(440.0, 480.0), cadence=(400, 200, 400, 3_000)),
    "hu": RingingTone(hz=(425.0,), cadence=(1_250, 3_750)),
    "in": RingingTone(hz=(400.0,), modulated_hz=25.0, cadence=_DOUBLE),
    "jp": RingingTone(hz=(400.0,), modulated_hz=16.0, cadence=(1_000, 2_000)),
    "my": RingingTone(hz=(425.0,), cadence=_DOUBLE),
    "ph": RingingTone(hz=(425.0, 480.0), cadence=(1_000, 4_000)),
    "pk": RingingTone(hz=(400.0,), cadence=(1_000, 2_000)),
    "ro": RingingTone(hz=(425.0, 475.0), cadence=(1_850, 4_150)),
    "ru": RingingTone(hz=(425.0,), cadence=(800, 3_200)),
    "sa": RingingTone(hz=(425.0,), cadence=(1_200, 4_600)),
    "sg": RingingTone(hz=(425.0,), modulated_hz=24.0, cadence=_DOUBLE),
    "tr": RingingTone(hz=(450.0,), cadence=(2_000, 4_000)),
    "za": RingingTone(hz=(400.0,), modulated_hz=33.0, cadence=_DOUBLE),
}


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
