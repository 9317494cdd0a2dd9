"""The control socket: commands and replies, who may open it, and clients that are slow, dead, malformed or too many."""

import asyncio
import json
import socket
import stat
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import msgspec
import pytest
from engine_world import EAST, World, line, plan

import switch.control.client as client_module
from switch.call.moment import Moment
from switch.control.client import ControlError, NotRunning, connected
from switch.control.messages import (
    MAX_COMMAND_BYTES,
    VERSION,
    Changes,
    Command,
    Drain,
    Eavesdrop,
    Eavesdropping,
    Failed,
    GetStatistics,
    GetStatus,
    Hello,
    Reply,
    Snapshot,
    Statistics,
    Status,
    Watch,
    decode_command,
    decode_reply,
    encode,
)
from switch.control.publisher import Publisher
from switch.control.server import MAX_CLIENTS, SOCKET_NAME, ControlServer
from switch.control.watcher import LiveState
from switch.engine.clock import SystemClock


class WorldClock:
    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> Moment:
        return self._world.at()


STATUS = Status(id=1, state="running", since_us=0, calls=3, config="c1", overloaded=False, lag_ms=0)
PATIENCE_S = 30.0


def served(
    data: Path,
    scene: Callable[[], Awaitable[None]],
    *,
    watched: Publisher | None = None,
    version: int = VERSION,
    big: int = 0,
    stop_listening: Callable[[int], None] = lambda _: None,
) -> None:
    taps = count(1)

    def carry_out(command: Command) -> Reply:
        match command:
            case GetStatus(id=number):
                return msgspec.structs.replace(STATUS, id=number)
            case GetStatistics(id=number):
                return Statistics(id=number, counts={"stranger": {"x" * big: 1}})
            case Eavesdrop(id=number, call_id=call_id):
                return Eavesdropping(id=number, call_id=call_id, tap=next(taps))
            case _:
                return Failed(id=command.id, why="not today")

    async def play() -> None:
        world = World(plan(line("east", EAST)))
        publisher = watched or Publisher(world.engine, started_us=0, ends_us=lambda: None, clock=SystemClock())
        hello = Hello(version=version, pid=7, config="c1")
        server = ControlServer(data, hello=lambda: hello, carry_out=carry_out, publisher=publisher, stop_listening=stop_listening)
        await server.open()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await scene()
        finally:
            await server.close()
        assert not (data / SOCKET_NAME).exists()

    asyncio.run(play())


def ask(data: Path) -> Status:
    with connected(data) as client:
        return client.ask(GetStatus(id=1), Status)


async def until_closed(slow: socket.socket) -> None:
    """Sends commands until the switch has closed the connection."""
    try:
        while True:
            await asyncio.get_running_loop().sock_sendall(slow, encode(GetStatistics(id=1)) + b"\n")
    except (BrokenPipeError, ConnectionResetError):
        return


