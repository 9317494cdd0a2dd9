"""How long the API waits, and how much it reads and keeps: at the limit and one past it. Real sockets, simulated time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
from posting_world import ACME, PostingWorld, on_any_port
from simulated_time import advance, elapsed_s, in_simulated_time
from starlette.types import Message, Receive, Scope, Send

from switch.api.kept_terms import KeptTerms
from switch.api.middleware import AuthMiddleware
from switch.api.server import ApiServer
from switch.deployment import Api, token_of

JUST_S = 0.001
TICK_S = 0.1
"""uvicorn looks that often whether it is to stop."""
HEAD = f"GET /v1/nothing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ACME}\r\n"
REST = b"\r\n\r\n"

Use = Callable[[ApiServer, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def served(world: PostingWorld, use: Use) -> None:
    """One connection to the API."""

    async def scene() -> None:
        server = ApiServer(on_any_port(world.deployment))
        await server.start()
        reader, writer = await asyncio.open_connection(*server.address)
        try:
            await use(server, reader, writer)
        finally:
            writer.close()
            await server.close()

    in_simulated_time(scene())


def status_of(answer: bytes) -> int:
    return int(answer.split()[1])


@pytest.mark.parametrize(("rest_s", "status"), [(10 - JUST_S, 404), (10 + JUST_S, 408)])
def test_a_head_has_10_s_to_arrive(world: PostingWorld, rest_s: float, status: int) -> None:
    async def use(_: ApiServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.encode())
        asyncio.get_running_loop().call_later(rest_s, writer.write, b"Connection: close" + REST)
        answer = await reader.read()
        assert (status_of(answer), b"urn:payphone:too_slow" in answer) == (status, status == 408)

    served(world, use)


def test_a_connection_that_says_nothing_is_closed_after_10_s(world: PostingWorld) -> None:
    async def use(_: ApiServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun_s = asyncio.get_running_loop().time()
        assert await reader.read() == b""
        assert elapsed_s(begun_s) == pytest.approx(10, abs=TICK_S)

    served(world, use)


@pytest.mark.parametrize(("rest_s", "status"), [(10 - JUST_S, 204), (10 + JUST_S, 408)])
def test_a_body_has_10_s_to_arrive(rest_s: float, status: int) -> None:
    said: list[Message] = []

    async def application(_: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == b"{}"
        await send({"type": "http.response.start", "status": 204})

    async def receive() -> Message:
        await advance(rest_s)
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Message) -> None:
        said.append(message)

    api = Api(listen=("127.0.0.1", 0), tokens={"acme": token_of(ACME)})
    scope = {"type": "http", "path": "/v1/balance", "headers": [(b"authorization", f"Bearer {ACME}".encode())]}
    in_simulated_time(AuthMiddleware(application, api=lambda: api)(scope, receive, send))
    assert said[0]["status"] == status


def test_a_request_in_progress_has_3_s_when_the_server_stops(world: PostingWorld) -> None:
    async def use(server: ApiServer, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{HEAD}Content-Length: 2\r\n\r\n{{".encode())
        await advance(1)
        begun_s = asyncio.get_running_loop().time()
        await server.close()
        assert 3 <= elapsed_s(begun_s) < 4

    served(world, use)


@pytest.mark.parametrize(("length", "status"), [(16_384, 404), (16_385, 400)])
def test_the_longest_head(world: PostingWorld, length: int, status: int) -> None:
    async def use(_: ApiServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{HEAD}Connection: close\r\nX: ".encode().ljust(length, b"x"))
        await advance(1)
        writer.write(REST)
        assert status_of(await reader.read()) == status

    served(world, use)


def test_the_terms_of_16_configs_are_kept_and_then_the_oldest_are_read_again(world: PostingWorld) -> None:
    read: list[str] = []

    def files_of(version: str) -> Mapping[str, str]:
        read.append(version)
        return world.loaded.files

    terms = KeptTerms(files_of=files_of, present=lambda: world.deployment.plan)
    versions = [f"v{number}" for number in range(17)]
    for version in [*versions[:16], *versions[:16]]:
        assert terms.of(version).kept
    assert read == versions[:16]
    terms.of(versions[16])
    terms.of(versions[1])
    assert read == versions
    terms.of(versions[0])
    assert read == [*versions, versions[0]]
