"""The API on a real socket, beside whatever else the event loop has to do."""

import asyncio
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import httpx
import pytest
from posting_world import ACME, PostingWorld, on_any_port

from switch.api.server import ApiServer
from switch.deployment import Api

BEARER = {"Authorization": f"Bearer {ACME}"}


@asynccontextmanager
async def served(world: PostingWorld) -> AsyncIterator[tuple[ApiServer, httpx.AsyncClient]]:
    server = ApiServer(on_any_port(world.deployment))
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.address[1]}") as client:
            yield server, client
    finally:
        await server.close()


def test_it_answers_until_it_is_closed(world: PostingWorld) -> None:
    world.over("a", ("east", 120_000), campaign="sales")

    async def use() -> int:
        async with served(world) as (server, client):
            posted = await client.post("/v1/calls/a/postbacks", json={"key": "k1"}, headers=BEARER)
            assert posted.status_code == 200, posted.text
            assert "server" not in posted.headers
        with closing(socket.socket()) as probe:
            return probe.connect_ex(server.address)

    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert asyncio.run(use()) != 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert world.owed("a") == 40_000_000


def test_signals_stay_those_of_its_host(world: PostingWorld) -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def use() -> bool:
        async with served(world):
            return signal.getsignal(signal.SIGTERM) is before

    assert asyncio.run(use())


def test_an_address_in_use_is_an_error_of_its_start(world: PostingWorld) -> None:
    async def use() -> None:
        async with served(world) as (server, _):
            taken = replace(world.deployment.switch, api=Api(listen=server.address, tokens={}))
            other = ApiServer(replace(world.deployment, switch=taken))
            with pytest.raises(OSError, match="in use"):
                await other.start()
            await other.close()

    asyncio.run(use())


def test_a_reloaded_config_brings_its_tokens(world: PostingWorld) -> None:
    async def use() -> list[int]:
        async with served(world) as (server, client):
            codes = [(await client.get("/v1/balance", headers=BEARER)).status_code]
            server.reload(replace(world.deployment, switch=replace(world.deployment.switch, api=None)))
            codes.append((await client.get("/v1/balance", headers=BEARER)).status_code)
            server.reload(world.deployment)
            codes.append((await client.get("/v1/balance", headers=BEARER)).status_code)
            return codes

    assert asyncio.run(use()) == [200, 401, 200]


def test_the_loop_goes_on_while_the_ledger_is_busy(world: PostingWorld) -> None:
    """Another process is writing: the posting waits in its thread, everybody else is served."""
    world.over("a", ("east", 120_000), campaign="sales")

    async def use() -> None:
        async with served(world) as (_, client):
            with closing(sqlite3.connect(world.path, isolation_level=None, check_same_thread=False)) as other:
                other.execute("BEGIN IMMEDIATE")
                posting = asyncio.create_task(client.post("/v1/calls/a/postbacks", json={"key": "k1"}, headers=BEARER))
                assert (await client.get("/v1/calls/a", headers=BEARER)).json()["revenue"] == []
                assert not posting.done()
                other.execute("ROLLBACK")
                assert (await posting).status_code == 200

    asyncio.run(use())


def test_a_ledger_that_can_not_be_written_is_told(world: PostingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.ledger.database.BUSY_S", 0.01)
    world.over("a", ("east", 120_000), campaign="sales")

    async def use() -> httpx.Response:
        async with served(world) as (_, client):
            with closing(sqlite3.connect(world.path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                return await client.post("/v1/calls/a/postbacks", json={"key": "k1"}, headers=BEARER)

    response = asyncio.run(use())
    assert (response.status_code, response.json()["type"]) == (503, "urn:payphone:ledger_unavailable")
    assert world.owed("a") == 0
