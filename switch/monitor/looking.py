"""Looks at what the monitor knows: asks the switch, reads what is new in the ledger, measures disks. All of it blocks."""

import os
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from switch.control.client import ControlError, connected
from switch.control.messages import Caps, GetCaps, GetLines, GetStatistics, GetStatus, GetTrunks, Lines, Statistics, Status, Trunks
from switch.ledger.monitoring import MonitorLedger, Recent
from switch.monitor.conditions import MISSES_US, PROBES_US, RESULTS_US, usual_spans
from switch.monitor.tallies import Tallies
from switch.monitor.view import Disk, SwitchView

AT_ONCE = 50_000
"""So many calls are added up by one statement."""
QUALITY_US = 15_000_000
"""The figures of a call's legs are in the ledger by so long after its record."""


def ask_status(data: Path) -> tuple[Status | None, str]:
    """Returns the status of the switch, or None and why there is none."""
    try:
        with connected(data) as switch:
            return switch.ask(GetStatus(id=1), Status), ""
    except ControlError as error:
        return None, str(error)


def ask_switch(data: Path) -> tuple[SwitchView | None, str]:
    """Returns what the switch says of itself, or None and why it does not."""
    try:
        with connected(data) as switch:
            view = SwitchView(
                status=switch.ask(GetStatus(id=1), Status),
                lines=switch.ask(GetLines(id=2), Lines).lines,
                trunks=switch.ask(GetTrunks(id=3), Trunks).trunks,
                caps=switch.ask(GetCaps(id=4), Caps).caps,
                counts=switch.ask(GetStatistics(id=5), Statistics).counts,
            )
    except ControlError as error:
        return None, str(error)
    return view, ""


class LedgerReader:
    """Adds what is new in the ledger to `tallies`. Its methods raise LedgerUnreadable, and then go on from where they were."""

    def __init__(self, ledger: MonitorLedger) -> None:
        self._ledger = ledger
        self.tallies = Tallies()
        self._calls = 0
        self._quality = 0
        self._marks: deque[tuple[int, int]] = deque()

    def read_new(self, now_us: int) -> None:
        last = self._ledger.last_number()
        while self._calls < last:
            through = min(last, self._calls + AT_ONCE)
            self.tallies.add(self._ledger.tally(self._calls, through))
            self._calls = through
        self._marks.append((now_us, last))
        while self._marks and now_us - self._marks[0][0] >= QUALITY_US:
            _, ripe = self._marks.popleft()
            while self._quality < ripe:
                through = min(ripe, self._quality + AT_ONCE)
                self.tallies.add_quality(self._ledger.quality(self._quality, through))
                self._quality = through

    def recent(self, now_us: int, zone: str) -> Recent:
        """Returns the last while. `zone`: by whose clocks hours are compared."""
        return self._ledger.recent(
            lines_since_us=now_us - RESULTS_US,
            misses_since_us=now_us - MISSES_US,
            probes_since_us=now_us - PROBES_US,
            spans=usual_spans(now_us, zone),
        )


def disks(places: Iterable[tuple[str, Path]]) -> tuple[Disk, ...]:
    """Returns the disks that these directories are on. `places`: what for, and where. A directory that is not there is left out."""
    found = []
    for use, place in places:
        try:
            device, room = place.stat().st_dev, os.statvfs(place)
        except OSError:
            continue
        free, size = room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize
        found.append(Disk(device=device, place=str(place), use=use, free_bytes=free, total_bytes=size))
    return tuple(found)
