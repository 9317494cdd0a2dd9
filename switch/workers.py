"""Supervises the media worker processes: starts them, exchanges messages over one socket each, restarts them when they exit.

Calls and audio are opaque here: orders go in, reports come out, and the loss of a worker is reported.
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

import structlog

from media.control import MAX_MESSAGE_BYTES, MAX_NAMES, Order, Quit, Ready, Report, SetPrompts, WorkerProblem, decode_report, encode

SOCKET_BUFFER_BYTES = 1 << 20
RESTART_PAUSE_S = 0.5
REPORTS_A_TURN = 200
MAX_UNSENT = 100_000
QUIT_S = 3.0
READY_S = 15.0
LOOK_S = 1.0
HUNG_S = 5.0
"""Five missed heartbeats (`media.control.Heartbeat`)."""
LASTED_S = 60.0
LONGEST_PAUSE_S = 30.0

_log = structlog.get_logger("payphone")


class WorkersFailed(Exception):
    """A media worker did not start; its stderr has the reason."""


@dataclass(slots=True, kw_only=True)
class _Worker:
    process: asyncio.subprocess.Process
    pipe: socket.socket
    unsent: deque[bytes] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    heard_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The start parameters of a worker process. `prompts`: the directory of prepared ones."""

    prompts: Path
    rtp_timeout_ms: int
    hold_timeout_ms: int


class Workers:
    """`reported(number, report)` for each report; `lost(number)` when a worker is lost, and its calls with it.

    A restarted worker has a new number, so that no order for the old one reaches it.
    """

    def __init__(self, settings: WorkerSettings, *, reported: Callable[[int, Report], None], lost: Callable[[int], None]) -> None:
        self._settings = settings
        self._reported = reported
        self._lost = lost
        self._workers: dict[int, _Worker] = {}
        self._prompts: Mapping[str, str] = {}
        self._started = 0
        self._closing = False
        self._keepers: set[asyncio.Task[None]] = set()

    async def start(self, count: int) -> None:
        """Starts `count` workers, and keeps that many running from then on. Raises WorkersFailed when one does not start."""
        for _ in range(count):
            ready = asyncio.Event()
            self._keepers.add(asyncio.create_task(self._keep(ready)))
            try:
                async with asyncio.timeout(READY_S):
                    await ready.wait()
            except TimeoutError as error:
                raise WorkersFailed(f"no media worker came up in {READY_S:.0f} s: see its messages above") from error

    def set_prompts(self, keys: Mapping[str, str]) -> None:
        """Every worker, those to come included, has these prompts by their names from now on."""
        self._prompts = keys
        for number in self._workers:
            self._tell_prompts(number)

    def tell(self, number: int, order: Order) -> None:
        """Sends an order. Never blocks. Orders to a lost worker are dropped."""
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
            self.tell(number, Quit())
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
        settings = self._settings
        command = [sys.executable, "-m", "media.worker", "--socket-fd", str(theirs.fileno())]
        command += ["--prompts", str(settings.prompts), "--rtp-timeout-ms", str(settings.rtp_timeout_ms)]
        command += ["--hold-timeout-ms", str(settings.hold_timeout_ms)]
        # numpy would start a busy-waiting thread for every core: the relay is single-threaded and does not use them.
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
                _log.error("media worker can't be started", why=str(error), again_in_s=pause_s)
            else:
                worker.ready = ready
                await self._until_ended(worker)
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
                silent = worker.ready.is_set() and loop.time() - worker.heard_s > HUNG_S
                if silent and suspect:  # twice, in case this process was suspended
                    _log.error("media worker gives no sign of life: it is ended", pid=worker.process.pid)
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
            report = decode_report(data)
            if isinstance(report, WorkerProblem):
                _log.error("media worker has a problem", worker=number, doing=report.doing, why=report.why, trace=report.trace)
                continue
            if isinstance(report, Ready):
                worker.ready.set()
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
