"""Reads the small languages of probes: keys to press, what must be heard, how loud. The config and `payphone probe` have them."""

import re

from switch.probe_settings import HangUp, Hears
from switch.settings import value as v
from switch.settings.problem import quote
from switch.settings.value import Invalid

KEYS_PATTERN = r"^[0-9*#A-D,]{1,32}$"
KEYS = "up to 32 of 0-9 * # A-D, in quotes; a comma waits for two seconds"
ECHOES_PATTERN = r"^[0-9*#A-D]{1,8}$"
ECHOES = "up to 8 of 0-9 * # A-D, in quotes"
HEARS_PATTERN = r"^(nothing|audio|echo|tone [0-9]{3,4})$"
HEARS = "nothing, audio, echo, or a tone and its pitch in Hz such as: tone 440"
LEVEL_PATTERN = r"^-?[0-9]{1,2}$"
LEVEL = "a level in dBm0 from -60 to 0, such as -45"
WAYS = ", ".join(HangUp)
MIN_HZ, MAX_HZ = 350, 3_400
MIN_DBM0, MAX_DBM0 = -60, 0

parse_keys = v.matching(KEYS_PATTERN, "keys", KEYS)
parse_echoes = v.matching(ECHOES_PATTERN, "keys", ECHOES)


def parse_hears(text: str) -> tuple[Hears, int]:
    if not re.fullmatch(HEARS_PATTERN, text):
        raise Invalid(f"nothing that a probe could hear: {quote(text)}", expected=HEARS, hint=v.nearest(text, Hears))
    word, _, hz = text.partition(" ")
    if hz and not MIN_HZ <= int(hz) <= MAX_HZ:
        raise Invalid(f"a tone of {hz} Hz can't be told", expected=f"from {MIN_HZ} to {MAX_HZ} Hz")
    return Hears(word), int(hz or 0)


def parse_level(text: str) -> int:
    if not re.fullmatch(LEVEL_PATTERN, text) or not MIN_DBM0 <= int(text) <= MAX_DBM0:
        raise Invalid(f"bad level {quote(text)}", expected=LEVEL)
    return int(text)


def parse_way(text: str) -> HangUp:
    if text not in set(HangUp):
        raise Invalid(f"nobody who could hang up: {quote(text)}", expected=WAYS, hint=v.nearest(text, HangUp))
    return HangUp(text)
