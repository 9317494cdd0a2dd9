"""Opening hours at their boundaries, over midnight and week's end, on the days that clocks change, and on holidays and single dates."""

from datetime import datetime
from typing import Any

import pytest

from routing.hours import is_open, known_calendar, local_text, why_closed
from routing.table import Block, Hours
from routing.zone import time_zone

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
    local = datetime.fromisoformat(text.rstrip("+")).replace(tzinfo=time_zone(zone), fold=int(text.endswith("+")))
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


ALL_DAY = tuple(Block(weekday=day, start_minute=0, end_minute=1440) for day in range(7))
NIGHTS = tuple(  # 22:00 to 02:00 each night, as settings cut it
    block
    for day in range(7)
    for block in (Block(weekday=day, start_minute=0, end_minute=120), Block(weekday=day, start_minute=1320, end_minute=1440))
)


def of_week(blocks: tuple[Block, ...], **more: Any) -> Hours:
    return Hours(zone=NEW_YORK, blocks=blocks, **more)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-25T23:59:59", None),
        ("2026-11-26T00:00:00", "holiday Thanksgiving Day (US)"),
        ("2026-11-26T23:59:59", "holiday Thanksgiving Day (US)"),
        ("2026-11-27T00:00:00", None),  # a holiday of Texas, not of the country
        ("2026-07-03T12:00:00", "holiday Independence Day (observed) (US)"),  # the fourth is a Saturday
        ("2027-12-31T12:00:00", "holiday New Year's Day (observed) (US)"),  # of a day in the year after
        ("2028-01-01T12:00:00", "holiday New Year's Day (US)"),
        ("2028-01-02T12:00:00", None),
    ],
)
def test_a_holiday_is_closed_from_midnight_to_midnight_of_the_zone(local: str, expected: str | None) -> None:
    hours = of_week(ALL_DAY, calendars=("US",))
    assert why_closed(hours, at(local, NEW_YORK)) == expected
    assert is_open(hours, at(local, NEW_YORK)) is (expected is None)


def test_a_states_calendar_has_its_own_days_and_the_first_calendar_names_a_shared_one() -> None:
    friday, thursday = at("2026-11-27T12:00:00", NEW_YORK), at("2026-11-26T12:00:00", NEW_YORK)
    both = of_week(ALL_DAY, calendars=("US", "US-TX"))
    assert why_closed(both, friday) == "holiday Friday After Thanksgiving (US-TX)"
    assert why_closed(both, thursday) == "holiday Thanksgiving Day (US)"
    assert why_closed(of_week(ALL_DAY, calendars=("US-TX",)), thursday) == "holiday Thanksgiving Day (US-TX)"


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-12-24T08:59:59", "outside the hours of 2026-12-24"),
        ("2026-12-24T09:00:00", None),
        ("2026-12-24T11:59:59", None),
        ("2026-12-24T12:00:00", "outside the hours of 2026-12-24"),
        ("2026-12-25T10:00:00", None),  # open on Christmas Day, by its own hours
        ("2026-12-25T13:00:00", "outside the hours of 2026-12-25"),
        ("2026-12-25T15:00:00", None),
        ("2026-12-31T00:00:00", "closed on 2026-12-31"),
        ("2026-12-31T23:59:59", "closed on 2026-12-31"),
        ("2026-12-30T23:59:59", None),
        ("2027-01-01T00:00:00", "holiday New Year's Day (US)"),
    ],
)
def test_a_date_of_its_own_beats_week_and_holiday(local: str, expected: str | None) -> None:
    dates = {"2026-12-24": ((540, 720),), "2026-12-25": ((600, 720), (840, 960)), "2026-12-31": ()}
    hours = of_week(ALL_DAY, calendars=("US",), dates=dates)
    assert why_closed(hours, at(local, NEW_YORK)) == expected
    assert is_open(hours, at(local, NEW_YORK)) is (expected is None)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-12-24T01:59:59", None),  # the night of the 23rd
        ("2026-12-24T22:00:00", None),
        ("2026-12-24T23:59:59", None),
        ("2026-12-25T00:00:00", "holiday Christmas Day (US)"),  # the rest of that night is the holiday's
        ("2026-12-25T23:00:00", "holiday Christmas Day (US)"),
        ("2026-12-26T00:00:00", None),
        ("2026-12-31T01:00:00", "closed on 2026-12-31"),
        ("2026-12-30T23:59:59", None),
    ],
)
def test_a_night_is_cut_at_midnight_by_what_holds_on_each_date(local: str, expected: str | None) -> None:
    hours = of_week(NIGHTS, calendars=("US",), dates={"2026-12-31": ()})
    assert why_closed(hours, at(local, NEW_YORK)) == expected


def test_a_holiday_is_the_zones_not_utcs() -> None:
    tokyo = Hours(zone="Asia/Tokyo", blocks=ALL_DAY, calendars=("US",))
    assert is_open(tokyo, at("2026-12-24T14:59:59"))
    assert not is_open(tokyo, at("2026-12-24T15:00:00"))
    assert is_open(tokyo, at("2026-12-25T15:00:00"))


def test_why_closed_outside_the_week() -> None:
    assert why_closed(OFFICE, at("2026-03-02T12:00:00", NEW_YORK)) == "outside weekly hours"
    assert why_closed(OFFICE, at("2026-03-02T11:59:59", NEW_YORK)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("US", True), ("US-TX", True), ("DE-BY", True), ("CA-ON", True), ("GB", True)]
    + [(text, False) for text in ("us", "USA", "US-", "US-XX", "US-tx", "US-TX-1", "XX", "", "-TX", "US TX", "Texas")],
)
def test_known_calendars(text: str, expected: bool) -> None:  # noqa: FBT001
    assert known_calendar(text) is expected
