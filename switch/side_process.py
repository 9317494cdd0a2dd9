"""A side process that some plans need and others do not: the recorder, the ears. Calls go on without it."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from media.control import Message, Ready
from switch.workers import ProcessSettings, Workers, WorkersFailed

NOT_UP = -1

R = TypeVar("R", bound=Message)

_log = structlog.get_logger("payphone")


class SideProcess(Generic[R]):
    """Started when it is first wanted, and kept running from then on. `reported` for each report; `lost` when it is lost. `without`: what
    there is not while it is not up, for the log."""

    def __init__(
        self, settings: ProcessSettings[R], *, reported: Callable[[R], None], lost: Callable[[], None], without: str
    ) -> None:
        self._workers = Workers[R](settings, reported=self._report, lost=self._gone)
        self._name = settings.name
        self._reported = reported
        self._lost = lost
        self._without = without
        self._number = NOT_UP
        self._starting: asyncio.Task[None] | None = None

    @property
    def wanted(self) -> int:
        """Returns how many there should be: 1, or 0 where it was never wanted."""
        return int(self._starting is not None)

    @property
    def up(self) -> int:
        """Returns how many are ready."""
        return int(self._number != NOT_UP)

    def want(self) -> None:
        """Starts it, if it has not been started."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())

    async def started(self, *, timeout_s: float | None = None) -> None:
        """Waits until it is up, or can't be, where it is wanted."""
        if self._starting is not None:
            await asyncio.wait({self._starting}, timeout=timeout_s)

    def tell(self, order: Message) -> None:
        """Sends an order. Never blocks. An order to one that is not up is dropped."""
        self._workers.tell(self._number, order)

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        await self._workers.close()

    async def _start(self) -> None:
        try:
            await self._workers.start(1)
        except WorkersFailed as error:
            _log.error(self._without, why=str(error))

    def _report(self, number: int, report: R) -> None:
        if isinstance(report, Ready):
            self._number = number
            _log.info(f"{self._name} up", pid=report.pid)
        self._reported(report)

    def _gone(self, number: int) -> None:
        self._number = NOT_UP
        self._lost()
        _log.error(f"{self._name} lost: {self._without} until another is up", worker=number)
