"""Hours and days through changes of the clocks, and how many attempts were at it at once."""

import io
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tzif import tzif

from routing.hours import wall_clock
from routing.zone import time_zone
from switch.report.aggregate import peak_concurrency
from switch.report.local_time import LocalTime
from tests.switch.report.ten_calls import MICROS, us

NEW_YORK = "America/New_York"
HOUR_US = 3_600 * MICROS
ZONES = ("UTC", NEW_YORK, "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo")


def read(zone: str, *at: str) -> list[tuple[object, ...]]:
    instants = pl.Series([us(each) for each in at], dtype=pl.Int64)
    calendar = LocalTime(zone, low_us=min(map(us, at)), high_us=max(map(us, at)))
    return list(zip(*calendar.read(("day", "hour", "weekday"), instants), strict=True))


def test_in_spring_an_hour_is_skipped() -> None:
    assert read(NEW_YORK, "2026-03-08T06:59", "2026-03-08T07:00") == [("2026-03-08", 1, "sun"), ("2026-03-08", 3, "sun")]


def test_in_autumn_an_hour_comes_twice_and_is_one() -> None:
    assert read(NEW_YORK, "2026-11-01T05:30", "2026-11-01T06:30", "2026-11-01T07:00") == [
        ("2026-11-01", 1, "sun"), ("2026-11-01", 1, "sun"), ("2026-11-01", 2, "sun"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("America/Vancouver", "2026-11-20T07:30", ("2026-11-20", 0, "fri")),  # 23:30 of the day before, by rules up to 2025
        ("America/Edmonton", "2026-11-20T06:30", ("2026-11-20", 0, "fri")),
        ("America/Winnipeg", "2026-11-20T05:30", ("2026-11-20", 0, "fri")),
    ],
)
def test_hours_and_days_are_those_of_opening_hours_and_caps(zone: str, at: str, expected: tuple[object, ...]) -> None:
    assert read(zone, at) == [expected]
    clock = wall_clock(zone, us(at))
    assert (clock.date, clock.minute // 60) == expected[:2]


def test_a_zone_whose_rules_are_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour ahead of UTC in winter and an hour in summer, from noon of 1 May to noon of 1 October."""
    rules = tzif("<+0030>-0:30<+01>-1,J121/12,J274/12")
    ours = ZoneInfo.from_file(io.BytesIO(rules), key="America/New_York")
    monkeypatch.setattr("switch.report.local_time.time_zone", {"America/New_York": ours}.__getitem__)
    assert read(
        "America/New_York", "2026-05-01T11:15", "2026-05-01T11:30", "2026-10-01T10:45", "2026-10-01T11:00", "2026-12-31T23:30"
    ) == [
        ("2026-05-01", 11, "fri"),
        ("2026-05-01", 12, "fri"),
        ("2026-10-01", 11, "thu"),
        ("2026-10-01", 11, "thu"),
        ("2027-01-01", 0, "fri"),
    ]


def test_the_day_after_the_change_begins_an_hour_earlier() -> None:
    assert [day for day, _, _ in read(NEW_YORK, "2026-03-08T04:59", "2026-03-08T05:00", "2026-03-09T03:59", "2026-03-09T04:00")] == [
        "2026-03-07", "2026-03-08", "2026-03-08", "2026-03-09",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.lists(st.integers(us("2010-12-01T00:00"), us("2010-12-01T00:00") + 2 * 366 * 24 * HOUR_US)))
def test_clocks_read_as_the_standard_library_says(zone: str, instants: list[int]) -> None:
    from datetime import datetime  # noqa: PLC0415

    known = time_zone(zone)
    if not instants:
        return
    told = LocalTime(zone, low_us=min(instants), high_us=max(instants)).read(("day", "hour"), pl.Series(instants, dtype=pl.Int64))
    local = [datetime.fromtimestamp(at // MICROS, known) for at in instants]
    assert told[0].to_list() == [f"{each:%Y-%m-%d}" for each in local]
    assert told[1].to_list() == [each.hour for each in local]


def spans(*each: tuple[str, str, str]) -> tuple[pl.DataFrame, LocalTime]:
    """Line, began, over; on one day, in UTC."""
    frame = pl.DataFrame(
        {
            "line": [line for line, _, _ in each],
            "began_us": [us(f"2026-03-02T{began}") for _, began, _ in each],
            "over_us": [us(f"2026-03-02T{over}") for _, _, over in each],
        }
    )
    return frame, LocalTime("UTC", low_us=us("2026-03-02T00:00"), high_us=us("2026-03-03T00:00"))


def peaks_by(by: list[str], *each: tuple[str, str, str]) -> dict[object, int]:
    frame, calendar = spans(*each)
    return {row[:-1] if len(row) > 2 else row[0]: row[-1] for row in peak_concurrency(frame, by, calendar).iter_rows()}


def test_who_follows_is_not_beside() -> None:
    frame, calendar = spans(("east", "10:00", "10:10"), ("east", "10:10", "10:20"), ("east", "10:20", "10:30"))
    assert peak_concurrency(frame, [], calendar).item() == 1


def test_each_line_has_a_peak_of_its_own() -> None:
    each = (("east", "10:00", "10:10"), ("west", "10:05", "10:15"), ("east", "10:09", "10:30"))
    assert peaks_by(["line"], *each) == {"east": 2, "west": 1}
    frame, calendar = spans(*each)
    assert peak_concurrency(frame, [], calendar).item() == 3


def test_what_goes_on_counts_in_every_hour_it_goes_on_in() -> None:
    each = (("east", "10:50", "13:10"), ("east", "10:55", "11:05"), ("east", "12:30", "12:40"), ("east", "12:30", "12:31"))
    assert peaks_by(["hour"], *each) == {10: 2, 11: 2, 12: 3, 13: 1}


def test_what_ends_on_the_hour_is_not_in_it() -> None:
    assert peaks_by(["hour"], ("east", "10:50", "11:00"), ("east", "11:00", "11:10")) == {10: 1, 11: 1}


def test_peaks_by_line_and_hour() -> None:
    each = (("east", "10:50", "11:10"), ("west", "10:55", "10:58"), ("east", "11:01", "11:02"))
    assert peaks_by(["line", "hour"], *each) == {("east", 10): 1, ("west", 10): 1, ("east", 11): 2}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 200)), min_size=1, max_size=12))
def test_peaks_are_what_counting_every_minute_gives(minutes: list[tuple[int, int]]) -> None:
    start_us = us("2026-03-02T00:00")
    frame = pl.DataFrame(
        {
            "began_us": [start_us + began * 60 * MICROS for began, _ in minutes],
            "over_us": [start_us + (began + lasts) * 60 * MICROS for began, lasts in minutes],
        }
    )
    calendar = LocalTime("UTC", low_us=start_us, high_us=start_us + 24 * HOUR_US)
    running = [sum(began <= minute < began + lasts for began, lasts in minutes) for minute in range(900)]
    expected = {hour: max(running[hour * 60 : hour * 60 + 60]) for hour in range(15)}
    found = dict(peak_concurrency(frame, ["hour"], calendar).iter_rows())
    assert {hour: most for hour, most in found.items() if most} == {hour: most for hour, most in expected.items() if most}


@pytest.mark.parametrize("zone", ZONES)
def test_stretches_begin_where_clocks_say_so(zone: str) -> None:
    calendar = LocalTime(zone, low_us=us("2026-03-01T00:00"), high_us=us("2026-03-12T00:00"))
    intervals = calendar.intervals(("day",))
    at = pl.Series([us("2026-03-09T12:00")], dtype=pl.Int64)
    (start_us,) = intervals.start_us(intervals.of(at))
    days = calendar.read(("day",), pl.Series([start_us - 1, start_us, us("2026-03-09T12:00")], dtype=pl.Int64))[0].to_list()
    assert days[0] < days[1] == days[2]
