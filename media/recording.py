"""PURE. The messages that the engine and the recorder process exchange: as those of `media.control`, one message a packet.

A recording is named by a number of the engine's, which is also that of the tap that feeds it. Moments are monotonic nanoseconds.
"""

from typing import Literal

import msgspec

from media.control import Message, Ready, WorkerProblem

Sides = Literal["caller", "both"]
"""Mono: what the caller says; or stereo: that on the left, and on the right what the caller hears."""
RecordingFormat = Literal["wav", "opus"]
"""Opus in Ogg is made of the WAV file when that is complete."""
RecordingKind = Literal["talk", "voicemail"]
"""The call from answer or connect on; or a message that its caller leaves."""


# engine -> recorder


class StartRecording(Message, frozen=True, kw_only=True):
    """Record what comes for tap `recording` from `at_ns` on; `started_us`: the same moment in UTC. `path`: of the finished file, within the
    directory of recordings."""

    recording: int
    call_id: str
    path: str
    sides: Sides
    at_ns: int
    started_us: int
    format: RecordingFormat = "wav"
    kind: RecordingKind = "talk"


class PauseRecording(Message, frozen=True, kw_only=True):
    """From `at_ns` on there is silence in the file, of the same length."""

    recording: int
    at_ns: int


class ResumeRecording(Message, frozen=True, kw_only=True):
    recording: int
    at_ns: int


class StopRecording(Message, frozen=True, kw_only=True):
    """The recording ends at `at_ns`; answered by `RecordingEnded` once its file is complete."""

    recording: int
    at_ns: int


class RecordingStored(Message, frozen=True, kw_only=True):
    """The ledger has the row of the recording at `path`: it need not be told again."""

    path: str


class DeleteRecordings(Message, frozen=True, kw_only=True):
    """The ledger has these deletions: delete the files."""

    paths: tuple[str, ...]


class QuitRecorder(Message, frozen=True, kw_only=True):
    """Stop and finish every recording, and exit 0."""


RecorderOrder = (
    StartRecording | PauseRecording | ResumeRecording | StopRecording | RecordingStored | DeleteRecordings | QuitRecorder
)


# recorder -> engine


class RecorderReady(Ready, frozen=True, kw_only=True):
    """First message. `taps`: the path of the socket that frames go to."""

    taps: str


class RecordingEnded(Message, frozen=True, kw_only=True):
    """A recording is over, and its file complete. `path`: in the directory of recordings; None: there is no file. `sha256`: in hex.
    `frames_lost`: those that came too fast to be recorded; there is silence in their place.

    Answered by `RecordingStored` once the ledger has it; until then it is told again by each recorder that starts.

    `recording` None: it is told again, or a recorder that died left it. `why`: why it ended without `StopRecording`, or is not whole; None:
    it is."""

    recording: int | None
    call_id: str
    path: str | None
    sides: Sides
    started_us: int
    ended_us: int
    sha256: str = ""
    format: RecordingFormat = "wav"
    kind: RecordingKind = "talk"
    length_ms: int = 0
    paused_ms: int = 0
    frames_lost: int = 0
    why: str | None = None


class RecordingsExpired(Message, frozen=True, kw_only=True):
    """These files are older than recordings are kept. Answered by `DeleteRecordings` once the ledger has their deletions."""

    paths: tuple[str, ...]


class RecorderHeartbeat(Message, frozen=True, kw_only=True):
    """Every second."""


RecorderReport = RecorderReady | RecordingEnded | RecordingsExpired | RecorderHeartbeat


def recording_name(call_id: str, kind: RecordingKind) -> str:
    """Returns the name of a recording's file, without its suffix: a call may have one of each kind."""
    return call_id if kind == "talk" else f"{call_id}.{kind}"


decode_recorder_order = msgspec.msgpack.Decoder(RecorderOrder).decode
decode_recorder_report = msgspec.msgpack.Decoder(RecorderReport | WorkerProblem).decode
