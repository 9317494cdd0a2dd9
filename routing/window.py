"""Computes where the calendar windows of caps begin and end in a zone. Counts nothing, and does not read the clock.

Windows tile time: each instant lies in exactly one, and one ends where the next begins. Boundaries are computed on the wall clock
of the zone, never by adding 24 h:

- A **day** begins at the first instant of its local date: midnight, the earlier one where it comes twice, or where clocks skip
  midnight the instant they skip it. It lasts 23, 24 or 25 h; a date that a zone left out has no window. A day that has begun goes on
  even if clocks are set back over midnight into the day before (St. John's, until 2011: at 00:01 to 23:01).
- A **week** begins with its Monday and a **month** with its first, each as that day does.
- An **hour** begins where clocks show :00. One that comes twice in autumn is two windows: caps by the hour bound how fast calls
  come, and two hours do pass. Where clocks move by other than whole hours (Lord Howe, by 30 minutes), an hour is cut there: what is shown
  after is another window.
- **Total** begins when it is told to, and never ends.

In every zone in use since 1980 all boundaries lie on whole quarter hours of UTC (`test_window_properties.py` looks at them), so that
counts may be kept by the quarter hour. Nothing here depends on it but the hit rate of the cache.
"""

from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import assert_never

from routing.cap import Per
from routing.zone import time_zone

US_PER_S = 1_000_000
QUARTER_S = 15 * 60
_HOUR_S = 60 * 60
_LONGEST_SKIP_S = 25 * _HOUR_S
"""No zone in use has set its clocks forward by more at once: a whole day, at the date line."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


def start_us(per: Per, zone: str, utc_us: int, since_us: int = 0) -> int:
    """When the window began that holds the instant; UTC microseconds like `utc_us`. `since_us`: where a `total` begins.

    ValueError for a `per` that has no calendar window: concurrency, spacing, balance.
    """
    return since_us if per is Per.TOTAL else _window(per, zone, utc_us)[0]


def next_us(per: Per, zone: str, utc_us: int) -> int | None:
    """When that window ends and the next begins; None for `total`. ValueError as above."""
    return None if per is Per.TOTAL else _window(per, zone, utc_us)[1]


def _window(per: Per, zone: str, utc_us: int) -> tuple[int, int]:
    """Its start and its end. Answered from the window of the quarter hour's first instant, unless that one ends inside the quarter."""
    window = _window_at(per, zone, utc_us // (QUARTER_S * US_PER_S) * QUARTER_S)
    return window if utc_us < window[1] else _window_at(per, zone, utc_us // US_PER_S)


@lru_cache(maxsize=1024)
def _window_at(per: Per, zone: str, utc_s: int) -> tuple[int, int]:
    clock = time_zone(zone)
    match per:
        case Per.HOUR:
            start_s, end_s = _hour(clock, utc_s)
        case Per.DAY:
            today = _day(clock, utc_s)
            start_s, end_s = _begins(clock, today), _begins(clock, today + _DAY)
        case Per.WEEK:
            monday = _day(clock, utc_s)
            monday -= monday.weekday() * _DAY
            start_s, end_s = _begins(clock, monday), _begins(clock, monday + 7 * _DAY)
        case Per.MONTH:
            first = _day(clock, utc_s).replace(day=1)
            start_s, end_s = _begins(clock, first), _begins(clock, (first + 31 * _DAY).replace(day=1))
        case Per.TOTAL | Per.CONCURRENCY | Per.SPACING | Per.SECOND | Per.BALANCE:
            raise ValueError(f"{per} has no calendar window")
        case unknown:
            assert_never(unknown)
    return start_s * US_PER_S, end_s * US_PER_S


def _hour(clock: tzinfo, utc_s: int) -> tuple[int, int]:
    """From one reading of :00 to the next, cut where clocks move by other than whole hours."""
    shift_s = _shift_s(clock, utc_s)
    start_s = utc_s - (utc_s + shift_s) % _HOUR_S
    end_s = start_s + _HOUR_S
    if _shift_s(clock, start_s) != shift_s:
        start_s = _first(start_s, utc_s, lambda at_s: _shift_s(clock, at_s) == shift_s)
    if _shift_s(clock, end_s - 1) != shift_s:
        end_s = _first(utc_s, end_s, lambda at_s: _shift_s(clock, at_s) != shift_s)
    return start_s, end_s


def _shift_s(clock: tzinfo, utc_s: int) -> int:
    """How far the zone's hours are from those of UTC: 0 in most, 1800 in Kolkata, 2700 in Kathmandu."""
    local = _reads(clock, utc_s)
    return (local.minute * 60 + local.second - utc_s) % _HOUR_S


def _day(clock: tzinfo, utc_s: int) -> date:
    """The day the instant belongs to: its local date, or the next one if that had begun before clocks were set back over midnight."""
    today = datetime.fromtimestamp(utc_s, clock).date()
    return today + _DAY if _begins(clock, today + _DAY) <= utc_s else today


def _begins(clock: tzinfo, day: date) -> int:
    """The first instant whose local date is `day` or later."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=clock)  # fold 0: the earlier of two
    utc_s = (midnight - _EPOCH) // _SECOND
    if _reads(clock, utc_s) == midnight.replace(tzinfo=None):
        return utc_s
    return _first(
        utc_s - _LONGEST_SKIP_S, utc_s, lambda at_s: _reads(clock, at_s).date() >= day
    )  # no such midnight: it was skipped


def _reads(clock: tzinfo, utc_s: int) -> datetime:
    """What clocks show, without a zone."""
    return datetime.fromtimestamp(utc_s, clock).replace(tzinfo=None)


def _first(low_s: int, high_s: int, holds: Callable[[int], bool]) -> int:
    """The first second for which `holds`, which is false at `low_s`, true at `high_s`, and changes once between them."""
    return low_s + bisect_left(range(low_s, high_s), True, key=holds)
