"""What the ears heard of a talk, as rows of the ledger: one for each side."""

from dataclasses import asdict, dataclass

import msgspec

from media.dsp.heard import HeardTone
from media.listening import HeardSide, TalkHeard

CALLER, LINE = "caller", "line"
RATIO_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardRow:
    """What one side of a talk said, from `started_us` on (`media.dsp.heard.HeardAudio`). `attempt`: the line's number in the call.
    `speaks`, `one_way`: yes, no or unknown; `one_way` is of both sides. `speech_ratio`: None where it is not known. `frames_unheard`: not
    heard, for want of time or of a codec."""

    call_id: str
    attempt: int
    side: str
    started_us: int
    duration_ms: int
    level_dbm0: float
    peak_dbm0: float
    speech_dbm0: float | None
    speech_ratio: float | None
    speaks: str
    one_way: str
    speech_ms: int
    tone_ms: int
    silence_ms: int
    unknown_ms: int
    first_speech_ms: int | None
    early_silence_ms: int
    dead_air_ms: int
    tones: tuple[HeardTone, ...]
    frames_unheard: int


def heard_rows(talk: TalkHeard) -> tuple[HeardRow, HeardRow]:
    """Returns the rows of the caller and of the line."""
    return _row(talk, CALLER, talk.caller), _row(talk, LINE, talk.line)


def _row(talk: TalkHeard, side: str, said: HeardSide) -> HeardRow:
    heard = said.heard
    return HeardRow(
        call_id=talk.call_id,
        attempt=talk.attempt,
        side=side,
        started_us=talk.started_us,
        duration_ms=heard.duration_ms,
        level_dbm0=heard.level_dbm0,
        peak_dbm0=heard.peak_dbm0,
        speech_dbm0=heard.speech_dbm0,
        speech_ratio=None if heard.speech_ratio is None else round(heard.speech_ratio, RATIO_DIGITS),
        speaks=heard.speaks,
        one_way=talk.one_way,
        speech_ms=heard.speech_ms,
        tone_ms=heard.tone_ms,
        silence_ms=heard.silence_ms,
        unknown_ms=heard.unknown_ms,
        first_speech_ms=heard.first_speech_ms,
        early_silence_ms=heard.early_silence_ms,
        dead_air_ms=heard.dead_air_ms,
        tones=heard.tones,
        frames_unheard=said.frames_unheard,
    )


def heard_as_json(row: HeardRow) -> dict[str, object]:
    """Returns it as JSON values, without the call's id."""
    values = asdict(row)
    del values["call_id"]
    return {**values, "tones": msgspec.to_builtins(row.tones)}
