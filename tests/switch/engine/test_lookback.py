"""How far back a plan looks: only what some cap or repeat rule of it can ask for is read from a ledger at start."""

from dataclasses import replace

import pytest
from engine_world import EAST, START_US, line, plan

from routing.cap import Cap, Counts, Per
from routing.table import Repeat
from switch.engine.lookback import Lookback, lookback_of

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NOON_US = START_US  # 2026-03-02T15:00:00Z, a Monday


def horizon(*caps: Cap, repeat: Repeat | None = None) -> Lookback:
    return lookback_of(plan(line("east", EAST), caps=caps, repeat=repeat), NOON_US)


def cap(per: Per, *, since_us: int = 0, counts: Counts = Counts.ATTEMPT) -> Cap:
    return Cap(owner="campaign:quotes", limit=5, per=per, since_us=since_us, counts=counts)


@pytest.mark.parametrize(
    ("caps", "back_us", "ever"),
    [
        ((), 0, False),
        ((cap(Per.HOUR),), 0, False),
        ((cap(Per.DAY),), 15 * HOUR_US, False),
        ((cap(Per.DAY), cap(Per.MONTH)), DAY_US + 15 * HOUR_US, False),
        ((cap(Per.TOTAL, since_us=NOON_US - 90 * DAY_US),), 90 * DAY_US, False),
        ((cap(Per.TOTAL),), 0, True),
        ((cap(Per.BALANCE, counts=Counts.REVENUE),), 0, True),
    ],
)
def test_it_is_as_far_as_the_widest_window(caps: tuple[Cap, ...], back_us: int, ever: bool) -> None:  # noqa: FBT001 parametrized
    found = horizon(*caps)
    assert (NOON_US - found.counts_us, found.ever) == (back_us, ever)


def test_repeats_are_known_for_as_long_as_their_window() -> None:
    assert horizon().paid_us == NOON_US
    assert horizon(repeat=Repeat(window_ms=30 * DAY_US // 1_000)).paid_us == NOON_US - 30 * DAY_US


def test_who_knows_more_covers_who_asks_for_less() -> None:
    little = Lookback(counts_us=5, ever=False, paid_us=5)
    assert little.covers(replace(little, counts_us=6, paid_us=6))
    for more in (replace(little, counts_us=4), replace(little, ever=True), replace(little, paid_us=4)):
        assert not little.covers(more)
        both = little.along_with(more)
        assert both.covers(little)
        assert both.covers(more)
