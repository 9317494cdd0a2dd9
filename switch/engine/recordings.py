"""Controls the recorder process: which calls it records, and what becomes of their recordings. Files are its own business.

Whatever goes wrong with a recording, its call goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from media.control import Tap, Untap
from media.recording import (
    PauseRecording,
    RecorderHeartbeat,
    RecorderReady,
    RecorderReport,
    RecordingEnded,
    RecordingsExpired,
    ResumeRecording,
    StartRecording,
    StopRecording,
    recording_name,
)
from switch.call import command as do
from switch.call import event as ev
from switch.call.moment import Moment
from switch.call.state import CALLER
from switch.engine.effect import Effect, ForgetRecordings, KeepRecording, LogProblem, TellRecorder
from switch.engine.live import LiveCall
from switch.engine.media import MediaController

NO_RECORDER = "there is no recorder"
RETENTION = "retention"
"""The actor of deletions by age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The recording of a call ended early. `why`: in words."""

    call_id: str
    why: str


class RecordingController:
    """`emit` takes the effects."""

    __slots__ = ("_emit", "_media", "_numbers", "_taps")

    def __init__(self, *, media: MediaController, emit: Callable[[Effect], None]) -> None:
        self._media = media
        self._emit = emit
        self._taps: str | None = None
        self._numbers: dict[str, int] = {}  # of recordings, by call

    def carry_out(
        self, live: LiveCall, command: do.StartRecording | do.PauseRecording | do.ResumeRecording | do.StopRecording, at: Moment
    ) -> tuple[ev.Event, ...]:
        """Carries out a command; returns the events it caused at once."""
        if isinstance(command, do.StartRecording):
            return self._start(live, command, at)
        number = self._numbers.get(live.call_id)
        if number is not None:
            match command:
                case do.PauseRecording():
                    self._emit(TellRecorder(order=PauseRecording(recording=number, at_ns=at.mono_ns)))
                case do.ResumeRecording():
                    self._emit(TellRecorder(order=ResumeRecording(recording=number, at_ns=at.mono_ns)))
                case do.StopRecording():
                    self.stop(live, at)
        return ()

    def stop(self, live: LiveCall, at: Moment) -> None:
        """Ends the call's recording, if it has one."""
        number = self._numbers.pop(live.call_id, None)
        if number is not None:
            self._untap(live, number)
            self._emit(TellRecorder(order=StopRecording(recording=number, at_ns=at.mono_ns)))

    def _start(self, live: LiveCall, command: do.StartRecording, at: Moment) -> tuple[ev.Event, ...]:
        if self._taps is None:
            self._complain(live.call_id, NO_RECORDER)
            return (ev.RecordingFailed(at=at, why=NO_RECORDER),)
        number = self._media.new_tap()
        self._numbers[live.call_id] = number
        day = datetime.fromtimestamp(at.utc_us // 1_000_000, UTC)
        order = StartRecording(
            recording=number,
            call_id=live.call_id,
            path=f"{day:%Y/%m/%d}/{recording_name(live.call_id, command.kind.value)}.{command.format}",
            sides=command.sides.value,
            format=command.format.value,
            kind=command.kind.value,
            at_ns=at.mono_ns,
            started_us=at.utc_us,
        )
        self._emit(TellRecorder(order=order))
        self._media.send(live, CALLER, Tap, tap=number, path=self._taps, sent=command.sides.value == "both")
        return ()

    def _untap(self, live: LiveCall, number: int) -> None:
        self._media.send(live, CALLER, Untap, tap=number)

    # the recorder

    def on_report(self, report: RecorderReport, at: Moment) -> Failure | None:
        """The recorder reports. Returns what a live call must know."""
        match report:
            case RecorderReady(taps=taps):
                self._taps = taps
            case RecordingEnded():
                return self._on_ended(report)
            case RecordingsExpired(paths=paths):
                self._emit(ForgetRecordings(paths=paths, at_us=at.utc_us, actor=RETENTION))
            case RecorderHeartbeat():
                pass
        return None

    def _on_ended(self, ended: RecordingEnded) -> Failure | None:
        if ended.path is not None:
            self._emit(KeepRecording(recording=ended))
        if ended.recording is None:  # what ended it was told when it happened
            return None
        if ended.why is not None:
            self._complain(ended.call_id, ended.why)
        if self._numbers.get(ended.call_id) != ended.recording:
            return None
        return Failure(call_id=ended.call_id, why=ended.why or "it was stopped")

    def on_lost(self) -> list[Failure]:
        """The recorder died, and will be started again. Returns the calls that are recorded no longer."""
        self._taps = None
        why = "the recorder died"
        for call_id in self._numbers:
            self._complain(call_id, why)
        return [Failure(call_id=call_id, why=why) for call_id in list(self._numbers)]

    def forget(self, live: LiveCall) -> None:
        """The call is recorded no longer: its tap ends, too."""
        number = self._numbers.pop(live.call_id, None)
        if number is not None:
            self._untap(live, number)

    def _complain(self, call_id: str, why: str) -> None:
        self._emit(LogProblem(what=f"the call's recording: {why}", call_id=call_id))
