"""What the ears heard of a talk, as rows of the ledger: one for each side. Made by `heard_rows`."""

from dataclasses import asdict, dataclass

import msgspec

CALLER, LINE = "caller", "line"


class ToneRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tone that was heard, as `media.dsp.heard.HeardTone` has it."""

    name: str
    start_ms: int
    end_ms: int
    count: int
    hz: tuple[int, ...]
    level_dbm0: float


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
    tones: tuple[ToneRow, ...]
    frames_unheard: int


def heard_as_json(row: HeardRow) -> dict[str, object]:
    """Returns it as JSON values, without the call's id."""
    values = asdict(row)
    del values["call_id"]
    return {**values, "tones": msgspec.to_builtins(row.tones)}
