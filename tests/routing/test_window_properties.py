"""Windows tile time in all zones there are, and their boundaries lie on whole quarter hours of UTC."""

from datetime import UTC, datetime
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.cap import Per
from routing.window import next_us, start_us
from routing.zone import time_zone, zone_names

QUARTER_S = 900

US_PER_S = 1_000_000
QUARTER_US = QUARTER_S * US_PER_S
DAY_S = 86_400
CALENDAR = (Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH)
LONGEST_S = {Per.HOUR: 3600, Per.DAY: 49 * 3600, Per.WEEK: 8 * DAY_S, Per.MONTH: 32 * DAY_S}
"""Longest windows: an hour is never more; a day may have a second one that clocks left out or came back for."""
ZONES = ["UTC", *sorted(zone for zone in zone_names() if "/" in zone)]
IN_USE_SINCE = 1980


def us(year: int) -> int:
    return round(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * US_PER_S


@cache
def changes(zone: str) -> tuple[int, ...]:
    """Seconds at which the zone's offset changes, from IN_USE_SINCE to 2040. Two that undo each other within ten days are not found."""
    clock = time_zone(zone)

    def offset(at_s: int) -> object:
        return datetime.fromtimestamp(at_s, clock).utcoffset()

    found = []
    marks = range(us(IN_USE_SINCE) // US_PER_S, us(2040) // US_PER_S, 10 * DAY_S)
    for low, high in pairwise((mark, offset(mark)) for mark in marks):
        below, above = low[0], high[0]
        while low[1] != high[1] and above - below > 1:
            middle = (below + above) // 2
            below, above = (middle, above) if offset(middle) == low[1] else (below, middle)
        if low[1] != high[1]:
            found.append(above)
    return tuple(found)


@cache
def distinct_zones() -> tuple[str, ...]:
    """One zone of all that have changed alike, and stood alike when that began."""
    start_s = us(IN_USE_SINCE) // US_PER_S
    alike = {(changes(zone), datetime.fromtimestamp(start_s, time_zone(zone)).utcoffset()): zone for zone in ZONES}
    return tuple(alike.values())


@st.composite
def zone_and_instant(draw: st.DrawFn) -> tuple[str, int]:
    """Anywhere from 2000 to 2040, as often as not within two days of a change of clocks."""
    zone = draw(st.sampled_from(ZONES))
    near = [change for change in changes(zone) if change * US_PER_S >= us(2000)]
    close: bool = draw(st.booleans())
    if near and close:
        change = draw(st.sampled_from(near))
        return zone, (change + draw(st.integers(-2 * DAY_S, 2 * DAY_S))) * US_PER_S + draw(st.sampled_from([-1, 0, 1]))
    return zone, draw(st.integers(us(2000), us(2040)))


@settings(deadline=None, max_examples=200)
@given(where=zone_and_instant(), per=st.sampled_from(CALENDAR))
def test_windows_tile_time(where: tuple[str, int], per: Per) -> None:
    zone, instant = where
    start, end = start_us(per, zone, instant), next_us(per, zone, instant)
    assert end is not None
    assert start <= instant < end
    assert end - start <= LONGEST_S[per] * US_PER_S
    for inside in (start, end - 1):
        assert (start_us(per, zone, inside), next_us(per, zone, inside)) == (start, end)
    assert start_us(per, zone, end) == end
    assert next_us(per, zone, start - 1) == start
    assert start % QUARTER_US == end % QUARTER_US == 0


@settings(deadline=None, max_examples=100)
@given(where=zone_and_instant())
def test_a_boundary_of_months_or_weeks_is_one_of_days(where: tuple[str, int]) -> None:
    zone, instant = where
    for per in (Per.WEEK, Per.MONTH):
        start = start_us(per, zone, instant)
        assert start_us(Per.DAY, zone, start) == start
        local = datetime.fromtimestamp(start // US_PER_S, time_zone(zone))
        assert local.weekday() == 0 if per is Per.WEEK else local.day == 1


@settings(deadline=None, max_examples=100)
@given(where=zone_and_instant())
def test_no_instant_depends_on_what_was_asked_before(where: tuple[str, int]) -> None:
    zone, instant = where
    for per in CALENDAR:
        end = next_us(per, zone, instant)
        assert end is not None
        around = [(start_us(per, zone, at), next_us(per, zone, at)) for at in (end, end - 1, instant)]
        again = [(start_us(per, zone, at), next_us(per, zone, at)) for at in (instant, end - 1, end)]
        assert around == again[::-1]


@pytest.mark.parametrize("per", [Per.HOUR, Per.DAY])
def test_windows_tile_time_around_every_change_of_clocks_by_quarter_hours(per: Per) -> None:
    """All changes in all zones since 1980. Cap usage that keep quarter hours rest on it. Weeks and months begin where days do."""
    wrong = []
    for zone in distinct_zones():
        for change in changes(zone) or (us(IN_USE_SINCE) // US_PER_S,):
            for instant in (change * US_PER_S - 1, change * US_PER_S):
                start, end = start_us(per, zone, instant), next_us(per, zone, instant)
                assert end is not None
                tiles = start <= instant < end and start_us(per, zone, end) == end and start_us(per, zone, start) == start
                if not tiles or start % QUARTER_US or end % QUARTER_US:
                    wrong.append((zone, change))
    assert wrong == []
