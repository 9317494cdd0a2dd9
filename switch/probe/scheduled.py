"""Places the config's probes on their schedule, one after the other: what the companion `probes` does. Which is due is a pure question."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Event

from routing.hours import is_open
from switch.companion import CompanionPlace, now_us
from switch.config_watch import Fingerprint, fingerprint
from switch.deployment import Deployment
from switch.ledger.database import Database, LedgerUnreadable, LedgerUnwritable, ledger_url
from switch.ledger.probes import SCHEDULE, ProbeRow
from switch.ledger.store import Ledger
from switch.probe.placed import CannotPlace
from switch.probe.run import DAY_US, NOT_INSTALLED, ProbeRefused, ProbeRun, is_installed, run_probe
from switch.probe_settings import ProbeSettings
from switch.settings.load import load

LOOK_S = 5.0
US_PER_MS = 1_000


def due(probes: Iterable[ProbeSettings], last: Mapping[str, int], *, at_us: int) -> ProbeSettings | None:
    """PURE. Returns the probe that is most overdue within its hours, or None. `last`: when each was placed, UTC microseconds, by name."""
    waits = []
    for probe in probes:
        if probe.every_ms is None or (probe.hours is not None and not is_open(probe.hours, at_us)):
            continue
        late_us = at_us - last.get(probe.name, 0) - probe.every_ms * US_PER_MS
        if late_us >= 0:
            waits.append((late_us, probe.name, probe))
    return max(waits, default=(0, "", None))[2]


class Scheduler:
    """Knows the config as it is now, and when each probe was placed. Its `turn` blocks for as long as a call lasts."""

    def __init__(self, config: Path, complain: Callable[[str, str], None]) -> None:
        self.ended = Event()
        self._config = config
        self._complain = complain
        self._deployment: Deployment | None = None
        self._seen: Fingerprint | None = None
        self._ledger: tuple[str, Ledger] | None = None
        self._tried: dict[str, int] = {}
        self._unreadable = ""

    def turn(self) -> bool:
        """Places the one that is due. Returns whether there was one."""
        self._reload()
        deployment = self._deployment
        if deployment is None:
            return False
        ledger = self._opened(deployment)
        try:
            rows = ledger.probes(since_us=now_us() - DAY_US)
        except LedgerUnreadable as error:
            if str(error) != self._unreadable:
                self._unreadable = str(error)
                self._complain("reading what probes found", self._unreadable)
            return False
        self._unreadable = ""
        last = {**_newest(rows), **self._tried}
        probe = due(deployment.probes.values(), last, at_us=now_us())
        if probe is None:
            return False
        self._tried[probe.name] = now_us()
        self._place(deployment, probe, ledger)
        return True

    def _place(self, deployment: Deployment, probe: ProbeSettings, ledger: Ledger) -> None:
        how = ProbeRun(actor=SCHEDULE, now_us=now_us, ended=self.ended.is_set)
        try:
            for row in run_probe(deployment, probe, ledger, how):
                if not row.good:
                    self._complain(f"probe {probe.name}", "; ".join(row.failures))
        except (ProbeRefused, CannotPlace, LedgerUnwritable, LedgerUnreadable, OSError) as error:
            if not self.ended.is_set():
                self._complain(f"probe {probe.name}", str(error))

    def _reload(self) -> None:
        """Reads the config where its files have changed. One with errors leaves things as they are: the switch runs on with the old one."""
        prompts = self._config if self._deployment is None else self._deployment.switch.prompts
        seen = fingerprint(self._config, prompts)
        if seen == self._seen:
            return
        loaded = load(self._config)
        if loaded.deployment is not None:
            self._deployment = loaded.deployment
            self._seen = fingerprint(self._config, loaded.deployment.switch.prompts)
        else:
            self._seen = seen

    def _opened(self, deployment: Deployment) -> Ledger:
        url = ledger_url(deployment.switch.data, deployment.switch.ledger_url)
        if self._ledger is None or self._ledger[0] != url:
            self._ledger = url, Ledger(Database(url))
        return self._ledger[1]


def _newest(rows: Iterable[ProbeRow]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        found[row.probe] = max(row.at_us, found.get(row.probe, 0))
    return found


async def serve(place: CompanionPlace, is_up: Callable[[], None]) -> None:
    """Runs until it is cancelled. A call that is in progress then is hung up, and leaves no row."""
    is_up()
    if not is_installed():
        place.complain("placing probes", NOT_INSTALLED)
        await asyncio.Event().wait()
    loop = asyncio.get_running_loop()

    def complain(doing: str, why: str) -> None:
        loop.call_soon_threadsafe(place.complain, doing, why)

    scheduler = Scheduler(place.config, complain)
    try:
        while True:
            if not await asyncio.to_thread(scheduler.turn):
                await asyncio.sleep(LOOK_S)
    finally:
        scheduler.ended.set()
