"""How many requests the API takes at a time: at the limit and one past it."""

import asyncio
from contextlib import AsyncExitStack, closing
from dataclasses import replace

import pytest
from posting_world import ACME, PostingWorld

from switch.api.server import MAX_REQUESTS, ApiServer
from switch.settings.plan import Api

HEAD = f"POST /v1/calls/a/postbacks HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {ACME}\r\nContent-Length: 12\r\n\r\n"
HEALTH = "GET /v1/health HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"


async def status_beside(address: tuple[str, int], *, others: int) -> int:
    """The status of a request while `others` have begun and not ended theirs."""
    async with AsyncExitStack() as held:
        for _ in range(others):
            reader, writer = await asyncio.open_connection(*address)
            held.enter_context(closing(writer))
            writer.write(HEAD.encode())
            await writer.drain()
        reader, writer = await asyncio.open_connection(*address)
        held.enter_context(closing(writer))
        writer.write(HEALTH.encode())
        return int((await reader.readline()).split()[1])


@pytest.mark.parametrize(("others", "status"), [(MAX_REQUESTS - 1, 200), (MAX_REQUESTS, 503)])
def test_so_many_requests_are_served_at_a_time(world: PostingWorld, others: int, status: int) -> None:
    async def scene() -> int:
        api = world.deployment.switch.api
        assert api is not None
        listening = replace(world.deployment.switch, api=Api(listen=("127.0.0.1", 0), tokens=api.tokens))
        server = ApiServer(replace(world.deployment, switch=listening))
        await server.start()
        try:
            return await status_beside(server.address, others=others)
        finally:
            await server.close()

    assert asyncio.run(scene()) == status
