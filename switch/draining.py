"""Says when a switch that was told to stop ends: a signal or a command begins it, a limit or a second signal ends it."""

import asyncio
from collections.abc import Callable

from switch.engine.clock import Clock


class Draining:
    """`begun`: no new calls from now on. `over`: what is left is ended. `limit_ms`: how long lies between them at most.
    `announced(limit_s)` hears of each limit."""

    def __init__(self, *, limit_ms: int, clock: Clock, announced: Callable[[float], None]) -> None:
        self.begun = asyncio.Event()
        self.over = asyncio.Event()
        self.ends_us: int | None = None
        self._limit_ms = limit_ms
        self._clock = clock
        self._announced = announced
        self._timer: asyncio.TimerHandle | None = None

    def on_signal(self) -> None:
        """The first one begins, the second ends at once."""
        self.begin(0 if self.begun.is_set() else None)

    def begin(self, limit_ms: int | None) -> None:
        """Begins, or sets another limit, from now on. None: that of the config."""
        limit_ms = self._limit_ms if limit_ms is None else limit_ms
        self.ends_us = self._clock.now().utc_us + limit_ms * 1_000
        self.begun.set()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(limit_ms / 1_000, self.over.set)
        self._announced(limit_ms / 1_000)
