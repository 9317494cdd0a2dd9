"""Calendar windows at boundaries that ops know, on the days that clocks change, and where midnight does not exist."""

from datetime import datetime, timedelta

import pytest

from routing.cap import Per
from routing.window import next_us, start_us
from routing.zone import time_zone

US_PER_S = 1_000_000
HOUR_US = 3600 * US_PER_S


def at(text: str, zone: str = "UTC") -> int:
    """Microseconds of a local time; the second pass of a repeated hour by a trailing `+`."""
    local = datetime.fromisoformat(text.rstrip("+")).replace(tzinfo=time_zone(zone), fold=int(text.endswith("+")))
    return round(local.timestamp()) * US_PER_S


def window(per: Per, zone: str, utc_us: int) -> tuple[str, str]:
    """Start and end as the zone's clocks show them with their offset."""
    end_us = next_us(per, zone, utc_us)
    assert end_us is not None
    shown = [datetime.fromtimestamp(edge // US_PER_S, time_zone(zone)) for edge in (start_us(per, zone, utc_us), end_us)]
    return shown[0].isoformat(), shown[1].isoformat()


@pytest.mark.parametrize(
    ("per", "start", "end"),
    [
        (Per.HOUR, "2026-11-18T15:00:00-05:00", "2026-11-18T16:00:00-05:00"),
        (Per.DAY, "2026-11-18T00:00:00-05:00", "2026-11-19T00:00:00-05:00"),
        (Per.WEEK, "2026-11-16T00:00:00-05:00", "2026-11-23T00:00:00-05:00"),
        (Per.MONTH, "2026-11-01T00:00:00-04:00", "2026-12-01T00:00:00-05:00"),
    ],
)
def test_an_afternoon_in_new_york(per: Per, start: str, end: str) -> None:
    assert window(per, "America/New_York", at("2026-11-18T15:42:07", "America/New_York")) == (start, end)


@pytest.mark.parametrize("per", [Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH])
def test_the_first_instant_is_inside_and_the_last_microsecond_too(per: Per) -> None:
    monday = at("2027-02-01T00:00:00", "America/New_York")  # an hour, a day, a week and a month begin at once
    assert start_us(per, "America/New_York", monday) == monday
    assert next_us(per, "America/New_York", monday - 1) == monday
    assert start_us(per, "America/New_York", monday - 1) < monday
    end = next_us(per, "America/New_York", monday)
    assert end is not None
    assert start_us(per, "America/New_York", end - 1) == monday


@pytest.mark.parametrize(
    ("local", "hours"),
    [("2026-03-08T12:00:00", 23), ("2026-11-01T12:00:00", 25), ("2026-11-02T12:00:00", 24)],
)
def test_days_last_as_long_as_they_last(local: str, hours: int) -> None:
    noon = at(local, "America/New_York")
    end = next_us(Per.DAY, "America/New_York", noon)
    assert end is not None
    assert end - start_us(Per.DAY, "America/New_York", noon) == hours * HOUR_US


@pytest.mark.parametrize(
    ("zone", "inside", "begins"),
    [
        ("America/Sao_Paulo", "2018-11-04T12:00:00", "2018-11-04T01:00:00-02:00"),
        ("Africa/Cairo", "2026-04-24T12:00:00", "2026-04-24T01:00:00+03:00"),
        ("Asia/Beirut", "2026-03-29T12:00:00", "2026-03-29T01:00:00+03:00"),
    ],
)
def test_where_midnight_is_skipped_the_day_begins_at_one(zone: str, inside: str, begins: str) -> None:
    noon = at(inside, zone)
    assert window(Per.DAY, zone, noon)[0] == begins
    start = start_us(Per.DAY, zone, noon)
    assert next_us(Per.DAY, zone, start - 1) == start
    eve = datetime.fromtimestamp((start - 1) // US_PER_S, time_zone(zone))
    assert eve.date() == datetime.fromisoformat(begins).date() - timedelta(days=1)


def test_a_midnight_that_comes_twice_begins_the_day_the_first_time() -> None:
    """Havana goes from 01:00 back to 00:00: the hour is the Sunday's both times."""
    noon = at("2025-11-02T12:00:00", "America/Havana")
    assert window(Per.DAY, "America/Havana", noon) == ("2025-11-02T00:00:00-04:00", "2025-11-03T00:00:00-05:00")
    assert window(Per.DAY, "America/Havana", at("2026-11-01T00:30:00+", "America/Havana"))[0] == "2026-11-01T00:00:00-04:00"


def test_a_day_that_has_begun_goes_on_when_clocks_go_back_over_midnight() -> None:
    """St. John's, at a minute past midnight of Sunday the first, back to Saturday 23:01. A month had begun, too."""
    zone = "America/St_Johns"
    saturday_again = at("2009-10-31T23:30:00+", zone)
    assert window(Per.DAY, zone, saturday_again) == ("2009-11-01T00:00:00-02:30", "2009-11-02T00:00:00-03:30")
    assert window(Per.MONTH, zone, saturday_again)[0] == "2009-11-01T00:00:00-02:30"
    assert window(Per.DAY, zone, at("2009-10-31T23:30:00", zone)) == ("2009-10-31T00:00:00-02:30", "2009-11-01T00:00:00-02:30")


def test_a_date_that_a_zone_left_out_has_no_window() -> None:
    """Samoa went from the 29th to the 31st of December 2011."""
    zone = "Pacific/Apia"
    assert window(Per.DAY, zone, at("2011-12-29T12:00:00", zone)) == ("2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00")
    assert window(Per.DAY, zone, at("2011-12-31T12:00:00", zone)) == ("2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00")


def test_an_hour_that_comes_twice_is_two_windows_and_a_skipped_one_none() -> None:
    zone = "America/New_York"
    first, second = at("2026-11-01T01:30:00", zone), at("2026-11-01T01:30:00+", zone)
    assert window(Per.HOUR, zone, first) == ("2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00")
    assert window(Per.HOUR, zone, second) == ("2026-11-01T01:00:00-05:00", "2026-11-01T02:00:00-05:00")
    assert window(Per.HOUR, zone, at("2026-03-08T01:59:00", zone)) == ("2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00")


def test_clocks_that_move_by_half_an_hour_cut_the_hour_there() -> None:
    """Lord Howe: in April from 02:00 back to 01:30, in October from 02:00 on to 02:30."""
    zone = "Australia/Lord_Howe"
    assert window(Per.HOUR, zone, at("2026-04-05T01:45:00", zone)) == ("2026-04-05T01:00:00+11:00", "2026-04-05T01:30:00+10:30")
    assert window(Per.HOUR, zone, at("2026-04-05T01:45:00+", zone)) == ("2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30")
    assert window(Per.HOUR, zone, at("2026-10-04T01:59:00", zone)) == ("2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00")
    assert window(Per.HOUR, zone, at("2026-10-04T02:31:00", zone)) == ("2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00")


def test_clocks_that_move_inside_an_hour_cut_it_there() -> None:
    """Pyongyang, in May 2018, from 23:30 on to midnight; Colombo, in April 2006, from 00:30 back to midnight."""
    zone = "Asia/Pyongyang"
    assert window(Per.HOUR, zone, at("2018-05-04T23:15:00", zone)) == ("2018-05-04T23:00:00+08:30", "2018-05-05T00:00:00+09:00")
    assert window(Per.DAY, zone, at("2018-05-04T23:15:00", zone))[1] == "2018-05-05T00:00:00+09:00"
    zone = "Asia/Colombo"
    assert window(Per.HOUR, zone, at("2006-04-15T00:15:00", zone)) == ("2006-04-15T00:00:00+06:00", "2006-04-15T00:00:00+05:30")
    assert window(Per.HOUR, zone, at("2006-04-15T00:15:00+", zone)) == ("2006-04-15T00:00:00+05:30", "2006-04-15T01:00:00+05:30")


def test_clocks_that_skip_midnight_from_before_it_begin_the_day_as_they_skip() -> None:
    """Toronto, in March 1919, from 23:30 on to 00:30."""
    zone = "America/Toronto"
    assert window(Per.DAY, zone, at("1919-03-31T12:00:00", zone))[0] == "1919-03-31T00:30:00-04:00"
    assert window(Per.DAY, zone, at("1919-03-31T00:45:00", zone))[0] == "1919-03-31T00:30:00-04:00"
    assert window(Per.DAY, zone, at("1919-03-30T23:15:00", zone))[1] == "1919-03-31T00:30:00-04:00"


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Asia/Kolkata", "2026-11-18T20:30:00+00:00"),
        ("Asia/Kathmandu", "2026-11-18T20:15:00+00:00"),
        ("Australia/Eucla", "2026-11-18T20:15:00+00:00"),
        ("Pacific/Chatham", "2026-11-18T20:15:00+00:00"),
        ("UTC", "2026-11-18T21:00:00+00:00"),
    ],
)
def test_hours_begin_where_the_zones_clocks_show_a_full_hour(zone: str, start: str) -> None:
    utc_us = at("2026-11-18T21:07:00")
    assert start_us(Per.HOUR, zone, utc_us) == round(datetime.fromisoformat(start).timestamp()) * US_PER_S


def test_a_boundary_inside_a_quarter_hour_is_kept_though_the_quarter_is_remembered() -> None:
    """Before standard time New York was 4:56:02 behind: no boundary there lies on a quarter hour."""
    zone = "America/New_York"
    midnight = at("1880-05-02T00:00:00", zone)
    assert midnight % (900 * US_PER_S) != 0
    assert next_us(Per.DAY, zone, midnight - 1) == midnight
    assert start_us(Per.DAY, zone, midnight) == midnight
    assert start_us(Per.HOUR, zone, midnight) == midnight
    assert start_us(Per.DAY, zone, midnight - 1) < midnight


def test_a_total_counts_from_where_it_is_told_to_and_never_ends() -> None:
    since = at("2026-11-01T00:00:00")
    assert start_us(Per.TOTAL, "UTC", at("2026-11-18T21:07:00"), since) == since
    assert start_us(Per.TOTAL, "UTC", at("2026-11-18T21:07:00")) == 0
    assert next_us(Per.TOTAL, "UTC", since) is None


@pytest.mark.parametrize("per", [Per.CONCURRENCY, Per.SPACING, Per.BALANCE])
def test_what_has_no_calendar_window_is_refused(per: Per) -> None:
    with pytest.raises(ValueError, match=per.value):
        start_us(per, "UTC", 0)
    with pytest.raises(ValueError, match=per.value):
        next_us(per, "UTC", 0)
