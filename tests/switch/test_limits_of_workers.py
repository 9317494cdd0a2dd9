"""How long the switch waits for a media worker, and how much: at the limit and one past it. The processes are played, time is simulated."""

import asyncio
import os
import socket
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from simulated_time import advance, elapsed_s, in_simulated_time

from media.control import Close, Heartbeat, Ready, Report, encode
from switch.workers import Workers, WorkerSettings, WorkersFailed

SETTINGS = WorkerSettings(prompts=Path("prompts"), rtp_timeout_ms=60_000, hold_timeout_ms=1_800_000)
JUST_S = 0.001


class PlayedProcess:
    """The worker process `pid`: `exit` ends it, and `kill`, which says when. `pipe` is its end of the control socket."""

    def __init__(self, fd: int, *, pid: int) -> None:
        self.pid = pid
        self.pipe = socket.socket(fileno=os.dup(fd))
        self.born_s = asyncio.get_running_loop().time()
        self.killed_s: float | None = None
        self.waits = 0
        self._over = asyncio.Event()

    async def wait(self) -> int:
        self.waits += 1
        await self._over.wait()
        return 0

    def exit(self) -> None:
        self._over.set()

    def kill(self) -> None:
        if not self._over.is_set():
            self.killed_s = elapsed_s(self.born_s)
        self._over.set()

    def ready(self) -> None:
        self.pipe.send(encode(Ready(pid=self.pid)))

    def beats(self, every_s: float) -> None:
        """The first sign of life comes after `every_s`."""

        def beat() -> None:
            if not self._over.is_set():
                self.pipe.send(encode(Heartbeat(at_ns=0, last={})))
                self.beats(every_s)

        asyncio.get_running_loop().call_later(every_s, beat)


class Stage:
    """Workers whose processes are played. `played`: all there were. `born`: what each does first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, born: Callable[[PlayedProcess], object]) -> None:
        self.played: list[PlayedProcess] = []
        self.lost: list[int] = []
        self.workers = Workers[Report](SETTINGS, reported=lambda *_: None, lost=self.lost.append)

        async def spawn(*_: str, pass_fds: tuple[int], **__: Any) -> PlayedProcess:
            process = PlayedProcess(pass_fds[0], pid=len(self.played) + 1)
            self.played.append(process)
            born(process)
            return process

        monkeypatch.setattr(asyncio, "create_subprocess_exec", spawn)

    async def close(self) -> None:
        for process in self.played:
            process.exit()
            process.pipe.close()
        await self.workers.close()


@pytest.mark.parametrize(("ready_s", "starts"), [(15 - JUST_S, True), (15 + JUST_S, False)])
def test_a_worker_has_15_s_to_be_ready(monkeypatch: pytest.MonkeyPatch, ready_s: float, starts: bool) -> None:  # noqa: FBT001 a column
    async def scene() -> None:
        stage = Stage(monkeypatch, born=lambda process: asyncio.get_running_loop().call_later(ready_s, process.ready))
        try:
            if starts:
                await stage.workers.start(1)
            else:
                with pytest.raises(WorkersFailed, match="in 15 s"):
                    await stage.workers.start(1)
        finally:
            await stage.close()

    in_simulated_time(scene())


def test_one_that_exits_again_and_again_is_started_at_longer_and_longer_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to 30 s. One that ran for more than a minute is started again after half a second."""

    def born(process: PlayedProcess) -> None:
        process.ready()
        process.beats(1.0)
        lasts_s = {10: 60.0, 11: 60.0 + JUST_S}.get(process.pid, 0)
        asyncio.get_running_loop().call_later(lasts_s, process.exit)

    async def scene() -> list[float]:
        stage = Stage(monkeypatch, born=born)
        await stage.workers.start(1)
        await advance(400)
        pauses = [later.born_s - earlier.born_s for earlier, later in pairwise(stage.played)]
        await stage.close()
        return pauses

    pauses = in_simulated_time(scene())
    assert pauses[:12] == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30, 60 + 30, 60 + JUST_S + 0.5, 1])


@pytest.mark.parametrize(("beat_s", "killed"), [(5.0, False), (7.0 + JUST_S, True)])
def test_one_without_a_sign_of_life_for_5_s_is_ended_when_that_was_seen_twice(
    monkeypatch: pytest.MonkeyPatch,
    beat_s: float,
    killed: bool,  # noqa: FBT001 a column
) -> None:
    """It is looked at each second: the sixth and the seventh see that there was none."""

    def born(process: PlayedProcess) -> None:
        process.ready()
        process.beats(beat_s)

    async def scene() -> float | None:
        stage = Stage(monkeypatch, born=born)
        await stage.workers.start(1)
        await advance(50)
        await stage.close()
        return stage.played[0].killed_s

    assert in_simulated_time(scene()) == (7.0 if killed else None)


@pytest.mark.parametrize(("up_s", "killed"), [(60.0, False), (62.0 + JUST_S, True)])
def test_one_that_takes_another_ones_place_has_60_s_to_come_up(
    monkeypatch: pytest.MonkeyPatch,
    up_s: float,
    killed: bool,  # noqa: FBT001 a column
) -> None:
    """That the first one was up says nothing of the second."""

    def born(process: PlayedProcess) -> None:
        loop = asyncio.get_running_loop()
        if process.pid == 1:
            process.ready()
            loop.call_later(1.0, process.exit)
        else:
            loop.call_later(up_s, process.ready)
            loop.call_later(up_s, process.beats, 1.0)

    async def scene() -> float | None:
        stage = Stage(monkeypatch, born=born)
        await stage.workers.start(1)
        await advance(100)
        await stage.close()
        return stage.played[1].killed_s

    assert in_simulated_time(scene()) == (62.0 if killed else None)


def test_its_end_is_waited_for_once_however_long_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio keeps every wait for a process until that ends, those that were given up too."""

    def born(process: PlayedProcess) -> None:
        process.ready()
        process.beats(1.0)

    async def scene() -> int:
        stage = Stage(monkeypatch, born=born)
        await stage.workers.start(1)
        await advance(3_600)
        await stage.close()
        return stage.played[0].waits

    assert in_simulated_time(scene()) == 1


def test_a_worker_that_does_not_quit_is_killed_after_3_s(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> list[float | None]:
        stage = Stage(monkeypatch, born=PlayedProcess.ready)
        await stage.workers.start(1)
        await stage.workers.close()
        return [process.killed_s for process in stage.played]

    assert in_simulated_time(scene()) == [3.0]


def test_so_many_orders_wait_for_a_worker_that_does_not_read_and_one_more_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        stage = Stage(monkeypatch, born=PlayedProcess.ready)
        await stage.workers.start(1)
        (worker,) = stage.workers._workers.values()
        while not worker.unsent:  # until the socket takes no more
            stage.workers.tell(1, Close(port=1))
        for _ in range(99_999):
            stage.workers.tell(1, Close(port=1))
        assert stage.played[0].killed_s is None
        stage.workers.tell(1, Close(port=1))
        assert stage.played[0].killed_s is not None
        await stage.close()

    in_simulated_time(scene())
