"""Serves the API on a port of its own, in an event loop that it shares with the calls. The requests are in `switch.api.app`."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from switch.api.app import create_app
from switch.api.connections import BoundedProtocol
from switch.api.postings import PostingWriter
from switch.api.recording import pause_by
from switch.deployment import Api, Deployment
from switch.engine.clock import Clock, SystemClock
from switch.engine.plan import Plan
from switch.ledger.database import Database, ledger_url
from switch.ledger.store import Ledger

MAX_HEAD_BYTES = 16 * 1024
BACKLOG = 128
CLOSE_S = 3
"""How long requests in progress may take when the server stops."""


class ApiServer:
    """HTTP for what is posted. `deployment` has `switch.api`."""

    def __init__(self, deployment: Deployment, *, clock: Clock | None = None) -> None:
        settings = deployment.switch
        self._deployment = deployment
        self._listen = _api_of(deployment).listen
        self._clock = clock or SystemClock()
        self._database = Database(ledger_url(settings.data, settings.ledger_url))
        self._postings = PostingWriter(Ledger(self._database), plan=self._plan, now_us=self._now_us)
        self._pause = pause_by(settings.data)
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The address it listens on, with the port that was given to it, where the config says 0."""
        return self._listen

    async def start(self) -> None:
        """Starts serving: requests are taken when this returns, with 503 while the ledger is away. Raises OSError (address in use)."""
        listener = _listening(self._listen)
        self._listen = listener.getsockname()
        app = create_app(self._postings, api=self._api, now_us=self._now_us, pause=self._pause)
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

    def reload(self, deployment: Deployment) -> None:
        """Tokens, credit and present terms come from `deployment` now; the address stays. Without `switch.api` no token is good."""
        self._deployment = deployment

    async def close(self) -> None:
        """Takes no more requests, ends those in progress."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        await asyncio.to_thread(self._database.close)

    def _plan(self) -> Plan:
        return self._deployment.plan

    def _api(self) -> Api:
        return self._deployment.switch.api or Api(listen=self._listen, tokens={})

    def _now_us(self) -> int:
        return self._clock.now().utc_us


def _api_of(deployment: Deployment) -> Api:
    if deployment.switch.api is None:
        raise ValueError("the config has no `switch.api`")
    return deployment.switch.api


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
