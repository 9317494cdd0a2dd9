"""The recorder's loop: orders and frames in, files and reports out. The only clock of the process.

One thread writes what comes; another one completes files, which means to read them once more. A file that can't be written ends its own
recording alone, which is reported.
"""

import errno
import os
import select
import socket
import struct
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns, time_ns

import msgspec

from media.control import MAX_MESSAGE_BYTES, Message, WorkerProblem, encode
from media.recorder.files import expired, leftovers
from media.recorder.opus_file import encode_opus
from media.recorder.recording import Recording
from media.recorder.wav_file import SUFFIX, FinishedFile, Leftover, WavFile, finish_leftover
from media.recording import (
    PauseRecording,
    QuitRecorder,
    RecorderHeartbeat,
    RecorderOrder,
    RecorderReady,
    RecordingEnded,
    RecordingsExpired,
    ResumeRecording,
    StartRecording,
    StopRecording,
    decode_recorder_order,
    of_name,
)
from media.tap_frame import MAX_DATAGRAM_BYTES, frames

MAX_RECORDINGS = 5_000
MAX_EXPIRED = 200
"""Files a report."""
TURN_S = 0.25
WRITE_NS = 500_000_000
"""How often a file is written; with `recording.LAG_NS` and `media.worker.tap.FLUSH_NS` less than the second that a crash may cost."""
HEARTBEAT_NS = 1_000_000_000
EXPIRY_NS = 3_600_000_000_000
RECEIVE_BUFFER_BYTES = 4 << 20
MAX_DATAGRAMS_A_TURN = 200
SOCKET_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finishing:
    ended: RecordingEnded
    file: "Future[FinishedFile]"


