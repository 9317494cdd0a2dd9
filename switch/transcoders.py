"""Supervises the transcoder processes: starts them once config names a codec that needs one, and restarts them when they exit.

Media workers talk to them without the switch: a lost transcoder costs audio until the next one is up, and no call.
"""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from media.transcoder.wire import READY
from switch.codec import NARROW_BAND, Codec

RESTART_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
LASTED_S = 60.0
READY_S = 15.0
LOOK_S = 1.0
HUNG_S = 5.0
"""Five questions without an answer."""
QUIT_S = 3.0

QUESTION = b"?"

_log = structlog.get_logger("payphone")


class TranscodersFailed(Exception):
    """A transcoder did not start; its stderr has the reason."""


class Transcoders:
    """`count`: how many there will be, once they are needed. `paths`: where workers find them, from the beginning."""

    def __init__(self, count: int) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="payphone-transcoders-"))  # of this user alone
        self.paths = tuple(self._directory / str(number) for number in range(count))
        self._keepers: dict[Path, asyncio.Task[None]] = {}
        self._ready: set[Path] = set()
        self._codecs: frozenset[Codec] = frozenset()

    @property
    def wanted(self) -> int:
        """Returns how many there should be: none where no codec needs one."""
        return len(self._keepers)

    @property
    def up(self) -> int:
        """Returns how many are ready."""
        return len(self._ready)

    async def start(self, codecs: Iterable[Codec]) -> None:
        """Starts them, where one of `codecs` is beyond G.711. Raises TranscodersFailed when one does not come up."""
        for ready in self.follow(codecs):
            try:
                async with asyncio.timeout(READY_S):
                    await ready.wait()
            except TimeoutError as error:
                raise TranscodersFailed(f"no transcoder came up in {READY_S:.0f} s: see its messages above") from error

    def follow(self, codecs: Iterable[Codec]) -> list[asyncio.Event]:
        """These are the config's codecs from now on. Returns an event for each transcoder that is started for them."""
        self._codecs = frozenset(codecs).difference(NARROW_BAND)
        if not self._codecs or self._keepers:
            return []
        events = []
        for path in self.paths:
            events.append(asyncio.Event())
            self._keepers[path] = asyncio.create_task(self._keep(path, events[-1]))
        return events

    async def close(self) -> None:
        """Ends all of them."""
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _keep(self, path: Path, ready: asyncio.Event) -> None:
        """Runs a transcoder again and again. An early exit lengthens the next pause."""
        loop = asyncio.get_running_loop()
        pause_s = RESTART_PAUSE_S
        while True:
            started_s = loop.time()
            try:
                await self._run(path, ready)
            except OSError as error:  # no process or no socket available now
                _log.error("transcoder can't be started", why=str(error), again_in_s=pause_s)
            else:
                _log.error("transcoder has ended: calls that need it are silent meanwhile", again_in_s=pause_s)
            if loop.time() - started_s > LASTED_S:
                pause_s = RESTART_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _run(self, path: Path, ready: asyncio.Event) -> None:
        """Runs one until it ends, or this is cancelled."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            ours.setblocking(False)
            command = [sys.executable, "-m", "media.transcoder", "--control-fd", str(theirs.fileno()), "--socket", str(path)]
            command += ["--codecs", *sorted(codec.name for codec in self._codecs)]
            env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
            # A session of its own: only the switch gets Ctrl-C, and calls end before transcoders do.
            process = await asyncio.create_subprocess_exec(*command, pass_fds=(theirs.fileno(),), start_new_session=True, env=env)
            theirs.close()
            try:
                if await asyncio.get_running_loop().sock_recv(ours, len(READY)) == READY:
                    _log.info("transcoder up", pid=process.pid)
                    ready.set()
                    self._ready.add(path)
                await _until_ended(process, ours)
            finally:
                self._ready.discard(path)
                ours.close()  # which ends it
                with suppress(TimeoutError):
                    async with asyncio.timeout(QUIT_S):
                        await process.wait()
                with suppress(ProcessLookupError):
                    process.kill()


async def _until_ended(process: asyncio.subprocess.Process, control: socket.socket) -> None:
    """Waits for the end of the process, and kills it when it does not answer any more: its calls would stay silent for ever."""
    loop = asyncio.get_running_loop()
    heard_s = loop.time()
    ended = asyncio.create_task(process.wait())  # one for all looks: the process keeps each wait until it ends
    try:
        while not (await asyncio.wait({ended}, timeout=LOOK_S))[0]:
            if _has_answered(control):
                heard_s = loop.time()
            elif loop.time() - heard_s > HUNG_S:
                _log.error("transcoder gives no sign of life: it is ended", pid=process.pid)
                process.kill()
            with suppress(OSError):  # it has ended, or has not read for long: it is looked at above
                control.send(QUESTION)
    finally:
        ended.cancel()


def _has_answered(control: socket.socket) -> bool:
    answer = b""
    with suppress(OSError):
        while part := control.recv(len(READY)):
            answer = part
    return bool(answer)
