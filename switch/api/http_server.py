"""Serves an ASGI application on a TCP port of its own, by uvicorn, with connections that are bounded (`switch.api.connections`)."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from switch.api.connections import BoundedProtocol

MAX_HEAD_BYTES = 16 * 1024
BACKLOG = 128
CLOSE_S = 3
"""How long requests in progress may take when the server stops."""


class HttpServer:
    """`address`: what it listens on, with the port that was given to it, where `listen` says 0."""

    def __init__(self, listen: tuple[str, int]) -> None:
        self.address = listen
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, app: ASGIApp) -> None:
        """Starts serving: requests are taken when this returns. Raises OSError (address in use)."""
        listener = _listening(self.address)
        self.address = listener.getsockname()
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=CLOSE_S,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        )
        self._server = _Server(config)
        self._serving = asyncio.get_running_loop().create_task(self._server.serve([listener]))
        await asyncio.wait(
            [self._serving, up := asyncio.ensure_future(self._server.up.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        up.cancel()
        if self._serving.done():
            self._serving.result()

    async def close(self) -> None:
        """Takes no more requests, ends those in progress."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving


def _listening(address: tuple[str, int]) -> socket.socket:
    """Returns the bound socket. It is bound here, so that an address in use is an OSError and not the end of the process."""
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
    """uvicorn without its signal handlers: the process around it handles signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
