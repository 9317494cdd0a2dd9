"""The recorder's loop: orders and frames in, files and reports out. The only clock of the process.

One thread writes what comes; another one completes files, which means to read them once more. A file that can't be written ends its own
recording alone, which is reported.
"""

import os
import select
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic_ns, time_ns

import msgspec

from media.control import Message
from media.engine_link import EngineLink
from media.recorder.archive import NO_ROOM, Archive, ended
from media.recorder.recording import Recording
from media.recorder.wav_file import WavFile
from media.recording import (
    DeleteRecordings,
    PauseRecording,
    QuitRecorder,
    RecorderHeartbeat,
    RecorderOrder,
    RecorderReady,
    RecordingEnded,
    RecordingsExpired,
    RecordingStored,
    ResumeRecording,
    StartRecording,
    StopRecording,
    decode_recorder_order,
)
from media.tap_frame import frames
from media.tap_socket import bind_taps, datagrams

NICENESS = 10
"""Of the thread that completes files: an hour in Opus takes 50 s of a core, which the relay may need."""
MAX_RECORDINGS = 5_000
MAX_EXPIRED = 200
"""Files a report."""
TURN_S = 0.25
WRITE_NS = 500_000_000
"""How often a file is written; with `recording.LAG_NS` and `media.worker.tap.FLUSH_NS` less than the second that a crash may cost."""
HEARTBEAT_NS = 1_000_000_000
EXPIRY_NS = 3_600_000_000_000
LOOK_NS = 10_000_000_000
"""How often it looks for recordings that others left: the recorder of a switch that was killed may take a while to complete them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finishing:
    """`ended`: what is known of a recording before its file is complete."""

    ended: RecordingEnded
    complete: "Future[RecordingEnded]"


class Recorder:
    """`taps`: the path of its socket. `keep_ns`: how long recordings are kept; None: for ever."""

    def __init__(self, control: socket.socket, *, directory: Path, taps: Path, keep_ns: int | None) -> None:
        self._link = EngineLink(control)
        self._archive = Archive(directory)
        self._taps_path = taps
        self._keep_ns = keep_ns
        self._recordings: dict[int, Recording[WavFile]] = {}
        self._finishing: list[_Finishing] = []
        self._chores: list[Future[list[Message]]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="finish", initializer=_be_nice)
        self._quit = False
        self._written_ns = self._alive_ns = self._expired_ns = self._looked_ns = 0

    def run(self) -> None:
        """Until `QuitRecorder`, or the engine is gone: then all recordings are completed."""
        with bind_taps(self._taps_path) as taps, select.epoll() as epoll:
            epoll.register(self._link, select.EPOLLIN)
            epoll.register(taps, select.EPOLLIN)
            self._link.report(RecorderReady(pid=os.getpid(), taps=str(self._taps_path)))
            while not self._quit or self._recordings or self._finishing or self._chores:
                ready = {fd for fd, _ in epoll.poll(TURN_S)}
                self._take_orders()
                if taps.fileno() in ready:
                    self._take_frames(taps)
                self._on_time(monotonic_ns())
                if self._quit and self._link.fileno() in ready:
                    with suppress(FileNotFoundError):
                        epoll.unregister(self._link)  # it may be closed, and then always is ready
        self._thread.shutdown()
        self._link.send_last()

    # what comes in

    def _take_orders(self) -> None:
        for data in self._link.orders():
            try:
                self._execute(decode_recorder_order(data))
            except msgspec.DecodeError as error:
                self._link.problem("reading an order", str(error))
        if self._link.is_gone:
            self._stop_all()

    def _execute(self, order: RecorderOrder) -> None:
        match order:
            case QuitRecorder():
                self._stop_all()
            case StartRecording():
                self._start(order)
            case RecordingStored(path=path):
                self._about_files("forgetting a recording that is stored", partial(self._archive.stored, path))
            case DeleteRecordings(paths=paths):
                for path in paths:
                    self._about_files(f"deleting {path}", partial(self._archive.delete, path))
            case _:
                self._steer(order)

    def _steer(self, order: PauseRecording | ResumeRecording | StopRecording) -> None:
        recording = self._recordings.get(order.recording)
        if recording is None:
            return
        match order:
            case PauseRecording(at_ns=at_ns):
                self._about_files("silencing a pause", partial(recording.pause, at_ns))
            case ResumeRecording(at_ns=at_ns):
                recording.resume(at_ns)
            case StopRecording(at_ns=at_ns):
                recording.stop(at_ns)

    def _start(self, order: StartRecording) -> None:
        try:
            if len(self._recordings) >= MAX_RECORDINGS:
                raise OSError(f"there are {MAX_RECORDINGS} recordings already")
            self._recordings[order.recording] = Recording(order, lambda channels: self._archive.create(order, channels=channels))
        except OSError as error:
            self._link.report(ended(order, order.started_us, path=None, why=_words(error)))

    def _about_files(self, doing: str, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._link.problem(doing, _words(error))

    def _stop_all(self) -> None:
        if not self._quit:
            self._quit = True
            now_ns = monotonic_ns()
            for recording in self._recordings.values():
                recording.stop(now_ns)

    def _take_frames(self, taps: socket.socket) -> None:
        recordings = self._recordings
        for datagram in datagrams(taps):
            try:
                for frame in frames(datagram):
                    recording = recordings.get(frame.tap)
                    if recording is not None:
                        recording.take(frame)
            except (ValueError, struct.error) as error:
                self._link.problem("reading frames", str(error))

    # what time does

    def _on_time(self, now_ns: int) -> None:
        if now_ns - self._written_ns >= WRITE_NS or self._quit:
            self._written_ns = now_ns
            self._write(now_ns)
        self._collect()
        if now_ns - self._alive_ns >= HEARTBEAT_NS:
            self._alive_ns = now_ns
            self._link.report(RecorderHeartbeat())
        if not self._quit:
            self._look_around(now_ns)
        self._link.send()

    def _look_around(self, now_ns: int) -> None:
        if not self._looked_ns or now_ns - self._looked_ns >= LOOK_NS:
            self._looked_ns = now_ns
            self._chores.append(self._thread.submit(lambda: list(self._archive.unreported())))
        if self._keep_ns is not None and (not self._expired_ns or now_ns - self._expired_ns >= EXPIRY_NS):
            self._expired_ns = now_ns
            self._chores.append(self._thread.submit(self._expired, time_ns() - self._keep_ns))

    def _write(self, now_ns: int) -> None:
        has_room = self._has_room()
        for number, recording in list(self._recordings.items()):
            try:
                if not has_room:
                    raise OSError(NO_ROOM)
                recording.write(now_ns)
            except OSError as error:  # the disk is full, or gone: what is there is kept, the call goes on
                recording.why = _words(error)
                recording.stop(now_ns)
            if recording.why is not None or recording.is_over(now_ns):
                del self._recordings[number]
                self._finish(recording)

    def _has_room(self) -> bool:
        try:
            return not self._recordings or self._archive.has_room()
        except OSError:
            return True  # the directory is gone: each recording will say so

    def _finish(self, recording: Recording[WavFile]) -> None:
        order = recording.order
        known = ended(order, order.started_us, path=None, why=recording.why)
        known = msgspec.structs.replace(known, paused_ms=recording.paused_ms, frames_lost=recording.frames_lost)
        self._finishing.append(_Finishing(ended=known, complete=self._thread.submit(self._archive.complete, recording.file, known)))

    def _collect(self) -> None:
        """Reports what the other thread has done."""
        for each in [each for each in self._finishing if each.complete.done()]:
            self._finishing.remove(each)
            try:
                self._link.report(each.complete.result())
            except OSError as error:
                self._link.report(msgspec.structs.replace(each.ended, why=each.ended.why or _words(error)))
        for chore in [each for each in self._chores if each.done()]:
            self._chores.remove(chore)
            try:
                for report in chore.result():
                    self._link.report(report)
            except OSError as error:
                self._link.problem("looking through old recordings", _words(error))

    # in the other thread

    def _expired(self, before_ns: int) -> list[Message]:
        old = self._archive.expired(before_ns=before_ns)
        return [RecordingsExpired(paths=tuple(old[start : start + MAX_EXPIRED])) for start in range(0, len(old), MAX_EXPIRED)]


def _be_nice() -> None:
    """Of this thread alone, on Linux: files may wait, packets may not."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)


def _words(error: OSError) -> str:
    return error.strerror or str(error)
