"""The monitor's process: looks every few seconds, counts, serves metrics and health, and tells people of what begins and what is over.

It decides nothing of a call, and the switch waits for nothing of it. What it can't do it says, and tries again at its next look.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from switch.companion import CompanionPlace, now_us
from switch.control.messages import Status
from switch.deployment import Deployment
from switch.ledger.database import Database, LedgerUnreadable, ledger_url
from switch.ledger.monitoring import MonitorLedger, Recent
from switch.monitor import metrics
from switch.monitor.alerts import AlertState, Notice, advance
from switch.monitor.book import AlertBook
from switch.monitor.conditions import assess
from switch.monitor.health import Answer, lives, takes_calls
from switch.monitor.looking import LedgerReader, ask_status, ask_switch, disks
from switch.monitor.metrics import Shown
from switch.monitor.sending import ways_of
from switch.monitor.server import MonitorServer
from switch.monitor.telling import Teller
from switch.monitor.view import View
from switch.period import zone_of
from switch.settings.load import load

LOOK_S = 5.0
RECENT_US = 30_000_000
"""How often the last while is read from the ledger: nothing of it is in a hurry."""
STATUS_S = 1.0
"""For so long an answer of the switch serves all who ask for its health."""
PATIENCE_US = 60_000_000
"""A ledger that can't be read says not what fires: after so long alerts begin without knowing."""
US_PER_MS = 1_000
NEVER_US = -1_000_000_000_000


