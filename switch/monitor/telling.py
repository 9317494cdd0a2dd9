"""Tells people of notices: each way has a queue of its own, so that one that does not work delays no other, and so many tries."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from switch.monitor.alerts import Notice
from switch.monitor.sending import NotSent, Way

PAUSES_S = (1.0, 5.0, 30.0, 120.0)
"""Between the tries of one notice; after the last one it is given up."""
MAX_QUEUED = 200
"""Notices that wait for one way; the oldest is given up for a new one."""


class Teller:
    """`told(way, notice, why)`: a way is done with a notice; `why`: why it has failed, or None."""

    def __init__(self, told: Callable[[str, Notice, str | None], None], *, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._told = told
        self._pauses_s = pauses_s
        self._ways: tuple[Way, ...] = ()
        self._queues: dict[str, deque[Notice]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def use(self, ways: Sequence[Way]) -> None:
        """These are the ways from now on. What waits for one of the same name goes by the new one."""
        self._ways = tuple(ways)

    @property
    def is_used(self) -> bool:
        return bool(self._ways)

    def tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            for way in self._ways:
                self._queue(way.name, notice)

    async def close(self) -> None:
        """Gives up what is left."""
        for task in self._tasks.values():
            task.cancel()
        for task in self._tasks.values():
            with suppress(asyncio.CancelledError):
                await task

    def _queue(self, name: str, notice: Notice) -> None:
        queue = self._queues.setdefault(name, deque())
        if len(queue) >= MAX_QUEUED:
            self._told(name, queue.popleft(), f"more than {MAX_QUEUED} notices wait")
        queue.append(notice)
        if name not in self._tasks or self._tasks[name].done():
            self._tasks[name] = asyncio.create_task(self._work(name))

    async def _work(self, name: str) -> None:
        """Sends what is queued, in order."""
        queue = self._queues[name]
        while queue:
            notice = queue.popleft()
            self._told(name, notice, await self._sent(name, notice))

    async def _sent(self, name: str, notice: Notice) -> str | None:
        """Returns why it could not be sent, or None."""
        why: str | None = "the config has no such way any more"
        for number, pause_s in enumerate((*self._pauses_s, None), 1):
            way = next((way for way in self._ways if way.name == name), None)
            if way is None:
                return why
            try:
                await way.send(notice)
            except NotSent as error:
                why = error.why if number == 1 else f"{error.why} (tried {number} times)"
                if error.is_final or pause_s is None:
                    return why
                await asyncio.sleep(pause_s)
            else:
                return None
        return why
