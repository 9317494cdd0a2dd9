"""Supervises side processes, media workers, the recorder and the ears: starts them, exchanges messages over one socket each, restarts
them when they exit.

Calls and audio are opaque here: orders go in, reports come out, and the loss of a process is reported.
"""

import asyncio
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

import structlog

from media.control import (
    MAX_MESSAGE_BYTES,
    MAX_NAMES,
    Message,
    Quit,
    Ready,
    Report,
    SetPrompts,
    WorkerProblem,
    decode_report,
    encode,
)
from media.listening import EarsReport, QuitEars, decode_ears_report
from media.recording import QuitRecorder, RecorderReport, decode_recorder_report

SOCKET_BUFFER_BYTES = 1 << 20
RESTART_PAUSE_S = 0.5
REPORTS_A_TURN = 200
MAX_UNSENT = 100_000
QUIT_S = 3.0
READY_S = 15.0
LOOK_S = 1.0
HUNG_S = 5.0
"""Five missed heartbeats (`media.control.Heartbeat`)."""
START_S = 60.0
"""What a process may take to come up: a busy machine is slow, and the next one would not be faster."""
LASTED_S = 60.0
LONGEST_PAUSE_S = 30.0

_log = structlog.get_logger("payphone")


class WorkersFailed(Exception):
    """A side process did not start; its stderr has the reason."""


@dataclass(slots=True, kw_only=True)
class _Worker:
    process: asyncio.subprocess.Process
    pipe: socket.socket
    unsent: deque[bytes] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    is_up: bool = False
    heard_s: float = 0.0


R = TypeVar("R", bound=Message)
R_co = TypeVar("R_co", bound=Message, covariant=True)


