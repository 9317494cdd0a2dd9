"""Knows what is read from the ledger while a switch runs: its past, once, before calls are taken; then what others post; config kept.

Every read is done in a thread, and again a second later where it fails. Does not know what is made of it; speaks on the event loop.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from switch.engine.lookback import Lookback
from switch.ledger.history import History, Posted, read_history, read_posted
from switch.ledger.store import Ledger, LedgerUnreadable, LedgerUnwritable, RecordRefused

T = TypeVar("T")

RETRY_S = 1.0
POLL_S = 1.0
"""How soon a posting or a deposit counts for the caps of calls to come."""


class LedgerWatcher:
    """`loaded(history)`: everything before this process. `posted(rows)`: what others wrote since. `now_us()`: the present."""

    def __init__(
        self,
        url: str,
        *,
        loaded: Callable[[History], None],
        posted: Callable[[Sequence[Posted]], None],
        complain: Callable[[str], None],
        now_us: Callable[[], int],
    ) -> None:
        self._url = url
        self._loaded = loaded
        self._posted = posted
        self._complain = complain
        self._now_us = now_us
        self._ledger: Ledger | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, horizon: Lookback) -> None:
        """The ledger is there, and holds every call of earlier processes: read its past, then look what others post."""
        self._spawn(self._watch(horizon))

    def keep_config(self, version: str, files: Mapping[str, str]) -> None:
        """The config that calls are decided by from now on, so that it can be shown later what decided them."""
        at_us = self._now_us()

        def keep(ledger: Ledger) -> None:
            ledger.keep_config(version, at_us=at_us, files=files)

        async def kept() -> None:
            await self._insist(keep)

        self._spawn(kept())

    def look_back(self, horizon: Lookback, *, then: Callable[[History], None]) -> None:
        """A config that looks further back than is known waits for the rest."""

        async def looked() -> None:
            then(await self._insist(partial(read_history, horizon=horizon)))

        self._spawn(looked())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._ledger is not None:
            await asyncio.to_thread(self._ledger.close)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._complain(f"watching the ledger failed: {task.exception()!r}")

    async def _watch(self, horizon: Lookback) -> None:
        history = await self._insist(partial(read_history, horizon=horizon))
        self._loaded(history)
        after = history.last_money
        while True:
            await asyncio.sleep(POLL_S)
            found, after = await self._insist(partial(read_posted, after=after))
            if found:
                self._tell(found)

    def _tell(self, found: Sequence[Posted]) -> None:
        """Whatever is wrong with one of them must not keep later ones from being told."""
        try:
            self._posted(found)
        except Exception as error:  # noqa: BLE001 it is said, and the watch goes on
            self._complain(f"postings could not be counted: {error!r}")

    async def _insist(self, work: Callable[[Ledger], T]) -> T:
        """`work`, in a thread, until it succeeds."""
        said = ""
        while True:
            try:
                return await asyncio.to_thread(lambda: work(self._opened()))
            except (LedgerUnreadable, LedgerUnwritable, RecordRefused) as error:
                if str(error) != said:
                    said = str(error)
                    self._complain(f"ledger: {error}")
            await asyncio.sleep(RETRY_S)

    def _opened(self) -> Ledger:
        if self._ledger is None:
            self._ledger = Ledger(self._url)
        return self._ledger
