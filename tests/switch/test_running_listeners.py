"""Listening in to calls of the real process."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from child_process import mortal
from recorder_client import read_wav
from running_switch import Stage, stage
from typer.testing import CliRunner

from media.dsp.g711 import PCMU, SAMPLE_RATE, decode
from media.dsp.levels import tone_share
from switch.cli.common import app
from switch.control.client import ControlError
from switch.control.watcher import Replaced, Watcher
from switch.engine.eavesdropping import MAX_LISTENERS
from switch.web.listening import ListeningRoom

PATIENCE_S = 60.0
SECOND = SAMPLE_RATE


class Listened:
    """A call in talk, and what is known of it."""

    def __init__(self, on: Stage, room: ListeningRoom, watcher: Watcher, call_id: str) -> None:
        self.on = on
        self.room = room
        self.call_id = call_id
        self._watcher = watcher
        self.muted = False

    def is_muted(self) -> bool | None:
        return self.muted if self.call_id in self._watcher.state.calls else None

    def listen(self) -> AsyncGenerator[bytes, None]:
        return self.room.listen(self.call_id, actor="cli:ann", is_muted=self.is_muted)

    async def until_hears(self, stream: AsyncIterator[bytes], *hz: float) -> int:
        """Returns after how many samples the latest half second has these tones, and no other."""
        heard = b""
        async for part in stream:
            heard += part
            latest = decode(heard[-SECOND // 2 :], PCMU)
            if len(latest) == SECOND // 2 and sum(tone_share(latest, each) for each in hz) > 0.9:
                return len(heard)
        raise AssertionError(f"never heard {hz}")


def played(folder: Path, scene: Callable[[Listened], Awaitable[None]]) -> None:
    async def play() -> None:
        async with stage(folder) as on, asyncio.timeout(PATIENCE_S):
            data = on.switch.config / "data"
            room, watcher = ListeningRoom(data), Watcher(data)
            call, _ = await on.talk()
            async with aclosing(watcher.events()) as events:
                async for event in events:
                    if isinstance(event, Replaced):
                        break
                follow = asyncio.create_task(_follow(events))
                room.open()
                try:
                    (call_id,) = watcher.state.calls
                    await scene(Listened(on, room, watcher, call_id))
                finally:
                    room.close()
                    follow.cancel()
                    await asyncio.gather(follow, return_exceptions=True)
            call.hang_up()
            (record,) = await on.switch.records(1)
            assert record["final_state"] in {"converted", "connected_short"}

    asyncio.run(play())


async def _follow(events: AsyncIterator[object]) -> None:
    async for _ in events:
        pass


def test_both_sides_are_heard_within_a_second(tmp_path: Path) -> None:
    async def scene(call: Listened) -> None:
        async with aclosing(call.listen()) as stream:
            samples = await call.until_hears(stream, call.on.caller.hz, call.on.line.hz)
        assert samples <= SECOND + SECOND // 2, "half a second of what is looked at is behind it"

    played(tmp_path, scene)


def test_the_stream_ends_with_the_call(tmp_path: Path) -> None:
    async def scene(call: Listened) -> None:
        async with aclosing(call.listen()) as stream:
            await call.until_hears(stream, call.on.caller.hz, call.on.line.hz)
            call.on.caller.hang_up()
            async for _ in stream:
                pass

    played(tmp_path, scene)


def test_while_it_is_muted_nothing_is_heard(tmp_path: Path) -> None:
    async def scene(call: Listened) -> None:
        async with aclosing(call.listen()) as stream:
            await call.until_hears(stream, call.on.caller.hz, call.on.line.hz)
            call.muted = True
            heard = b""
            async for part in stream:
                heard += part
                if len(heard) >= SECOND:
                    break
            assert not decode(heard[-SECOND // 2 :], PCMU).any()
            call.muted = False
            await call.until_hears(stream, call.on.caller.hz, call.on.line.hz)

    played(tmp_path, scene)


def test_who_leaves_makes_room_for_another(tmp_path: Path) -> None:
    async def scene(call: Listened) -> None:
        streams = [call.listen() for _ in range(MAX_LISTENERS)]
        for stream in streams:
            await anext(stream)
        with pytest.raises(ControlError, match=f"{MAX_LISTENERS} others listen to this call already"):
            await anext(call.listen())
        for each in streams:
            await each.aclose()
        async with aclosing(await _admitted(call)) as stream:
            await call.until_hears(stream, call.on.caller.hz, call.on.line.hz)

    played(tmp_path, scene)


def test_a_call_that_nobody_has_is_not_listened_to(tmp_path: Path) -> None:
    async def scene(call: Listened) -> None:
        with pytest.raises(ControlError, match="no call nobody is in progress"):
            await anext(call.room.listen("nobody", actor="cli:ann", is_muted=lambda: False))

    played(tmp_path, scene)


def test_the_command_writes_what_it_hears(tmp_path: Path) -> None:
    async def scene(call: Listened) -> None:
        out = tmp_path / "heard.wav"
        to_file = await listening_command(call, "--to", str(out))
        to_pipe = await listening_command(call)
        heard = b""
        while len(heard) < 2 * SECOND:
            assert to_pipe.stdout is not None
            heard += await to_pipe.stdout.read(SECOND)
        call.on.caller.hang_up()
        rest, _ = await to_pipe.communicate()
        said, _ = await to_file.communicate()
        assert (to_pipe.returncode, to_file.returncode, said.decode().split()) == (0, 0, ["written:", str(out)])
        tones = (call.on.caller.hz, call.on.line.hz)
        piped = decode(heard + rest, PCMU)[SECOND : 2 * SECOND]
        written = read_wav(out)[SECOND : 2 * SECOND, 0]
        for samples in (piped, written):
            assert [tone_share(samples, hz) > 0.4 for hz in tones] == [True, True]

    played(tmp_path, scene)


async def listening_command(call: Listened, *options: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "switch.cli", "listen", call.call_id[:12], "--config", str(call.on.switch.config), *options]
    return await asyncio.create_subprocess_exec(*mortal(command), stdout=asyncio.subprocess.PIPE)


def test_what_can_not_be_listened_to_is_said(tmp_path: Path) -> None:
    async def scene(call: Listened) -> None:
        config = str(call.on.switch.config)
        for words, why in (
            (["nobody"], "no call nobody is in progress"),
            ([call.call_id, "--to", "call.mp3"], "a file whose name ends with .wav"),
        ):
            done = await asyncio.to_thread(CliRunner().invoke, app, ["listen", *words, "--config", config])
            assert (done.exit_code, why in done.output) == (1, True), done.output

    played(tmp_path, scene)


async def _admitted(call: Listened) -> AsyncGenerator[bytes, None]:
    """Returns a stream that has begun: the switch sees a moment later that others have left."""
    while True:
        stream = call.listen()
        try:
            await anext(stream)
        except ControlError:
            continue
        return stream
