"""Connections and requests at their limits, on real sockets: silence shuts nobody out, and 64 requests are worked on at a time."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import Any

import pytest
from posting_world import ACME, PostingWorld, on_any_port

from switch.api import connections
from switch.api.server import ApiServer

LONG_S = 60
"""How long anything is waited for, at most."""
HEAD = f"Host: x\r\nAuthorization: Bearer {ACME}\r\n"
POST = f"POST /v1/calls/a/postbacks HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
BALANCE = f"GET /v1/balance HTTP/1.1\r\n{HEAD}\r\n".encode()


def posting(key: str) -> bytes:
    body = json.dumps({"key": key})
    return f"{POST}Content-Length: {len(body)}\r\n\r\n{body}".encode()


class Client:
    """One TCP connection to the API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of the next answer."""
        async with asyncio.timeout(LONG_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            told: dict[str, Any] = json.loads(await self._reader.readexactly(length))
            return int(head.split()[1]), told

    async def asked(self, data: bytes) -> int:
        """The status of what is answered to `data`."""
        self.send(data)
        return (await self.answer())[0]

    async def closed(self) -> bytes:
        """What comes until the other end closes."""
        async with asyncio.timeout(LONG_S):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""

    @property
    def is_open(self) -> bool:
        return not self._reader.at_eof()


Connect = Callable[[], Awaitable[Client]]


@asynccontextmanager
async def serving(world: PostingWorld) -> AsyncIterator[Connect]:
    """Gives a function that connects."""
    server = ApiServer(on_any_port(world.deployment))
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.close)

        async def connect() -> Client:
            reader, writer = await asyncio.open_connection(*server.address)
            stack.callback(writer.close)
            return Client(reader, writer)

        yield connect


def run(world: PostingWorld, use: Callable[[Connect], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with serving(world) as connect:
            await use(connect)

    asyncio.run(whole())


def test_silent_connections_keep_nobody_out(world: PostingWorld) -> None:
    async def use(connect: Connect) -> None:
        silent = [await connect() for _ in range(255)]
        assert await (await connect()).asked(BALANCE) == 200
        assert all(client.is_open for client in silent)

    run(world, use)


def test_one_connection_too_many_closes_the_one_that_waited_longest(world: PostingWorld) -> None:
    async def use(connect: Connect) -> None:
        first, second = await connect(), await connect()
        assert await first.asked(BALANCE) == 200  # from now on it has waited less long than the second
        rest = [await connect() for _ in range(254)]
        assert await first.asked(BALANCE) == 200
        assert await (await connect()).asked(BALANCE) == 200
        assert await second.closed() == b""
        assert await first.asked(BALANCE) == 200
        assert all([await client.asked(BALANCE) == 200 for client in rest])

    run(world, use)


def test_neither_an_answer_nor_bytes_that_trickle_in_gain_more_time(world: PostingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.3)

    async def use(connect: Connect) -> None:
        client = await connect()
        assert await client.asked(BALANCE) == 200
        monkeypatch.setattr(connections, "HEAD_S", 10 * LONG_S)  # for a timer that would be started anew
        client.send(b"GET /v1/bal")
        status, told = await client.answer()
        assert (status, told["type"]) == (408, "urn:payphone:too_slow")

    run(world, use)


def test_so_many_requests_are_worked_on_and_one_more_is_not(world: PostingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes to the ledger: postings wait until it has done."""
    monkeypatch.setattr("switch.ledger.database.BUSY_S", LONG_S)
    world.over("a", ("east", 120_000), campaign="sales")

    async def use(connect: Connect) -> None:
        clients = [await connect() for _ in range(65)]
        with closing(sqlite3.connect(world.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for number, client in enumerate(clients):
                client.send(posting(f"k{number}"))
            answers = [asyncio.ensure_future(client.answer()) for client in clients]
            refused, waiting = await asyncio.wait(answers, timeout=LONG_S, return_when=asyncio.FIRST_COMPLETED)
            other.execute("ROLLBACK")
            assert [(status, told["type"]) for status, told in (each.result() for each in refused)] == [(503, "urn:payphone:busy")]
            assert [status for status, _ in await asyncio.gather(*waiting)] == [200] * 64
        assert await clients[0].asked(posting("later")) == 200

    run(world, use)


def test_bodies_that_do_not_come_take_no_place(world: PostingWorld) -> None:
    async def use(connect: Connect) -> None:
        for _ in range(65):
            (await connect()).send(posting("k")[:-1])
        assert await (await connect()).asked(BALANCE) == 200

    run(world, use)


@pytest.mark.parametrize(("length", "status"), [(16_384, 400), (16_385, 413)])
def test_the_largest_body(world: PostingWorld, length: int, status: int) -> None:
    async def use(connect: Connect) -> None:
        head = f"{POST}Content-Length: {length}\r\n\r\n"
        assert await (await connect()).asked(head.encode() + b" " * length) == status

    run(world, use)


@pytest.mark.parametrize(
    "sent",
    [
        b"HELLO\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 16_384,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_in_our_words(world: PostingWorld, sent: bytes) -> None:
    async def use(connect: Connect) -> None:
        client = await connect()
        client.send(sent)
        status, told = await client.answer()
        assert (status, told["type"]) == (400, "urn:payphone:not_http")
        assert await client.closed() == b""

    run(world, use)
