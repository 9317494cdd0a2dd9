"""When transcoders are started; what becomes of one that does not come up, exits or hangs. Processes are played, time is simulated."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from simulated_time import advance, elapsed_s, in_simulated_time

from media.transcoder.wire import READY
from switch.codec import Codec
from switch.transcoders import Transcoders, TranscodersFailed

PCMU, PCMA, G722, OPUS = Codec
JUST_S = 0.001


class PlayedProcess:
    """One transcoder; `control` is its end of the socket."""

    def __init__(self, command: tuple[str, ...], fd: int) -> None:
        self.command = command
        self.pid = fd
        self.control = socket.socket(fileno=os.dup(fd))
        self.born_s = asyncio.get_running_loop().time()
        self.killed_s: float | None = None
        self._over = asyncio.Event()

    async def wait(self) -> int:
        await self._over.wait()
        return 0

    def exit(self) -> None:
        self._over.set()
        self.control.close()

    def kill(self) -> None:
        if not self._over.is_set():
            self.killed_s = elapsed_s(self.born_s)
            self.exit()

    def ready(self) -> None:
        self.control.send(READY)

    def answers(self) -> None:
        """From now on."""

        def look() -> None:
            if not self._over.is_set():
                self.control.setblocking(False)
                with suppress(BlockingIOError):
                    self.control.send(self.control.recv(100))
                asyncio.get_running_loop().call_later(0.1, look)

        look()


class Stage:
    """`born`: what each process does first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, count: int = 1, born: Callable[[PlayedProcess], object]) -> None:
        self.played: list[PlayedProcess] = []
        self.transcoders = Transcoders(count)

        async def spawn(*command: str, pass_fds: tuple[int], **__: Any) -> PlayedProcess:
            process = PlayedProcess(command, pass_fds[0])
            self.played.append(process)
            born(process)
            return process

        monkeypatch.setattr(asyncio, "create_subprocess_exec", spawn)

    async def close(self) -> None:
        for process in self.played:
            process.kill()
        await self.transcoders.close()


def answering(process: PlayedProcess) -> None:
    process.ready()
    process.answers()


@pytest.mark.parametrize(
    ("codecs", "started"), [((), 0), ((PCMU, PCMA), 0), ((PCMU, G722), 2), ((OPUS,), 2)], ids=["none", "g711", "g722", "opus"]
)
def test_they_are_started_where_config_names_a_codec_beyond_g711(
    monkeypatch: pytest.MonkeyPatch, codecs: tuple[Codec, ...], started: int
) -> None:
    async def scene() -> list[PlayedProcess]:
        stage = Stage(monkeypatch, count=2, born=answering)
        await stage.transcoders.start(codecs)
        await advance(1)
        await stage.close()
        return stage.played

    played = in_simulated_time(scene())
    assert len(played) == started
    wanted = [codec.name for codec in codecs if codec in (G722, OPUS)]
    assert all(list(each.command[each.command.index("--codecs") + 1 :]) == wanted for each in played)


def test_a_config_that_comes_later_starts_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> int:
        stage = Stage(monkeypatch, born=answering)
        await stage.transcoders.start([PCMU])
        stage.transcoders.follow([G722])
        await advance(1)
        stage.transcoders.follow([G722, OPUS])
        await advance(1)
        await stage.close()
        return len(stage.played)

    assert in_simulated_time(scene()) == 1


@pytest.mark.parametrize(("ready_s", "starts"), [(15 - JUST_S, True), (15 + JUST_S, False)])
def test_one_has_15_s_to_be_ready(monkeypatch: pytest.MonkeyPatch, ready_s: float, starts: bool) -> None:  # noqa: FBT001 a column
    async def scene() -> None:
        stage = Stage(monkeypatch, born=lambda process: asyncio.get_running_loop().call_later(ready_s, process.ready))
        try:
            if starts:
                await stage.transcoders.start([G722])
            else:
                with pytest.raises(TranscodersFailed, match="in 15 s"):
                    await stage.transcoders.start([G722])
        finally:
            await stage.close()

    in_simulated_time(scene())


def test_one_that_exits_again_and_again_is_started_at_longer_and_longer_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    def born(process: PlayedProcess) -> None:
        process.ready()
        asyncio.get_running_loop().call_soon(process.exit)

    async def scene() -> list[float]:
        stage = Stage(monkeypatch, born=born)
        await stage.transcoders.start([G722])
        await advance(100)
        pauses = [later.born_s - earlier.born_s for earlier, later in pairwise(stage.played)]
        await stage.close()
        return pauses

    assert in_simulated_time(scene())[:8] == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30])


@pytest.mark.parametrize(("silent_s", "killed"), [(5.0, False), (5.0 + 2.0, True)])
def test_one_that_does_not_answer_for_more_than_5_s_is_ended(
    monkeypatch: pytest.MonkeyPatch,
    silent_s: float,
    killed: bool,  # noqa: FBT001 a column
) -> None:
    def born(process: PlayedProcess) -> None:
        process.ready()
        asyncio.get_running_loop().call_later(silent_s, process.answers)

    async def scene() -> float | None:
        stage = Stage(monkeypatch, born=born)
        await stage.transcoders.start([G722])
        await advance(20)
        found = stage.played[0].killed_s
        await stage.close()
        return found

    assert in_simulated_time(scene()) == (pytest.approx(6.0, abs=0.1) if killed else None)


def test_their_sockets_are_gone_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> bool:
        stage = Stage(monkeypatch, born=answering)
        await stage.transcoders.start([G722])
        directory = stage.transcoders.paths[0].parent
        assert directory.stat().st_mode & 0o777 == 0o700
        await stage.close()
        return directory.exists()

    assert in_simulated_time(scene()) is False