async def opened(data: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that has been greeted."""
    reader, writer = await asyncio.open_unix_connection(data / SOCKET_NAME)
    assert json.loads(await reader.readline()) == {"type": "Hello", "id": 0, "version": VERSION, "pid": 7, "config": "c1"}
    return reader, writer


def test_a_command_gets_its_reply_and_only_the_owner_may_ask(tmp_path: Path) -> None:
    async def scene() -> None:
        assert stat.S_IMODE((tmp_path / SOCKET_NAME).stat().st_mode) == 0o600
        assert await asyncio.to_thread(ask, tmp_path) == STATUS

    served(tmp_path, scene)


def test_the_socket_of_a_dead_switch_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET_NAME))

    async def scene() -> None:
        assert await asyncio.to_thread(ask, tmp_path) == STATUS

    with pytest.raises(NotRunning):
        ask(tmp_path)
    served(tmp_path, scene)


def test_replies_come_in_the_order_of_commands_with_their_ids(tmp_path: Path) -> None:
    async def scene() -> None:
        reader, writer = await opened(tmp_path)
        writer.write(b"".join(encode(each) + b"\n" for each in (GetStatus(id=5), Drain(id=6), GetStatus(id=7))))
        replies = [json.loads(await reader.readline()) for _ in range(3)]
        assert [(each["type"], each["id"]) for each in replies] == [("Status", 5), ("Failed", 6), ("Status", 7)]

    served(tmp_path, scene)


@pytest.mark.parametrize(
    "line", [b"\n", b"{}\n", b"nonsense\n", b'{"type": "GetStatus", "id": "x"}\n', b'{"type": "Dance"}\n', b"\xff\n"]
)
def test_what_is_no_command_is_told_and_ends_the_connection(tmp_path: Path, line: bytes) -> None:
    async def scene() -> None:
        reader, writer = await opened(tmp_path)
        writer.write(line + encode(GetStatus(id=1)) + b"\n")
        assert json.loads(await reader.readline())["type"] == "Failed"
        assert await reader.read() == b""
        assert await asyncio.to_thread(ask, tmp_path) == STATUS

    served(tmp_path, scene)


@pytest.mark.parametrize(("over", "replies"), [(0, 1), (1, 0)])
def test_a_line_has_a_limit(tmp_path: Path, over: int, replies: int) -> None:
    async def scene() -> None:
        reader, writer = await opened(tmp_path)
        command = encode(GetStatus(id=1))
        writer.write(command[:-1] + b" " * (MAX_COMMAND_BYTES - len(command) + over) + command[-1:] + b"\n")
        if replies:
            assert json.loads(await reader.readline())["type"] == "Status"
        else:
            assert await reader.read() == b""

    served(tmp_path, scene)


def test_a_client_that_takes_no_reply_is_dropped_and_delays_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.control.server.MAX_REPLY_WAIT_S", 0.05)

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX) as slow:
            slow.setblocking(False)
            await loop.sock_connect(slow, str(tmp_path / SOCKET_NAME))
            await loop.sock_sendall(slow, (encode(GetStatistics(id=1)) + b"\n") * 100)
            assert await asyncio.to_thread(ask, tmp_path) == STATUS
            await until_closed(slow)

    served(tmp_path, scene, big=4_000_000)


def test_there_are_so_many_clients_and_one_that_leaves_makes_room(tmp_path: Path) -> None:
    async def scene() -> None:
        clients = [await opened(tmp_path) for _ in range(MAX_CLIENTS)]
        reader, _ = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME)
        assert await reader.read() == b""
        gone_reader, gone = clients.pop()
        gone.write_eof()
        assert await gone_reader.read() == b""
        await opened(tmp_path)

    served(tmp_path, scene)


def test_another_version_is_told(tmp_path: Path) -> None:
    async def scene() -> None:
        with pytest.raises(ControlError, match=f"version {VERSION + 1} of control"):
            await asyncio.to_thread(ask, tmp_path)

    served(tmp_path, scene, version=VERSION + 1)


def test_a_client_says_what_went_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotRunning, match="no switch is running"):
        ask(tmp_path / "nowhere")

    async def refused() -> None:
        def drain() -> None:
            with connected(tmp_path) as client:
                client.ask(Drain(id=1), Status)

        with pytest.raises(ControlError, match="not today"):
            await asyncio.to_thread(drain)

    served(tmp_path, refused)

    monkeypatch.setattr(client_module, "ANSWER_S", 0.05)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / SOCKET_NAME))
        mute.listen()
        with pytest.raises(ControlError, match="does not answer within"):
            ask(tmp_path)


def test_a_command_has_defaults() -> None:
    assert decode_command(b'{"type": "Drain"}') == Drain(id=0, limit_ms=None)


def test_who_listens_in_does_so_as_long_as_the_connection_lasts(tmp_path: Path) -> None:
    stopped: asyncio.Queue[int] = asyncio.Queue()

    async def scene() -> None:
        one, other = await opened(tmp_path), await opened(tmp_path)
        for reader, writer in (one, one, other):
            writer.write(encode(Eavesdrop(id=5, call_id="c", path="p", actor="cli:ann")) + b"\n")
            assert isinstance(decode_reply(await reader.readline()), Eavesdropping)
        one[1].close()
        assert {await stopped.get(), await stopped.get()} == {1, 2}
        assert stopped.empty()
        other[1].close()
        assert await stopped.get() == 3

    served(tmp_path, scene, stop_listening=stopped.put_nowait)


def test_a_watcher_that_is_stopped_is_dropped_in_the_end_and_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket takes what fits into it; from then on so much is kept for it, and no more."""
    monkeypatch.setattr("switch.control.publisher.MAX_UNSENT_BYTES", 50_000)
    monkeypatch.setattr("switch.control.publisher.PUBLISH_S", 3_600.0)  # the test publishes
    world = World(plan(line("east", EAST, limit=1_000_000)))
    publisher = Publisher(world.engine, started_us=0, ends_us=lambda: None, clock=WorldClock(world))

    async def scene() -> None:
        loop, state = asyncio.get_running_loop(), LiveState()
        with socket.socket(socket.AF_UNIX) as stopped:
            stopped.setblocking(False)
            await loop.sock_connect(stopped, str(tmp_path / SOCKET_NAME))
            await loop.sock_sendall(stopped, encode(Watch(id=1)) + b"\n")
            greeted = b""
            while greeted.count(b"\n") < 2:  # it stops when it has its snapshot
                greeted += await loop.sock_recv(stopped, 1 << 16)
            reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME, limit=1 << 24)
            writer.write(encode(Watch(id=2)) + b"\n")
            assert isinstance(decode_reply(await reader.readline()), Hello)
            snapshot = decode_reply(await reader.readline())
            assert isinstance(snapshot, Snapshot)
            state.replace(snapshot)
            rounds = 0
            while publisher.watchers == 2:
                rounds += 1
                for _ in range(100):
                    world.call(hang_up_ms=30)
                world.run(20)
                publisher.publish(world.at())
                changes = decode_reply(await reader.readline())
                assert isinstance(changes, Changes)
                assert state.apply(changes)
            assert 1 < rounds < 100
            assert len(state.calls) >= 100
            while await loop.sock_recv(stopped, 1 << 16):  # until it is cut off
                pass
        writer.close()

    served(tmp_path, scene, watched=publisher)


def test_a_client_may_ask_and_watch_by_one_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        reader, writer = await opened(tmp_path)
        writer.write(b"".join(encode(each) + b"\n" for each in (Watch(id=5), GetStatus(id=6), Watch(id=7))))
        replies = [json.loads(await reader.readline()) for _ in range(3)]
        assert [(each["type"], each["id"]) for each in replies] == [("Snapshot", 5), ("Status", 6), ("Snapshot", 7)]

    served(tmp_path, scene)
