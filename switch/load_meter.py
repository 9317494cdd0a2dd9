"""Measures how far behind the event loop is, by a timer of its own and by what waits in the socket's receive buffer."""

import asyncio
from collections.abc import Callable

INTERVAL_S = 0.1
MESSAGE_BYTES = 2_048
"""What the kernel reckons for a SIP message of common size that waits in a receive buffer."""


class LoadMeter:
    """Calls `measured(lag_ms)` every `INTERVAL_S`. `waiting_bytes()`: in receive buffers; `count()` counts a message that was handled.

    A loop that is behind still runs its timers between a few messages each: so the wait of the last message in the buffer is reckoned,
    too, by Little's law.
    """

    def __init__(self, *, measured: Callable[[int], None], waiting_bytes: Callable[[], int]) -> None:
        self._measured = measured
        self._waiting_bytes = waiting_bytes
        self._handled = 0
        self._due_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def count(self) -> None:
        self._handled += 1

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._due_s = loop.time() + INTERVAL_S
        self._timer = loop.call_at(self._due_s, self._measure)

    def _measure(self) -> None:
        late_s = max(0.0, asyncio.get_running_loop().time() - self._due_s)
        waiting = self._waiting_bytes() // MESSAGE_BYTES
        wait_s = waiting * (INTERVAL_S + late_s) / self._handled if self._handled else 0.0
        self._handled = 0
        self._arm()
        self._measured(round(1_000 * max(late_s, wait_s)))