class ProcessSettings(Protocol[R_co]):
    """A kind of side process, and its start parameters. `quit`: the order to exit. `hung_s`: one that is up and gives no sign of life for
    so long hangs."""

    @property
    def name(self) -> str: ...

    @property
    def hung_s(self) -> float: ...

    @property
    def quit(self) -> Message: ...

    def arguments(self) -> list[str]:
        """Returns the module to run, and its options but for `--socket-fd`."""

    def decode(self, data: bytes) -> R_co | WorkerProblem: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Of a media worker. `prompts`: the directory of prepared ones. `transcoders`: their sockets."""

    name: ClassVar[str] = "media worker"
    quit: ClassVar[Message] = Quit()
    hung_s: ClassVar[float] = HUNG_S
    prompts: Path
    rtp_timeout_ms: int
    hold_timeout_ms: int
    transcoders: tuple[Path, ...] = ()

    def arguments(self) -> list[str]:
        options = ["--prompts", str(self.prompts), "--rtp-timeout-ms", str(self.rtp_timeout_ms)]
        options += ["--hold-timeout-ms", str(self.hold_timeout_ms), "--transcoders", *map(str, self.transcoders)]
        return ["media.worker", *options]

    def decode(self, data: bytes) -> Report | WorkerProblem:
        report: Report | WorkerProblem = decode_report(data)
        return report


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSettings:
    """Of the recorder. `taps`: where it takes frames. `keep_days`: how long recordings are kept; None: for ever."""

    name: ClassVar[str] = "recorder"
    quit: ClassVar[Message] = QuitRecorder()
    hung_s: ClassVar[float] = HUNG_S
    directory: Path
    taps: Path
    keep_days: int | None

    def arguments(self) -> list[str]:
        keep = [] if self.keep_days is None else ["--keep-days", str(self.keep_days)]
        return ["media.recorder", "--directory", str(self.directory), "--taps", str(self.taps), *keep]

    def decode(self, data: bytes) -> RecorderReport | WorkerProblem:
        report: RecorderReport | WorkerProblem = decode_recorder_report(data)
        return report


@dataclass(frozen=True, slots=True, kw_only=True)
class EarsSettings:
    """Of the ears. `taps`: where they take frames."""

    name: ClassVar[str] = "ears"
    quit: ClassVar[Message] = QuitEars()
    hung_s: ClassVar[float] = HUNG_S
    taps: Path

    def arguments(self) -> list[str]:
        return ["media.ears", "--taps", str(self.taps)]

    def decode(self, data: bytes) -> EarsReport | WorkerProblem:
        report: EarsReport | WorkerProblem = decode_ears_report(data)
        return report


class Workers(Generic[R]):
    """`reported(number, report)` for each report; `lost(number)` when a process is lost, and its calls with it.

    A restarted one has a new number, so that no order for the old one reaches it.
    """

    def __init__(self, settings: ProcessSettings[R], *, reported: Callable[[int, R], None], lost: Callable[[int], None]) -> None:
        self._settings = settings
        self._reported = reported
        self._lost = lost
        self._workers: dict[int, _Worker] = {}
        self._prompts: Mapping[str, str] = {}
        self._started = 0
        self._closing = False
        self._keepers: set[asyncio.Task[None]] = set()

    async def start(self, count: int) -> None:
        """Starts `count` processes, and keeps that many running from then on. Raises WorkersFailed when one does not start."""
        for _ in range(count):
            ready = asyncio.Event()
            self._keepers.add(asyncio.create_task(self._keep(ready)))
            try:
                async with asyncio.timeout(READY_S):
                    await ready.wait()
            except TimeoutError as error:
                raise WorkersFailed(f"no {self._settings.name} came up in {READY_S:.0f} s: see its messages above") from error

    @property
    def up(self) -> int:
        """Returns how many processes are ready."""
        return sum(worker.is_up for worker in self._workers.values())

    def set_prompts(self, keys: Mapping[str, str]) -> None:
        """Every worker, those to come included, has these prompts by their names from now on."""
        self._prompts = keys
        for number in self._workers:
            self._tell_prompts(number)

    def tell(self, number: int, order: Message) -> None:
        """Sends an order. Never blocks. Orders to a lost process are dropped."""
        worker = self._workers.get(number)
        if worker is None:
            return
        data = encode(order)
        if worker.unsent or not _sent(worker.pipe, data):
            self._later(worker, data)

    async def close(self) -> None:
        """Asks every worker to quit, and waits for its exit for a limited time."""
        self._closing = True
        for number in list(self._workers):
            self.tell(number, self._settings.quit)
        done, pending = await asyncio.wait(self._keepers, timeout=QUIT_S) if self._keepers else (set(), set())
        for worker in list(self._workers.values()):
            with suppress(ProcessLookupError):
                worker.process.kill()
        for keeper in pending:
            keeper.cancel()
        await asyncio.gather(*done, *pending, return_exceptions=True)

    def _tell_prompts(self, number: int) -> None:
        entries = iter(self._prompts.items())
        while part := dict(islice(entries, MAX_NAMES)):
            self.tell(number, SetPrompts(keys=part))

    async def _spawn(self) -> tuple[int, _Worker]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        ours.setblocking(False)
        command = [sys.executable, "-m", *self._settings.arguments(), "--socket-fd", str(theirs.fileno())]
        # numpy would start a busy-waiting thread for every core: these processes do not use them.
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        # A session of its own: only the switch gets Ctrl-C, and ends its calls and its workers in that order.
        process = await asyncio.create_subprocess_exec(*command, pass_fds=(theirs.fileno(),), start_new_session=True, env=env)
        theirs.close()
        self._started += 1
        number = self._started
        worker = _Worker(process=process, pipe=ours)
        self._workers[number] = worker
        self._tell_prompts(number)
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable, number, worker)
        return number, worker

    async def _keep(self, ready: asyncio.Event) -> None:
        """Restarts a worker whenever it exits, until `close`. `ready` is set once one is ready. An early exit lengthens the next pause."""
        loop = asyncio.get_running_loop()
        pause_s = RESTART_PAUSE_S
        while not self._closing:
            started_s = loop.time()
            try:
                number, worker = await self._spawn()
            except OSError as error:  # no process or no socket available now
                _log.error(f"{self._settings.name} can't be started", why=str(error), again_in_s=pause_s)
            else:
                worker.ready = ready
                await self._until_ended(worker)
                self._readable(number, worker)  # its last words
                self._gone(number, worker)
            if loop.time() - started_s > LASTED_S:
                pause_s = RESTART_PAUSE_S
            if not self._closing:
                await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _until_ended(self, worker: _Worker) -> None:
        """Waits for the end of the process, and kills it when its heartbeats stop: its calls would go on for ever, without audio."""
        loop = asyncio.get_running_loop()
        worker.heard_s, suspect = loop.time(), False
        ended = asyncio.create_task(worker.process.wait())  # one for all looks: the process keeps each wait until it ends
        try:
            while not (await asyncio.wait({ended}, timeout=LOOK_S))[0]:
                silent = loop.time() - worker.heard_s > (self._settings.hung_s if worker.is_up else START_S)
                if silent and suspect:  # twice, in case this process was suspended
                    _log.error(f"{self._settings.name} gives no sign of life: it is ended", pid=worker.process.pid)
                    worker.process.kill()
                suspect = silent
        finally:
            ended.cancel()

    def _gone(self, number: int, worker: _Worker) -> None:
        if self._workers.pop(number, None) is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(worker.pipe.fileno())
        loop.remove_writer(worker.pipe.fileno())
        worker.pipe.close()
        with suppress(ProcessLookupError):
            worker.process.kill()  # it may have closed its socket and still run
        if not self._closing:
            self._lost(number)

    def _readable(self, number: int, worker: _Worker) -> None:
        for _ in range(REPORTS_A_TURN):
            try:
                data = worker.pipe.recv(MAX_MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:  # the process is ending: `_keep` sees its end; until then there is nothing to read
                self._gone(number, worker)
                return
            worker.heard_s = asyncio.get_running_loop().time()
            report = self._settings.decode(data)
            if isinstance(report, WorkerProblem):
                what = f"{self._settings.name} has a problem"
                _log.error(what, worker=number, doing=report.doing, why=report.why, trace=report.trace)
                continue
            if isinstance(report, Ready):
                worker.ready.set()
                worker.is_up = True
            self._reported(number, report)

    def _later(self, worker: _Worker, data: bytes) -> None:
        """Queues data for a slow worker. One whose queue is full is killed."""
        if len(worker.unsent) >= MAX_UNSENT:
            worker.process.kill()
            return
        if not worker.unsent:
            asyncio.get_running_loop().add_writer(worker.pipe.fileno(), self._writable, worker)
        worker.unsent.append(data)

    def _writable(self, worker: _Worker) -> None:
        while worker.unsent and _sent(worker.pipe, worker.unsent[0]):
            worker.unsent.popleft()
        if not worker.unsent:
            asyncio.get_running_loop().remove_writer(worker.pipe.fileno())


def _sent(pipe: socket.socket, data: bytes) -> bool:
    """Sends; False: the socket would block. Data to a closed peer is dropped: the end of the process is reported elsewhere."""
    try:
        pipe.send(data)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
