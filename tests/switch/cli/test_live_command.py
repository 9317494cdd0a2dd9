"""`payphone live` and `payphone caps` beside a real switch, by pipe and on a terminal, through a death of the switch."""

import asyncio
import json
import os
import pty
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from child_process import mortal
from running_switch import Stage, stage

from switch.control.client import connected
from switch.control.messages import LimitCap, Overridden

PATIENCE_S = 60.0
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


async def payphone(*words: str, config: Path, exit_code: int = 0) -> str:
    """What it writes."""
    command = mortal([sys.executable, "-m", "switch.cli", *words, "--config", str(config)])
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "COLUMNS": "80"}
    )
    async with asyncio.timeout(PATIENCE_S):
        told, _ = await process.communicate()
    assert process.returncode == exit_code, told
    return told.decode()


class Terminal:
    """`payphone live` on a terminal of 24 lines of 80 columns. `shown`: all that was drawn, escapes apart."""

    def __init__(self, config: Path) -> None:
        ours, its = pty.openpty()
        self._fd = ours
        self.raw = b""
        self._news = asyncio.Event()
        command = mortal([sys.executable, "-m", "switch.cli", "live", "--config", str(config)])
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
        self._starting = asyncio.create_subprocess_exec(*command, stdin=its, stdout=its, stderr=its, env=environment)
        self._its = its

    async def __aenter__(self) -> "Terminal":
        self.process = await self._starting
        os.close(self._its)
        os.set_blocking(self._fd, False)
        asyncio.get_running_loop().add_reader(self._fd, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> None:
        try:
            self.raw += os.read(self._fd, 1 << 16)
        except OSError:  # nobody has the other side any more
            self._close()
        self._news.set()

    async def until(self, is_it: Callable[[str], bool]) -> str:
        """What was drawn last, once it is the one."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_it(frame := ESCAPES.sub(b"", self.raw.split(b"\x1b[H")[-1]).decode(errors="replace")):
                self._news.clear()
                await self._news.wait()
        return frame


async def _with_a_call(scene: Stage) -> None:
    config = scene.switch.config
    assert "no calls in progress" in await payphone("live", config=config)  # a pipe: once
    assert await payphone("live", "--once", "--json", config=config) == ""
    call, _ = await scene.talk()
    told = (await payphone("live", "--once", config=config)).splitlines()
    assert max(map(len, told)) <= 80
    assert re.fullmatch(r" +0:\d\d  talking 0:\d\d  \+12125550199  \+18005550100  quotes     east +(-|25\.00)", told[-1])
    (view,) = map(json.loads, (await payphone("live", "--once", "--json", "--line", "east", config=config)).splitlines())
    assert (view["state"], view["lines"], view["advertiser"]) == ("talking", ["east"], "acme")
    assert "no call in progress is --campaign x" in await payphone("live", "--once", "--campaign", "x", config=config)
    for words, why in (
        (("--line", "weast"), "has no line weast"),
        (("--advertiser", "acne"), "has no advertiser acne"),
        (("--state", "asleep"), "no call is ever in a state asleep; there are routing,"),
    ):
        assert why in " ".join((await payphone("live", *words, config=config, exit_code=1)).split())
    call.hang_up()
    await call.until_over()


def test_scripts_and_terminals_see_the_same_and_a_death_of_the_switch_is_told(tmp_path: Path) -> None:
    async def play() -> None:
        async with stage(tmp_path) as scene:
            await _with_a_call(scene)
            async with Terminal(scene.switch.config) as terminal:
                await terminal.until(lambda frame: "no calls in progress" in frame)
                await scene.talk()
                frame = await terminal.until(lambda frame: "talking" in frame)
                assert "1 call: 1 talking" in frame
                scene.switch.signal(signal.SIGKILL)
                frame = await terminal.until(lambda frame: "since" in frame)
                assert "talking" not in frame
                await scene.switch.ended()
                await scene.switch.start()
                await terminal.until(lambda frame: "no calls in progress" in frame)
                terminal.process.send_signal(signal.SIGINT)
                assert await asyncio.wait_for(terminal.process.wait(), PATIENCE_S) == 0
                assert terminal.raw.startswith(b"\x1b[?1049h")
                await terminal.until(lambda _: b"\x1b[?1049l" in terminal.raw)  # the terminal is as it was

    asyncio.run(play())


def test_without_a_switch_there_is_nothing_to_see(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "switch.yaml").write_text("switch: {data: ../var}\n")

    async def play() -> None:
        for command in ("live", "caps"):
            told = " ".join((await payphone(command, config=config, exit_code=1)).split())
            assert "no switch is running with its data in" in told
            assert "payphone run" in told

    asyncio.run(play())


def test_caps_of_a_real_switch(tmp_path: Path) -> None:
    async def play() -> None:
        async with stage(tmp_path) as scene:
            config = scene.switch.config
            assert await payphone("caps", config=config) == "there are no caps\n"
            text = (config / "config.yaml").read_text()
            limited = text.replace('east: {uri: "', 'east: {cap: 4, caps: [{per: day, limit: 1000}], uri: "')
            (config / "config.new").write_text(limited)
            (config / "config.new").rename(config / "config.yaml")
            await scene.switch.until("config reloaded")
            await scene.talk()
            rows = [line.split() for line in (await payphone("caps", config=config)).splitlines() if line.startswith("line:")]
            assert [row[:5] for row in rows] == [
                ["line:east", "attempts", "at", "once", "1/4"],
                ["line:east", "attempts", "a", "day", "1/1000"],
            ]
            assert [row[-1] == "-" for row in rows] == [True, False]
            only = (await payphone("caps", "--full", "25", "--json", config=config)).splitlines()
            assert [json.loads(line)["key"] for line in only] == ["line:east"]
            assert await payphone("caps", "--full", "26", config=config) == "no cap is 26 % full\n"
            with connected(config / "data") as switch:
                command = LimitCap(id=1, key="line:east", limit=2, actor="cli:anna", reason="test")
                await asyncio.to_thread(switch.ask, command, Overridden)
            (row,) = [
                line.split()
                for line in (await payphone("caps", "--full", "50", config=config)).splitlines()
                if line.startswith("line:")
            ]
            assert (row[4], row[-1]) == ("1/2", "cli:anna")
            assert "has no cap of weast" in await payphone("caps", "--owner", "weast", config=config, exit_code=1)

    asyncio.run(play())
