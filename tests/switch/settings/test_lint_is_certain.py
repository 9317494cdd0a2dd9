"""A warning that two never meet is never wrong: whenever both are open, there is none."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.hours import is_open
from routing.hours_overlap import may_meet
from routing.table import Block, Hours

ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Phoenix")
YEAR_S = 365 * 86_400
NEW_YEAR_S = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


@st.composite
def _hours(draw: st.DrawFn) -> Hours:
    start = draw(st.integers(0, 23))
    end = draw(st.integers(start + 1, 24))
    block = Block(weekday=draw(st.integers(0, 6)), start_minute=start * 60, end_minute=end * 60)
    return Hours(zone=draw(st.sampled_from(ZONES)), blocks=(block,))


@settings(max_examples=60, deadline=None)
@given(one=_hours(), other=_hours(), offset_s=st.integers(0, 3_599))
def test_what_never_meets_is_never_open_at_once(one: Hours, other: Hours, offset_s: int) -> None:
    moments = range(NEW_YEAR_S + offset_s, NEW_YEAR_S + YEAR_S, 3_600)
    together = any(is_open(one, at * 1_000_000) and is_open(other, at * 1_000_000) for at in moments)

    assert may_meet(one, other) or not together
    if one.zone == other.zone:
        overlap = max(one.blocks[0].start_minute, other.blocks[0].start_minute) < min(
            one.blocks[0].end_minute, other.blocks[0].end_minute
        )
        assert may_meet(one, other) == (overlap and one.blocks[0].weekday == other.blocks[0].weekday)


def test_hours_over_the_end_of_the_week_meet_across_zones() -> None:
    sunday = Hours(zone="America/Los_Angeles", blocks=(Block(weekday=6, start_minute=1_380, end_minute=1_440),))
    monday = Hours(zone="America/New_York", blocks=(Block(weekday=0, start_minute=120, end_minute=180),))

    assert may_meet(sunday, monday)
    assert not may_meet(sunday, Hours(zone="America/New_York", blocks=(Block(weekday=6, start_minute=0, end_minute=1_440),)))
