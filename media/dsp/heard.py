"""PURE. What was heard of one direction of a call, and what two directions together say: one-way audio, silence on both sides.

All moments are milliseconds of the samples that were heard, from the first on. Levels are dBm0.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

Verdict = Literal["yes", "no", "unknown"]
ToneName = Literal[
    "ringback",
    "busy",
    "reorder",
    "dial_tone",
    "sit",
    "fax_calling",
    "fax_answer",
    "modem_answer",
    "beep",
    "unnamed",
]
"""`fax_calling` is CNG, `fax_answer` CED, `modem_answer` ANS with phase reversals, `beep` one tone after speech (answering machines),
`sit` the special information tones before an announcement."""

SPEECH_MS = 400
"""So much speech is somebody who speaks: a short hello. A cough or a click is less."""
ONE_WAY_MIN_MS = 10_000
"""A call that is shorter may have had nothing to say yet."""
ONE_WAY_SPEECH_MS = 2_000
"""So much must be said on one side, before silence on the other means something."""
UNKNOWN_SHARE = 0.1
"""Noise for more of the time than this may hide speech."""


class HeardTone(msgspec.Struct, frozen=True, kw_only=True):
    """A tone, with its cadence: `count` runs of it, the whole from `start_ms` to `end_ms`. `hz`: its frequencies, of a SIT the first."""

    name: ToneName
    start_ms: int
    end_ms: int
    count: int
    hz: tuple[int, ...]
    level_dbm0: float


class HeardDigit(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was heard in band."""

    digit: str
    start_ms: int
    end_ms: int


class Span(msgspec.Struct, frozen=True, kw_only=True):
    start_ms: int
    end_ms: int


class HeardAudio(msgspec.Struct, frozen=True, kw_only=True):
    """One direction of a call.

    Each block of 20 ms is speech, a tone (keys too), silence, or noise too loud to say that nobody speaks (`unknown_ms`); together they are
    `duration_ms`. `level_dbm0` is of all of it, `speech_dbm0` of the speech alone (None: there was none), `peak_dbm0` that of a sine that
    reaches as high as the highest sample. `first_speech_ms` is None where nobody spoke. `dead_air` are the stretches without speech or tone
    that last as long as was asked for, `early_silence_ms` how long nothing was heard from the first sample on.
    """

    duration_ms: int
    level_dbm0: float
    peak_dbm0: float
    speech_dbm0: float | None
    speech_ms: int
    tone_ms: int
    silence_ms: int
    unknown_ms: int
    first_speech_ms: int | None
    early_silence_ms: int
    dead_air_ms: int
    dead_air: tuple[Span, ...]
    tones: tuple[HeardTone, ...]
    digits: tuple[HeardDigit, ...]

    @property
    def speech_ratio(self) -> float | None:
        """Speech as a share of the time; None where noise keeps that from being known, or nothing came."""
        if not self.duration_ms or self.unknown_ms > UNKNOWN_SHARE * self.duration_ms:
            return None
        return self.speech_ms / self.duration_ms

    @property
    def speaks(self) -> Verdict:
        """Whether anybody spoke."""
        if self.speech_ms >= SPEECH_MS:
            return "yes"
        return "unknown" if self.unknown_ms > UNKNOWN_SHARE * self.duration_ms else "no"


def one_way(one: HeardAudio, other: HeardAudio) -> Verdict:
    """Whether one of two bridged sides spoke for long while nothing at all was heard of the other. Which one, `speaks` says."""
    if min(one.duration_ms, other.duration_ms) < ONE_WAY_MIN_MS:
        return "no"
    talker, silent = (one, other) if one.speech_ms >= other.speech_ms else (other, one)
    if talker.speech_ms < ONE_WAY_SPEECH_MS:
        return "unknown" if "unknown" in {one.speaks, other.speaks} else "no"
    if silent.tone_ms > 0 or silent.speaks == "yes":
        return "no"
    return "unknown" if silent.speaks == "unknown" else "yes"


def dead_air_of_both(one: HeardAudio, other: HeardAudio, *, shortest_ms: int) -> tuple[Span, ...]:
    """The stretches in which neither side was heard, from their dead air, both counted from the same moment."""
    return tuple(span for span in _common(one.dead_air, other.dead_air) if span.end_ms - span.start_ms >= shortest_ms)


def _common(ones: tuple[Span, ...], others: tuple[Span, ...]) -> Iterator[Span]:
    for one in ones:
        for other in others:
            start, end = max(one.start_ms, other.start_ms), min(one.end_ms, other.end_ms)
            if start < end:
                yield Span(start_ms=start, end_ms=end)
