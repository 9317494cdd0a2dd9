"""A companion process and who starts it, over a real socket."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from child_process import mortal

from media.control import Ready
from switch.companion import Alive, CompanionReport, CompanionSettings
from switch.side_process import SideProcess

PATIENCE_S = 60.0
SUPPORT = Path(__file__).parent.parent / "support"


class Watched:
    """A companion that does `what`, started as a switch starts it."""

    def __init__(self, what: str) -> None:
        settings = CompanionSettings(
            name="companion", module="companion_of_tests", config=Path("config"), data=Path(what), hung_s=5.0
        )
        self.reports: asyncio.Queue[CompanionReport] = asyncio.Queue()
        self.lost = asyncio.Event()
        self.process = SideProcess[CompanionReport](
            settings, reported=self.reports.put_nowait, lost=self.lost.set, without="nothing is served"
        )

    async def pid(self) -> int:
        """Returns the process id of the next one that is up."""
        while not isinstance(report := await self.reports.get(), Ready):
            pass
        return report.pid


@pytest.fixture(autouse=True)
def _module_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT), prepend=os.pathsep)


def run(what: str, test: Callable[[Watched], Awaitable[None]]) -> None:
    async def started() -> None:
        watched = Watched(what)
        watched.process.want()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await test(watched)
        finally:
            await watched.process.close()

    asyncio.run(started())


def is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_it_says_that_it_is_up_and_that_it_lives_and_ends_when_it_is_told() -> None:
    pids = []

    async def test(watched: Watched) -> None:
        pids.append(await watched.pid())
        assert isinstance(await watched.reports.get(), Alive)
        assert isinstance(await watched.reports.get(), Alive)
        assert is_running(pids[0])
        await watched.process.close()
        assert not watched.lost.is_set()

    run("serves", test)
    assert not is_running(pids[0])


def test_another_is_started_in_place_of_one_that_is_killed() -> None:
    async def test(watched: Watched) -> None:
        first = await watched.pid()
        os.kill(first, signal.SIGKILL)
        await watched.lost.wait()
        assert await watched.pid() != first

    run("serves", test)


@pytest.mark.parametrize("what", ["fails", "hangs"])
def test_another_is_started_in_place_of_one_that_fails_or_hangs(what: str) -> None:
    async def test(watched: Watched) -> None:
        first = await watched.pid()
        assert await watched.pid() != first

    run(what, test)


def test_what_it_complains_of_is_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    async def test(watched: Watched) -> None:
        await watched.pid()
        while not isinstance(await watched.reports.get(), Alive):
            pass

    run("complains", test)
    said = "".join(capfd.readouterr())
    assert "companion has a problem" in said
    assert "why=config" in said


def test_it_ends_when_the_switch_is_gone() -> None:
    """The kernel closes its end of the socket, however the switch ended."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        command = [
            sys.executable,
            "-m",
            "companion_of_tests",
            "--config",
            ".",
            "--data",
            "serves",
            "--socket-fd",
            str(theirs.fileno()),
        ]
        process = subprocess.Popen(mortal(command), pass_fds=[theirs.fileno()])
    assert process.wait(PATIENCE_S) == 0
