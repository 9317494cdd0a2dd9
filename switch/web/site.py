"""What all pages share: the running config, the ledger, who watches the switch, sessions, and the present."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from switch.deployment import Console, Deployment
from switch.ledger.store import Ledger
from switch.settings.load import Loaded
from switch.web.listening import ListeningRoom
from switch.web.live_hub import LiveHub
from switch.web.passwords import Passwords
from switch.web.sessions import Sessions
from switch.web.throttle import LoginThrottle

T = TypeVar("T")

LEDGER_THREADS = 4
"""Requests that read the ledger at a time; others wait for their turn."""


class NoConsole(Exception):
    """The config has no `switch.console`."""


@dataclass(slots=True, kw_only=True)
class Site:
    """`loaded`: the config as its files say now; replaced when they change. `now_us()`: UTC microseconds."""

    loaded: Loaded
    ledger: Ledger
    hub: LiveHub
    sessions: Sessions
    room: ListeningRoom
    now_us: Callable[[], int]
    throttle: LoginThrottle = field(default_factory=LoginThrottle)
    passwords: Passwords = field(default_factory=Passwords)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(LEDGER_THREADS))

    @property
    def deployment(self) -> Deployment:
        if self.loaded.deployment is None:
            raise NoConsole
        return self.loaded.deployment

    @property
    def console(self) -> Console:
        """Without one in the config nobody may log in."""
        return self.deployment.switch.console or Console(listen=("", 0), session_ms=0)

    async def ask(self, work: Callable[[], T]) -> T:
        """Returns what `work` returns, from a thread: for all that reads the ledger or the disk."""
        return await to_thread.run_sync(work, limiter=self._limiter)
