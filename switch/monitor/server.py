"""Serves /metrics, /healthz and /readyz over HTTP. What they say is made elsewhere."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from switch.monitor.health import Answer

BACKLOG = 64
MAX_CONNECTIONS = 64
CLOSE_S = 2


class MonitorServer:
    """`metrics()`: the text; `lives()`, `ready()`: answers."""

    def __init__(
        self, *, metrics: Callable[[], bytes], lives: Callable[[], Awaitable[Answer]], ready: Callable[[], Awaitable[Answer]]
    ) -> None:
        async def scrape(_: Request) -> Response:
            return Response(metrics(), media_type=CONTENT_TYPE_LATEST)

        async def health(_: Request) -> Response:
            return _response(await lives())

        async def readiness(_: Request) -> Response:
            return _response(await ready())

        routes = [Route("/metrics", scrape), Route("/healthz", health), Route("/readyz", readiness)]
        self._app = Starlette(routes=routes)
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        return self._serving is not None and not self._serving.done()

    async def start(self, address: tuple[str, int]) -> None:
        """Raises OSError (address in use)."""
        listener = _listening(address)
        config = uvicorn.Config(
            self._app,
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=CLOSE_S,
        )
        self._server = _Server(config)
        self._serving = asyncio.get_running_loop().create_task(self._server.serve([listener]))
        await self._server.up.wait()

    async def close(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving


def _response(answer: Answer) -> Response:
    return JSONResponse(answer.body, status_code=answer.code, headers={"Cache-Control": "no-store"})


def _listening(address: tuple[str, int]) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the switch says when this process ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