class Monitor:
    """`deployment`: the running config, as read at the start."""

    def __init__(self, place: CompanionPlace, deployment: Deployment) -> None:
        settings = deployment.switch
        self._place = place
        self._deployment = deployment
        self._refused = ""
        self._ledger = MonitorLedger(Database(ledger_url(settings.data, settings.ledger_url)))
        self._reader = LedgerReader(self._ledger)
        self._book = AlertBook(self._ledger)
        self._teller = Teller(self._told)
        self._complained: dict[str, str] = {}
        self._began_us = now_us()
        self._recent: tuple[int, Recent | None] = (NEVER_US, None)
        self._is_restored = False
        self._status: tuple[float, Status | None, str] = (-STATUS_S, None, "")
        self._asking = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._keeping: set[asyncio.Task[None]] = set()
        self._shown = Shown(view=View(at_us=self._began_us, why="it was not asked yet"), currency=settings.currency)
        self._server = MonitorServer(
            metrics=lambda: metrics.text(lambda: self._shown),
            lives=partial(self._asked, lives),
            ready=partial(self._asked, takes_calls),
        )
        self._use(deployment)

    async def run(self, is_up: Callable[[], None]) -> None:
        """Until it is cancelled."""
        try:
            await self._serve()
            is_up()
            while True:
                await self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """Serves and tells no more. What people were told already is kept."""
        await self._server.close()
        await self._teller.close()
        await self._keep_book()
        self._ledger.close()

    async def look(self) -> None:
        """Looks once, and tells what has changed."""
        await self._serve()
        at_us = now_us()
        switch, why = await asyncio.to_thread(ask_switch, self._place.data)
        if switch is not None:
            await self._follow(switch.status.config)
        await asyncio.to_thread(self._read_ledger, at_us)
        probes = frozenset(name for name, probe in self._deployment.probes.items() if probe.every_ms is not None)
        view = View(at_us=at_us, switch=switch, why=why, recent=self._recent[1], disks=disks(self._disk_places()), probes=probes)
        self._shown.view = view
        await self._alert(view)

    def _read_ledger(self, at_us: int) -> None:
        try:
            self._reader.read_new(at_us)
            self._shown.tallies = self._reader.tallies
            if at_us - self._recent[0] >= RECENT_US:
                self._recent = at_us, self._reader.recent(at_us, zone_of(self._deployment.plan))
        except LedgerUnreadable as error:
            self._recent = NEVER_US, None
            self._complain("reading the ledger", str(error))
        else:
            self._complain("reading the ledger", "")

    # alerts

    async def _alert(self, view: View) -> None:
        settings = self._deployment.switch.alerts
        if settings is None or not await self._restore(view.at_us):
            return
        found = assess(view, settings, currency=self._deployment.switch.currency)
        state, notices = advance(self._shown.alerts, found, now_us=view.at_us, calm_us=settings.calm_ms * US_PER_MS)
        self._shown.alerts = state
        self._book.add(notices)
        self._teller.tell(notices)
        await self._keep_book()

    async def _restore(self, at_us: int) -> bool:
        """Reads once what fires. False: that is not known yet."""
        if self._is_restored:
            return True
        try:
            state, untold = await asyncio.to_thread(self._book.load, at_us)
        except LedgerUnreadable:
            if at_us - self._began_us < PATIENCE_US:
                return False
            state, untold = AlertState(), ()
        self._is_restored = True
        self._shown.alerts = state
        self._teller.tell(untold)
        return True

    def _told(self, way: str, notice: Notice, why: str | None) -> None:
        counts = self._shown.told if why is None else self._shown.untold
        counts[way] += 1
        self._book.add_told(notice, now_us(), f"{way}: {'sent' if why is None else why}")
        if why is not None:
            self._place.complain(f"telling of an alert by {way}", why)
        task = asyncio.create_task(self._keep_book())  # now: a monitor that is killed must not tell of it twice
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _keep_book(self) -> None:
        async with self._writing:
            why = await asyncio.to_thread(self._book.write)
        self._complain("keeping alerts", why or "")

    # config

    async def _follow(self, version: str) -> None:
        """Reads the config again once the switch runs another one."""
        if version in (self._deployment.plan.version, self._refused):
            return
        loaded = (await asyncio.to_thread(load, self._place.config)).deployment
        if loaded is None or loaded.plan.version != version:
            self._refused = version  # the files are ahead of the switch, or broken: they are not read again for this version
            if loaded is None:
                return
        if loaded.switch.metrics != self._deployment.switch.metrics:
            self._place.complain("following the config", "`switch.metrics` has changed: that takes a restart")
            loaded = replace(loaded, switch=replace(loaded.switch, metrics=self._deployment.switch.metrics))
        self._use(loaded)

    def _use(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._shown.currency = deployment.switch.currency
        self._shown.lines = frozenset(deployment.plan.table.lines)
        alerts = deployment.switch.alerts
        self._teller.use(() if alerts is None else ways_of(alerts))

    def _disk_places(self) -> tuple[tuple[str, Path], ...]:
        return ("data", self._place.data), ("recordings", self._deployment.switch.recordings_in.directory)

    # HTTP

    async def _serve(self) -> None:
        address = self._deployment.switch.metrics
        if address is None or self._server.is_up:
            return
        try:
            await self._server.start(address)
        except OSError as error:
            self._complain("serving metrics", f"can't listen on {address[0]}:{address[1]}: {error.strerror or error}")

    async def _asked(self, answer: Callable[[Status | None, str], Answer]) -> Answer:
        async with self._asking:
            loop = asyncio.get_running_loop()
            if loop.time() - self._status[0] >= STATUS_S:
                status, why = await asyncio.to_thread(ask_status, self._place.data)
                self._status = loop.time(), status, why
            return answer(*self._status[1:])

    def _complain(self, doing: str, why: str) -> None:
        """Says once what fails; nothing: it works again."""
        if why and self._complained.get(doing) != why:
            self._place.complain(doing, why)
        self._complained[doing] = why


async def serve(place: CompanionPlace, is_up: Callable[[], None]) -> None:
    """Runs the monitor until it is cancelled."""
    told = ""
    while (deployment := (loaded := await asyncio.to_thread(load, place.config)).deployment) is None:
        why = "; ".join(problem.message for problem in loaded.errors[:3])
        if why != told:
            place.complain("reading the config", why)
        told = why
        await asyncio.sleep(LOOK_S)
    await Monitor(place, deployment).run(is_up)
