"""Which probe is due: to the microsecond, in its hours alone, the most overdue first."""

from dataclasses import replace

import pytest

from routing.table import Block, Hours
from switch.probe.scheduled import due
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
