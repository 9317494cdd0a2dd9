"""PURE. Ringing tones by country, as a table; `media.dsp.ringing` makes their sound.

Frequencies and cadences are those of ITU-T E.180 Supplement 2, as Asterisk and FreeSWITCH have them too; where these differ, the
supplement's. Countries are ISO 3166 alpha-2, in small letters.
"""

from collections.abc import Mapping
from dataclasses import dataclass


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
