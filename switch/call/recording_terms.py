"""PURE. How a campaign's calls are recorded, and where the recording of one of them is."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Sides(StrEnum):
    """Of a recording: what the caller says, or that and, beside it, what the caller hears."""

    CALLER = "caller"
    BOTH = "both"


class StartsAt(StrEnum):
    """Of a recording: when the caller is answered, or when it is bridged with a line."""

    ANSWER = "answer"
    CONNECT = "connect"


class PausedBy(StrEnum):
    CALLER = "caller"
    LINE = "line"
    EITHER = "either"


class RecordingFormat(StrEnum):
    WAV = "wav"
    OPUS = "opus"


class RecordingKind(StrEnum):
    """What is recorded: the call from answer or connect on, or a message that its caller leaves."""

    TALK = "talk"
    VOICEMAIL = "voicemail"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingTerms:
    """How a campaign's calls are recorded. `notice`: the prompt that is heard to its end before; None: none is. `pause_key`: pauses the
    recording, and resumes it, when one of `paused_by` presses it in talk; None: no key does."""

    sides: Sides
    start: StartsAt = StartsAt.ANSWER
    format: RecordingFormat = RecordingFormat.WAV
    notice: str | None = None
    pause_key: str | None = None
    paused_by: PausedBy = PausedBy.LINE
    kind: RecordingKind = RecordingKind.TALK


class RecordingTurn(StrEnum):
    WAITING = "waiting"
    NOTICE = "notice"
    """The notice plays."""
    ON = "on"
    PAUSED = "paused"
    OVER = "over"


RUNNING = frozenset({RecordingTurn.ON, RecordingTurn.PAUSED})


class RecordingState(msgspec.Struct, frozen=True, kw_only=True):
    """`notice`: the number of the notice that the caller hears; None: none plays. `paused_by_leg`: the line's leg that has paused it, and
    that the pause ends with; None: it lasts until it is ended."""

    terms: RecordingTerms
    turn: RecordingTurn = RecordingTurn.WAITING
    notice: int | None = None
    paused_by_leg: int | None = None
