"""Compares what a phone recorded, and the keys it was sent, with what a rig says it must have heard."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rig_audio import find_cadence, find_tone, read_wav
from rig_words import duration_ms

HEARD_FLOOR_DB = -20.0
CADENCE_MS = 50  # what a burst or a pause may be off: a phone's jitter buffer adds and drops frames
UNWANTED_FLOOR_DB = -40.0  # 30 dB below what the other sends


def unheard(name: str, recordings: Sequence[Path], wanted: Mapping[str, Any], *, digits: str) -> list[str]:
    """Returns what differs from `{tone: HZ, at_least: DURATION, at_most: DURATION, gap: DURATION, level: [DB, DB], not: HZ, digits: KEYS,
    cadence: [DURATION, ...]}`.
    `digits`: keys that came. Of several tones each must be heard for so long, with no longer gap, at such a level.

    `recordings`: in the order in which they were made."""
    if not recordings:
        return [f"{name}: recorded nothing"]
    samples = np.concatenate([read_wav(path) for path in recordings])
    least_ms = duration_ms(wanted.get("at_least", "1s"))
    problems = []
    for hz in wanted["tone"] if isinstance(wanted["tone"], list) else [wanted["tone"]]:
        heard = find_tone(samples, int(hz), floor_db=HEARD_FLOOR_DB)
        if heard.heard_ms < least_ms:
            problems.append(f"{name}: heard {heard.hz} Hz for {heard.heard_ms} ms, expected {least_ms} ms or more")
        if "gap" in wanted and heard.gap_ms > duration_ms(wanted["gap"]):
            problems.append(
                f"{name}: did not hear {heard.hz} Hz for {heard.gap_ms} ms in between, expected {wanted['gap']} or less"
            )
        if "level" in wanted and not wanted["level"][0] <= heard.level_db <= wanted["level"][1]:
            problems.append(f"{name}: heard {heard.hz} Hz at {heard.level_db} dBFS, expected {wanted['level']}")
        if "at_most" in wanted and heard.heard_ms > duration_ms(wanted["at_most"]):
            problems.append(f"{name}: heard {heard.hz} Hz for {heard.heard_ms} ms, expected {wanted['at_most']} or less")
    if "not" in wanted:
        unwanted = find_tone(samples, int(wanted["not"]), floor_db=UNWANTED_FLOOR_DB)
        if unwanted.heard_ms:
            problems.append(f"{name}: heard {unwanted.hz} Hz for {unwanted.heard_ms} ms at {unwanted.level_db} dBFS")
    if "cadence" in wanted:
        problems += _off_cadence(name, samples, wanted)
    if "digits" in wanted and digits != str(wanted["digits"]):
        problems.append(f"{name}: was sent the keys {digits!r}, expected {wanted['digits']!r}")
    return problems


def _off_cadence(name: str, samples: NDArray[np.float64], wanted: Mapping[str, Any]) -> list[str]:
    """The tones sound and are silent in turn for so long, over and over, once at least."""
    hz = wanted["tone"] if isinstance(wanted["tone"], list) else [wanted["tone"]]
    cadence = [duration_ms(each) for each in wanted["cadence"]]
    heard = find_cadence(samples, [int(each) for each in hz], floor_db=HEARD_FLOOR_DB)
    fits = all(abs(ms - cadence[n % len(cadence)]) <= CADENCE_MS for n, ms in enumerate(heard))
    if len(heard) >= len(cadence) and fits:
        return []
    return [f"{name}: heard {hz} Hz on and off for {heard} ms, expected {cadence} over and over"]
