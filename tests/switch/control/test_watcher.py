"""A watcher beside a switch: it follows, sees a restart through, asks again at a gap, and says what is the matter."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from engine_world import EAST, World, line, plan
from running_switch import stage

import switch.control.watcher as module
from switch.control.messages import VERSION, Changes, Hello, LiveStatus, Snapshot, encode
from switch.control.server import SOCKET_NAME
from switch.control.watcher import Changed, Event, LiveState, Lost, Replaced, Watcher
from switch.engine.live_view import LiveCallView, view_of

AnyEvent = TypeVar("AnyEvent", Changed, Lost, Replaced)
PATIENCE_S = 60.0
STATUS = LiveStatus(state="running", config="c1", overloaded=False, lag_ms=0, started_us=1)


def view(call_id: str = "a", *, began_us: int = 1, state: str = "talking") -> LiveCallView:
    world = World(plan(line("east", EAST)))
    world.call()
    world.run(20)
    (live,) = world.engine._calls
    return msgspec.structs.replace(view_of(live), call_id=call_id, began_us=began_us, state=state)


async def until(
    events: AsyncGenerator[Event, None], kind: type[AnyEvent], is_it: Callable[[AnyEvent], bool] = lambda _: True
) -> AnyEvent:
    """The next event of a kind that is the one."""
    async with asyncio.timeout(PATIENCE_S):
        async for event in events:
            if isinstance(event, kind) and is_it(event):
                return event
    raise AssertionError("events do not end")


def bounded(play: Callable[[], Awaitable[None]], *, patience_s: float = PATIENCE_S) -> None:
    async def within() -> None:
        async with asyncio.timeout(patience_s):
            await play()

    asyncio.run(within())


def test_state_takes_snapshots_and_changes_in_their_order_only() -> None:
    state = LiveState()
    assert not state.apply(Changes(revision=1, calls=(view("a"),)))
    assert state.replace(Snapshot(revision=4, status=STATUS, calls=(view("b", began_us=2), view("a")))) == 0
    assert list(state.calls) == ["a", "b"]
    assert not state.apply(Changes(revision=4, ended=("a",)))
    assert not state.apply(Changes(revision=6, ended=("a",)))
    assert list(state.calls) == ["a", "b"]
    assert state.apply(
        Changes(revision=5, ended=("a", "never"), calls=(view("c"),), status=msgspec.structs.replace(STATUS, lag_ms=7))
    )
    assert (list(state.calls), state.status and state.status.lag_ms) == (["b", "c"], 7)
    repaired = state.replace(Snapshot(revision=5, status=STATUS, calls=(view("c", state="menu"), view("d"))))
    assert (repaired, state.repaired) == (3, 3)
    state.clear()
    assert (state.calls, state.status, state.repaired) == ({}, None, 3)


class Scripted:
    """A switch that sends what the test says. `asked`: what clients sent, a list for each connection."""

    def __init__(self, data: Path) -> None:
        self._path = data / SOCKET_NAME
        self.asked: list[list[bytes]] = []
        self.connections: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        self.news = asyncio.Event()

    async def __aenter__(self) -> "Scripted":
        self._server = await asyncio.start_unix_server(self._connected, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked: list[bytes] = []
        self.asked.append(asked)
        self.connections.put_nowait(writer)
        with suppress(ConnectionError):
            while sent := await reader.readline():
                asked.append(sent)
                self.news.set()

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.asked[-1]) < times:
                self.news.clear()
                await self.news.wait()


def sent(writer: asyncio.StreamWriter, *messages: Hello | Snapshot | Changes | bytes) -> None:
    for message in messages:
        writer.write((message if isinstance(message, bytes) else encode(message)) + b"\n")


HELLO = Hello(version=VERSION, pid=7, config="c1")


def test_a_gap_asks_for_a_new_snapshot_and_what_is_unknown_is_passed_over(tmp_path: Path) -> None:
    async def play() -> None:
        async with Scripted(tmp_path) as switch, aclosing(Watcher(tmp_path).events()) as events:
            coming = asyncio.ensure_future(anext(events))
            writer = await switch.connections.get()
            sent(writer, HELLO, b'{"type":"Weather","id":0}', Snapshot(id=1, revision=1, status=STATUS))
            assert isinstance(await coming, Replaced)
            sent(writer, Changes(id=1, revision=3, calls=(view(),)))
            coming = asyncio.ensure_future(anext(events))
            await switch.until_asked(2)
            assert not coming.done()
            sent(writer, Snapshot(id=1, revision=3, status=STATUS, calls=(view(),)))
            event = await coming
            assert isinstance(event, Replaced)
            assert event.repaired == 1
            writer.close()

    bounded(play)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ((msgspec.structs.replace(HELLO, version=VERSION + 1),), f"it speaks version {VERSION + 1} of control"),
        ((HELLO, b'{"type":"Failed","id":1,"why":"not today"}'), "not today"),
        ((HELLO, b'{"type":"Changes","id":1}'), "can't be watched: Object missing required field `revision`"),
        ((HELLO, b"nonsense"), "can't be watched"),
        ((HELLO,), "has closed the connection"),
    ],
    ids=["version", "failed", "malformed", "nonsense", "closed"],
)
def test_what_is_the_matter_is_said_once_until_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, messages: tuple[Hello | bytes, ...], why: str
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.0)

    async def play() -> None:
        watcher = Watcher(tmp_path)
        async with Scripted(tmp_path) as switch, aclosing(watcher.events()) as events:
            coming = asyncio.ensure_future(anext(events))
            for number in range(3):
                writer = await switch.connections.get()
                sent(writer, *messages)
                writer.close()
                if number == 0:
                    event = await coming
                    assert isinstance(event, Lost)
                    assert why in event.why
                    coming = asyncio.ensure_future(anext(events))
            writer = await switch.connections.get()
            sent(writer, HELLO, Snapshot(id=1, revision=1, status=STATUS, calls=(view(),)))
            assert isinstance(await coming, Replaced)
            writer.close()
            assert isinstance(await anext(events), Lost)
            assert watcher.state.calls == {}

    bounded(play)


def test_a_switch_that_says_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 0.05)

    async def play() -> None:
        async with Scripted(tmp_path), aclosing(Watcher(tmp_path).events()) as events:
            assert (await until(events, Lost)).why == "the switch has said nothing for 0.05 s"

    bounded(play)


def test_a_real_switch_a_call_comes_and_goes_and_a_restart_is_survived(tmp_path: Path) -> None:
    async def play() -> None:
        async with stage(tmp_path) as scene:
            watcher = Watcher(scene.switch.config / "data")
            async with aclosing(watcher.events()) as events:
                await until(events, Replaced)
                assert watcher.state.status is not None
                assert watcher.hello is not None
                assert watcher.hello.pid == scene.switch.process.pid
                call, _ = await scene.talk()
                await until(events, Changed, lambda event: any(each.state == "talking" for each in event.changes.calls))
                (live,) = watcher.state.calls.values()
                assert (live.lines, live.trunk) == (("east",), "carrier")
                call.hang_up()
                await until(events, Changed, lambda event: event.changes.ended == (live.call_id,))
                assert watcher.state.calls == {}
                scene.switch.signal(signal.SIGKILL)
                await until(events, Lost)
                assert watcher.state.status is None
                await scene.switch.ended()
                await scene.switch.start()
                await until(events, Replaced)
                assert watcher.hello.pid == scene.switch.process.pid
                await scene.talk()
                await until(events, Changed, lambda event: bool(event.changes.calls))
                assert watcher.state.repaired == 0

    bounded(play, patience_s=4 * PATIENCE_S)  # two starts of a switch
