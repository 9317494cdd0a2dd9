"""Opening hours at their boundaries, over midnight and week's end, and on the days that clocks change."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from routing.hours import is_open, local_text
from routing.table import Block, Hours

NEW_YORK = "America/New_York"
OFFICE = Hours(
    zone=NEW_YORK,
    blocks=(
        Block(weekday=0, start_minute=9 * 60, end_minute=12 * 60),
        Block(weekday=0, start_minute=13 * 60, end_minute=17 * 60),
    ),
)


def at(text: str, zone: str = "UTC") -> int:
    """Microseconds of a local time; `fold=1` by a trailing `+` for the second pass of a repeated hour."""
    local = datetime.fromisoformat(text.rstrip("+")).replace(tzinfo=ZoneInfo(zone), fold=int(text.endswith("+")))
    return round(local.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-03-02T08:59:59", False),
        ("2026-03-02T09:00:00", True),
        ("2026-03-02T09:00:01", True),
        ("2026-03-02T11:59:59", True),
        ("2026-03-02T12:00:00", False),
        ("2026-03-02T12:59:59", False),
        ("2026-03-02T13:00:00", True),
        ("2026-03-02T16:59:59", True),
        ("2026-03-02T17:00:00", False),
        ("2026-03-03T09:00:00", False),
        ("2026-03-01T09:00:00", False),
    ],
)
def test_open_from_the_first_second_to_before_the_last(local: str, expected: bool) -> None:  # noqa: FBT001
    assert is_open(OFFICE, at(local, NEW_YORK)) is expected


def test_a_microsecond_before_the_start_is_still_closed() -> None:
    opens = at("2026-03-02T09:00:00", NEW_YORK)
    assert not is_open(OFFICE, opens - 1)
    assert is_open(OFFICE, opens)


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2026-03-06T14:00:00", True),  # EST: 09:00
        ("2026-03-06T13:59:59", False),
        ("2026-03-09T13:00:00", True),  # EDT since the 8th: 09:00 comes an hour earlier
        ("2026-03-09T12:59:59", False),
        ("2026-10-30T13:00:00", True),  # still EDT
        ("2026-11-02T13:00:00", False),  # EST since the 1st
        ("2026-11-02T14:00:00", True),
    ],
)
def test_nine_stays_nine_when_clocks_change(utc: str, expected: bool) -> None:  # noqa: FBT001
    hours = Hours(zone=NEW_YORK, blocks=tuple(Block(weekday=day, start_minute=540, end_minute=1020) for day in range(7)))
    assert is_open(hours, at(utc)) is expected


def test_the_hour_skipped_in_spring_never_opens() -> None:
    skipped = Hours(zone=NEW_YORK, blocks=(Block(weekday=6, start_minute=120, end_minute=180),))
    last_before, first_after = at("2026-03-08T06:59:59"), at("2026-03-08T07:00:00")
    assert local_text(skipped, last_before) == "Sun 01:59 America/New_York"
    assert local_text(skipped, first_after) == "Sun 03:00 America/New_York"
    assert not is_open(skipped, last_before)
    assert not is_open(skipped, first_after)


def test_the_hour_that_comes_twice_in_autumn_opens_twice() -> None:
    twice = Hours(zone=NEW_YORK, blocks=(Block(weekday=6, start_minute=60, end_minute=120),))
    assert not is_open(twice, at("2026-11-01T04:59:59"))
    assert is_open(twice, at("2026-11-01T01:30:00", NEW_YORK))
    assert is_open(twice, at("2026-11-01T01:30:00+", NEW_YORK))
    assert at("2026-11-01T01:30:00+", NEW_YORK) - at("2026-11-01T01:30:00", NEW_YORK) == 3600 * 1_000_000
    assert is_open(twice, at("2026-11-01T06:59:59"))
    assert not is_open(twice, at("2026-11-01T07:00:00"))


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-03-01T21:59:59", False),  # Sunday evening
        ("2026-03-01T22:00:00", True),
        ("2026-03-01T23:59:59", True),
        ("2026-03-02T00:00:00", True),  # Monday: the week begins anew
        ("2026-03-02T01:59:59", True),
        ("2026-03-02T02:00:00", False),
    ],
)
def test_a_night_over_the_end_of_the_week_is_two_blocks(local: str, expected: bool) -> None:  # noqa: FBT001
    night = Hours(
        zone="Europe/Berlin",
        blocks=(Block(weekday=6, start_minute=1320, end_minute=1440), Block(weekday=0, start_minute=0, end_minute=120)),
    )
    assert is_open(night, at(local, "Europe/Berlin")) is expected


def test_weekday_is_the_zones_not_utcs() -> None:
    monday = Hours(zone="Asia/Tokyo", blocks=(Block(weekday=0, start_minute=0, end_minute=1440),))
    assert not is_open(monday, at("2026-03-01T14:59:59"))
    assert is_open(monday, at("2026-03-01T15:00:00"))
    assert is_open(monday, at("2026-03-02T14:59:59"))
    assert not is_open(monday, at("2026-03-02T15:00:00"))


def test_no_blocks_is_never_open() -> None:
    assert not is_open(Hours(zone="UTC", blocks=()), at("2026-03-02T12:00:00"))


def test_local_text_names_day_time_and_zone() -> None:
    assert local_text(OFFICE, at("2026-03-02T23:02:30")) == "Mon 18:02 America/New_York"
