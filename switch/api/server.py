"""Serves the API on a port of its own, in an event loop that it shares with the calls. The requests are in `switch.api.app`."""

import asyncio

from switch.api.app import create_app
from switch.api.http_server import HttpServer
from switch.api.postings import PostingWriter
from switch.api.recording import pause_by
from switch.deployment import Api, Deployment
from switch.engine.clock import Clock, SystemClock
from switch.engine.plan import Plan
from switch.ledger.database import Database, ledger_url
from switch.ledger.store import Ledger


class ApiServer:
    """HTTP for what is posted. `deployment` has `switch.api`."""

    def __init__(self, deployment: Deployment, *, clock: Clock | None = None) -> None:
        settings = deployment.switch
        self._deployment = deployment
        self._clock = clock or SystemClock()
        self._database = Database(ledger_url(settings.data, settings.ledger_url))
        self._postings = PostingWriter(Ledger(self._database), plan=self._plan, now_us=self._now_us)
        self._pause = pause_by(settings.data)
        self._server = HttpServer(_api_of(deployment).listen)

    @property
    def address(self) -> tuple[str, int]:
        """The address it listens on, with the port that was given to it, where the config says 0."""
        return self._server.address

    async def start(self) -> None:
        """Starts serving: requests are taken when this returns, with 503 while the ledger is away. Raises OSError (address in use)."""
        app = create_app(self._postings, api=self._api, now_us=self._now_us, pause=self._pause)
        await self._server.start(app)

    def reload(self, deployment: Deployment) -> None:
        """Tokens, credit and present terms come from `deployment` now; the address stays. Without `switch.api` no token is good."""
        self._deployment = deployment

    async def close(self) -> None:
        """Takes no more requests, ends those in progress."""
        await self._server.close()
        await asyncio.to_thread(self._database.close)

    def _plan(self) -> Plan:
        return self._deployment.plan

    def _api(self) -> Api:
        return self._deployment.switch.api or Api(listen=self.address, tokens={})

    def _now_us(self) -> int:
        return self._clock.now().utc_us


def _api_of(deployment: Deployment) -> Api:
    if deployment.switch.api is None:
        raise ValueError("the config has no `switch.api`")
    return deployment.switch.api
