"""Which probe is due: to the microsecond, in its hours alone, the most overdue first. And what becomes of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from probe_lines import BUSY

from routing.table import Block, Hours
from switch.deployment import Deployment
from switch.ledger.store import Ledger
from switch.probe.scheduled import Scheduler, due
from switch.probe_settings import ProbeSettings

NINE_US = 1_767_344_400_000_000  # 2026-01-02T09:00:00Z, a Friday
MINUTE_US = 60_000_000
OFFICE = Hours(zone="UTC", blocks=(Block(weekday=4, start_minute=540, end_minute=600),), calendars=(), dates={})
ONE = ProbeSettings(name="one", line="acme-east", every_ms=900_000)
TWO = replace(ONE, name="two")


@pytest.mark.parametrize(("ago_us", "is_due"), [(15 * MINUTE_US - 1, False), (15 * MINUTE_US, True)])
def test_it_is_due_when_its_time_has_passed(ago_us: int, *, is_due: bool) -> None:
    assert (due([ONE], {"one": NINE_US - ago_us}, at_us=NINE_US) == ONE) is is_due


def test_one_that_was_never_placed_is_due_and_one_without_a_schedule_never() -> None:
    assert due([ONE], {}, at_us=NINE_US) == ONE
    assert due([replace(ONE, every_ms=None)], {}, at_us=NINE_US) is None


def test_the_most_overdue_comes_first() -> None:
    last = {"one": NINE_US - 16 * MINUTE_US, "two": NINE_US - 17 * MINUTE_US}
    assert due([ONE, TWO], last, at_us=NINE_US) == TWO
    assert due([TWO, replace(ONE, every_ms=60_000)], last, at_us=NINE_US) == replace(ONE, every_ms=60_000)


@pytest.mark.parametrize(
    ("at_us", "is_due"),
    [(NINE_US - 1, False), (NINE_US, True), (NINE_US + 60 * MINUTE_US - 1, True), (NINE_US + 60 * MINUTE_US, False)],
)
def test_it_is_placed_in_its_hours_alone(at_us: int, *, is_due: bool) -> None:
    probe = replace(ONE, hours=OFFICE)
    assert (due([probe], {}, at_us=at_us) == probe) is is_due


def scheduler(tmp_path: Path, complaints: list[str]) -> Scheduler:
    return Scheduler(tmp_path, lambda doing, why: complaints.append(f"{doing}: {why}"))


PROBES = "probes: {desk: {line: east, every: 1m, answer: 2s, talk: 1s}}\n"


def test_it_places_what_is_due_writes_its_row_and_complains(
    deployment: Deployment, ledger: Ledger, line: Callable[..., None], tmp_path: Path
) -> None:
    complaints: list[str] = []
    turning = scheduler(tmp_path, complaints)
    assert not turning.turn()  # the config has no probe yet
    (tmp_path / "probes.yaml").write_text(PROBES)
    line(BUSY)
    assert turning.turn()
    (row,) = ledger.probes()
    assert (row.probe, row.actor, row.sip_code) == ("desk", "schedule", 486)
    assert complaints == [f"probe desk: {row.failures[0]}"]
    assert not turning.turn()  # it was placed just now
    assert not scheduler(tmp_path, complaints).turn()  # one that is started again reads that in the ledger


def test_a_config_with_errors_leaves_things_as_they_are(deployment: Deployment, ledger: Ledger, tmp_path: Path) -> None:
    complaints: list[str] = []
    (tmp_path / "probes.yaml").write_text(PROBES)
    turning = scheduler(tmp_path, complaints)
    turning.ended.set()  # so that its call is given up at once
    assert turning.turn()
    (tmp_path / "probes.yaml").write_text(PROBES.replace("east", "nobody"))
    assert not turning.turn()
    assert (complaints, ledger.probes()) == ([], [])


def test_a_ledger_that_can_not_be_read_is_said_once(deployment: Deployment, tmp_path: Path) -> None:
    complaints: list[str] = []
    (tmp_path / "probes.yaml").write_text(PROBES)
    turning = scheduler(tmp_path, complaints)
    assert not turning.turn()
    assert not turning.turn()
    (said,) = complaints
    assert said.startswith("reading what probes found: ")
