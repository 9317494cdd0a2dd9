"""The time that a question covers, as people type it, and what they are told when it can't be read."""

import pytest

from switch.period import FIRST_YEAR, LAST_YEAR, BadInstant, Period, clock_of, days, instant_us, parse_period

NEW_YORK = "America/New_York"


def us(text: str, zone: str = "UTC") -> int:
    return instant_us(text, zone=zone, option="--from")


def refused(start: str | None, end: str | None = None, *, zone: str = "UTC", options: tuple[str, str] = ("--from", "--to")) -> str:
    with pytest.raises(BadInstant) as refusal:
        parse_period(start, end, zone=zone, options=options)
    return str(refusal.value)


def test_instants_are_local_unless_they_say_so() -> None:
    assert us("2026-11-18", NEW_YORK) == us("2026-11-18T05:00") == us("2026-11-18T05:00+00:00", "Asia/Tokyo")


def test_a_period_has_a_bound_where_one_is_given() -> None:
    every = parse_period(None, None, zone="UTC")
    assert every == Period()
    assert (every.has_start, every.has_end) == (False, False)
    short = parse_period("2026-03-08", "2026-03-08T03:00", zone=NEW_YORK)
    assert short == Period(from_us=us("2026-03-08T05:00"), to_us=us("2026-03-08T07:00"), zone=NEW_YORK)  # one hour was skipped
    assert (short.has_start, short.has_end) == (True, True)
    assert parse_period(None, "2026-03-08", zone="UTC") == Period(to_us=us("2026-03-08"))


def test_a_period_ends_after_it_begins() -> None:
    assert parse_period("2026-03-02", "2026-03-02T00:00:00.000001", zone="UTC").to_us == us("2026-03-02") + 1
    for end in ("2026-03-02", "2026-03-01"):
        assert refused("2026-03-02", end) == f"--from 2026-03-02 is not before --to {end}, which is not included itself"
    assert refused("2026-03-02", "2026-03-01", options=("--since", "--until")).startswith(
        "--since 2026-03-02 is not before --until"
    )


def test_the_option_that_is_wrong_is_named() -> None:
    assert refused("yesterday").startswith("--from: 'yesterday' is no instant: write 2026-11-18")
    assert refused(None, "later", options=("--since", "--until")).startswith("--until: 'later' is no instant")


def test_years_have_limits() -> None:
    for year in (FIRST_YEAR, LAST_YEAR):
        assert days(us(f"{year}-12-31", NEW_YORK), 366, zone="Asia/Tokyo").from_us < us(f"{year}-12-31", NEW_YORK)
    for year in (FIRST_YEAR - 1, LAST_YEAR + 1):
        assert "years are from" in refused(f"{year}-12-31")


def test_a_time_of_day_that_is_skipped_or_comes_twice_needs_its_offset() -> None:
    for text, happens in (("2026-03-08T02:30", "is skipped by"), ("2026-11-01T01:30", "comes twice with")):
        told = f"--from: {text} {happens} the clocks of America/New_York: write it with its offset, such as -05:00"
        assert refused(text, zone=NEW_YORK) == told
    assert us("2026-11-01T01:30-05:00", NEW_YORK) == us("2026-11-01T06:30")
    for text, utc in (("2026-03-08T01:59:59", "06:59:59"), ("2026-03-08T03:00", "07:00")):
        assert us(text, NEW_YORK) == us(f"2026-03-08T{utc}")
    assert us("2026-03-08", "America/Havana") == us("2026-03-08T05:00")  # a day that begins at one


def test_a_local_day_may_have_25_hours() -> None:
    day = days(us("2026-11-01T12:00"), 1, zone=NEW_YORK)
    assert day == Period(from_us=us("2026-11-01T04:00"), to_us=us("2026-11-02T05:00"), zone=NEW_YORK)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", ""])
def test_zones_that_are_none(name: str) -> None:
    assert f"--zone: there is no time zone {name!r}" in refused(None, zone=name)
    assert clock_of(NEW_YORK).key == NEW_YORK
