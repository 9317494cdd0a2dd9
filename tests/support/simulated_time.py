"""An event loop whose time stands still while there is something to do, and jumps to the next timer where there is nothing.

So minutes take no time, and what is due at a moment happens at that very moment. While a thread or a process works, time may jump all the
same: it is waited for only where nothing is due.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

ARRIVAL_S = 0.002
"""Real seconds, in which whatever was sent on loopback has arrived."""
PATIENCE_S = 30.0
"""Real seconds, in which a thread has done what it does."""


class _JumpingSelector(selectors.DefaultSelector):
    now_s = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; else time jumps by `timeout`."""
        if timeout is None:
            ready = super().select(PATIENCE_S)
            if not ready:
                raise AssertionError("everything waits, and nothing is due")
            return ready
        ready = super().select(ARRIVAL_S if timeout > 0 else 0)
        if not ready:
            self.now_s += max(0, timeout)
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def in_simulated_time(scene: Coroutine[Any, Any, T]) -> T:
    """What `scene` gives. AssertionError where all of it waits for something that is never due."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(scene)


async def advance(seconds: float) -> None:
    """Lets so much simulated time go by. AssertionError on a loop of real time: no test waits there."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    due = asyncio.Event()
    loop.call_later(seconds, due.set)
    await due.wait()


def elapsed_s(since_s: float) -> float:
    """Seconds of the running loop since `since_s`, to the microsecond."""
    return round(asyncio.get_running_loop().time() - since_s, 6)