class Recorder:
    """`taps`: the path of its socket. `keep_ns`: how long recordings are kept; None: for ever."""

    def __init__(self, control: socket.socket, *, directory: Path, taps: Path, keep_ns: int | None) -> None:
        self._control = control
        self._directory = directory
        self._taps_path = taps
        self._keep_ns = keep_ns
        self._recordings: dict[int, Recording] = {}
        self._finishing: list[_Finishing] = []
        self._chores: list[Future[Iterator[Message]]] = []
        self._reports: deque[bytes] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="finish")
        self._quit = False
        self._written_ns = self._alive_ns = self._expired_ns = 0

    def run(self) -> None:
        """Until `QuitRecorder`, or the engine is gone: then all recordings are completed."""
        with self._listen() as taps, select.epoll() as epoll:
            self._control.setblocking(False)
            epoll.register(self._control, select.EPOLLIN)
            epoll.register(taps, select.EPOLLIN)
            self._report(RecorderReady(pid=os.getpid(), taps=str(self._taps_path)))
            self._chores.append(self._thread.submit(self._recover))
            while not self._quit or self._recordings or self._finishing:
                ready = {fd for fd, _ in epoll.poll(TURN_S)}
                self._take_orders()
                if taps.fileno() in ready:
                    self._take_frames(taps)
                self._on_time(monotonic_ns())
                if self._quit and self._control.fileno() in ready:
                    with suppress(FileNotFoundError):
                        epoll.unregister(self._control)  # it may be closed, and then always is ready
        self._thread.shutdown()
        self._send_reports()

    def _listen(self) -> socket.socket:
        self._taps_path.unlink(missing_ok=True)
        taps = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        taps.setblocking(False)
        taps.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        taps.bind(str(self._taps_path))
        self._taps_path.chmod(SOCKET_MODE)
        return taps

    # what comes in

    def _take_orders(self) -> None:
        while True:
            try:
                data = self._control.recv(MAX_MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._stop_all()
                return
            try:
                self._execute(decode_recorder_order(data))
            except msgspec.DecodeError as error:
                self._problem("reading an order", str(error))

    def _execute(self, order: RecorderOrder) -> None:
        if isinstance(order, QuitRecorder):
            self._stop_all()
            return
        if isinstance(order, StartRecording):
            self._start(order)
            return
        recording = self._recordings.get(order.recording)
        if recording is None:
            return
        match order:
            case PauseRecording(at_ns=at_ns):
                recording.pause(at_ns)
            case ResumeRecording(at_ns=at_ns):
                recording.resume(at_ns)
            case StopRecording(at_ns=at_ns):
                recording.stop(at_ns)

    def _start(self, order: StartRecording) -> None:
        try:
            if len(self._recordings) >= MAX_RECORDINGS:
                raise OSError(f"there are {MAX_RECORDINGS} recordings already")
            path = self._directory / order.path
            if ".." in path.parts or not path.is_relative_to(self._directory):
                raise OSError(f"{order.path} is not in the directory of recordings")
            if path.exists():
                raise FileExistsError(errno.EEXIST, "there is a recording of this name")
            self._recordings[order.recording] = Recording(
                order, lambda channels: WavFile(path.with_suffix(SUFFIX), channels=channels)
            )
        except OSError as error:
            self._report(_ended(order, order.started_us, why=_words(error)))

    def _stop_all(self) -> None:
        self._quit = True
        now_ns = monotonic_ns()
        for recording in self._recordings.values():
            recording.stop(now_ns)

    def _take_frames(self, taps: socket.socket) -> None:
        recordings = self._recordings
        for _ in range(MAX_DATAGRAMS_A_TURN):
            try:
                datagram = taps.recv(MAX_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            try:
                for frame in frames(datagram):
                    recording = recordings.get(frame.tap)
                    if recording is not None:
                        recording.take(frame)
            except (ValueError, struct.error) as error:
                self._problem("reading frames", str(error))

    # what time does

    def _on_time(self, now_ns: int) -> None:
        if now_ns - self._written_ns >= WRITE_NS or self._quit:
            self._written_ns = now_ns
            self._write(now_ns)
        self._collect()
        if now_ns - self._alive_ns >= HEARTBEAT_NS:
            self._alive_ns = now_ns
            self._report(RecorderHeartbeat())
        if self._keep_ns is not None and now_ns - self._expired_ns >= EXPIRY_NS:
            self._expired_ns = now_ns
            self._chores.append(self._thread.submit(self._expire, time_ns() - self._keep_ns))
        self._send_reports()

    def _write(self, now_ns: int) -> None:
        for number, recording in list(self._recordings.items()):
            try:
                recording.write(now_ns)
            except OSError as error:  # the disk is full, or gone: what is there is kept, the call goes on
                recording.why = _words(error)
                recording.stop(now_ns)
            if recording.why is not None or recording.is_over(now_ns):
                del self._recordings[number]
                self._finish(recording)

    def _finish(self, recording: Recording) -> None:
        order = recording.order
        length_us = recording.file.position * 125
        ended = _ended(order, order.started_us + length_us, why=recording.why)
        ended = msgspec.structs.replace(ended, paused_ms=recording.paused_ms, frames_lost=recording.frames_lost)
        self._finishing.append(_Finishing(ended=ended, file=self._thread.submit(self._complete, recording)))

    def _collect(self) -> None:
        """Reports what the other thread has done."""
        for each in [each for each in self._finishing if each.file.done()]:
            self._finishing.remove(each)
            try:
                self._report(self._with_file(each.ended, each.file.result()))
            except OSError as error:
                self._report(msgspec.structs.replace(each.ended, why=each.ended.why or _words(error)))
        for chore in [each for each in self._chores if each.done()]:
            self._chores.remove(chore)
            try:
                for report in chore.result():
                    self._report(report)
            except OSError as error:
                self._problem("looking through old recordings", _words(error))

    def _with_file(self, ended: RecordingEnded, file: FinishedFile) -> RecordingEnded:
        path, is_wav = str(file.path.relative_to(self._directory)), file.path.suffix == SUFFIX
        why = "it could not be encoded" if is_wav and ended.format == "opus" else None
        return msgspec.structs.replace(
            ended,
            path=path,
            sha256=file.sha256,
            length_ms=file.length_ms,
            format="wav" if is_wav else "opus",
            why=ended.why or why,
        )

    # in the other thread

    def _complete(self, recording: Recording) -> FinishedFile:
        """A recording that can't be encoded stays as it is."""
        if recording.order.format == "opus":
            with suppress(OSError):
                return recording.file.finish_as(self._directory / recording.order.path, encode_opus)
        return recording.file.finish()

    def _recover(self) -> Iterator[Message]:
        """Completes what a recorder that died has left."""
        found = [left for part in leftovers(self._directory) if (left := finish_leftover(part)) is not None]
        return iter([self._recovered(left) for left in found])

    def _recovered(self, left: Leftover) -> RecordingEnded:
        call_id, kind = of_name(left.file.path.stem)
        started_us = left.ended_us - left.file.length_ms * 1_000
        ended = RecordingEnded(
            recording=None,
            call_id=call_id,
            path=None,
            sides="both" if left.channels == 2 else "caller",
            started_us=started_us,
            ended_us=left.ended_us,
            kind=kind,
            why="the recorder died",
        )
        return self._with_file(ended, left.file)

    def _expire(self, before_ns: int) -> Iterator[Message]:
        gone = [str(path.relative_to(self._directory)) for path in expired(self._directory, before_ns=before_ns)]
        batches = (gone[start : start + MAX_EXPIRED] for start in range(0, len(gone), MAX_EXPIRED))
        return iter([RecordingsExpired(paths=tuple(paths)) for paths in batches])

    # what goes out

    def _problem(self, doing: str, why: str) -> None:
        self._report(WorkerProblem(doing=doing, why=why))

    def _report(self, report: Message) -> None:
        self._reports.append(encode(report))

    def _send_reports(self) -> None:
        try:
            while self._reports:
                self._control.send(self._reports[0])
                self._reports.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._reports.clear()  # nobody will ever read them


def _ended(order: StartRecording, ended_us: int, *, why: str | None) -> RecordingEnded:
    return RecordingEnded(
        recording=order.recording,
        call_id=order.call_id,
        path=None,
        sides=order.sides,
        format=order.format,
        kind=order.kind,
        started_us=order.started_us,
        ended_us=ended_us,
        why=why,
    )


def _words(error: OSError) -> str:
    return error.strerror or str(error)
