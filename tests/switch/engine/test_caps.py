"""Usage of caps: all or none, never above a limit, released once however often, counted by owner and not by cap."""

from dataclasses import replace

import pytest

from routing.cap import Cap, Counts, Per
from routing.ruling import Attempt
from switch.engine.caps import CapUsage
from switch.engine.counters import UsageCounters

EAST = Cap(owner="line:east", limit=2)
ACME = Cap(owner="advertiser:acme", limit=3)
NOW_US = 1_790_000_000_000_000
S_US = 1_000_000
DAY_US = 86_400 * S_US
PRICE = 25_000_000


def book(tally: UsageCounters | None = None, **deposits: int) -> CapUsage:
    return CapUsage(tally or UsageCounters(), deposits=deposits)


def attempt(*caps: Cap, revenue_micros: int = PRICE) -> Attempt:
    return Attempt(
        line="east",
        advertiser="acme",
        campaign="auto",
        priority=1,
        uri="sip:line@127.0.0.1",
        ring_ms=30_000,
        silence_ms=5_000,
        timer_offset_ms=0,
        caps=caps,
        revenue_micros=revenue_micros,
    )


def take(caps: CapUsage, call: str, *of: Cap, at_us: int = NOW_US, owners: tuple[str, ...] = ()) -> str | None:
    return caps.reserve((call, 1), owners=owners, attempt=attempt(*of), at_us=at_us)


def daily(counts: Counts, limit: int, *, strict: bool = False) -> Cap:
    return Cap(owner="line:east", limit=limit, counts=counts, per=Per.DAY, strict=strict)


def test_the_limit_is_the_last_that_fits() -> None:
    caps = book()
    assert [take(caps, call, EAST) for call in "abc"] == [None, None, "line:east"]
    assert caps.used(EAST, NOW_US) == 2


def test_all_or_none() -> None:
    caps = book()
    for call in "abc":
        take(caps, call, ACME)
    before = caps.snapshot()
    assert take(caps, "x", EAST, ACME, owners=("campaign:auto",)) == "advertiser:acme"
    assert caps.snapshot() == before
    assert caps.used(EAST, NOW_US) == 0
    assert ("x", 1) not in caps


def test_the_first_full_cap_is_named_by_its_key() -> None:
    caps = book()
    day = daily(Counts.ATTEMPT, 1)
    take(caps, "a", EAST, day)
    assert take(caps, "b", EAST, day, ACME) == "line:east/attempt/day"


def test_taking_twice_is_taking_once() -> None:
    caps = book()
    assert take(caps, "a", EAST) is None
    assert take(caps, "a", EAST) is None
    assert caps.used(EAST, NOW_US) == 1
    caps.release_caps(("a", 1))
    assert caps.snapshot() == {}


def test_giving_back_twice_is_giving_back_once() -> None:
    caps = book()
    for call in "ab":
        take(caps, call, EAST)
    assert caps.release_caps(("a", 1)) is not None
    assert caps.release_caps(("a", 1)) is None
    assert caps.release_caps(("never", 7)) is None
    assert caps.used(EAST, NOW_US) == 1


def test_a_thousand_at_once_against_five_hundred() -> None:
    caps = book()
    line, acme = replace(EAST, limit=500), replace(ACME, limit=500)
    day = replace(daily(Counts.CONNECTION, 500), strict=True)
    taken = [number for number in range(1_000) if take(caps, str(number), line, day, acme) is None]
    assert taken == list(range(500))
    assert [caps.used(cap, NOW_US) for cap in (line, day, acme)] == [500, 500, 500]
    for number in taken[::2]:
        caps.count_connection((str(number), 1), at_us=NOW_US)
    for _ in range(2):
        for number in taken:
            caps.release_caps((str(number), 1))
    assert [caps.used(cap, NOW_US) for cap in (line, day, acme)] == [0, 250, 0]
    assert sum(take(caps, f"later-{number}", line, day, acme) is None for number in range(1_000)) == 250
    assert caps.used(day, NOW_US) == 500


def test_ringing_counts_for_attempts_at_once_and_not_for_connections_at_once() -> None:
    caps = book()
    talking = replace(EAST, counts=Counts.CONNECTION)
    for call in "ab":
        take(caps, call, EAST)
    caps.count_connection(("a", 1), at_us=NOW_US)
    assert (caps.used(EAST, NOW_US), caps.used(talking, NOW_US), caps.used(replace(talking, strict=True), NOW_US)) == (2, 1, 2)
    caps.release_caps(("a", 1))
    assert (caps.used(EAST, NOW_US), caps.used(talking, NOW_US)) == (1, 0)


@pytest.mark.parametrize(("strict", "admitted"), [(False, [None, None, None]), (True, [None, None, "line:east/conversion/day"])])
def test_strict_counts_what_may_still_come(*, strict: bool, admitted: list[str | None]) -> None:
    caps, cap = book(), daily(Counts.CONVERSION, 2, strict=strict)
    assert [take(caps, call, cap) for call in "abc"] == admitted


def test_a_connection_is_no_longer_outstanding_when_it_is_counted() -> None:
    caps, cap = book(), daily(Counts.CONNECTION, 5, strict=True)
    take(caps, "a", cap)
    for _ in range(2):
        caps.count_connection(("a", 1), at_us=NOW_US)
        assert caps.used(cap, NOW_US) == caps.used(replace(cap, strict=False), NOW_US) == 1
    caps.release_caps(("a", 1))
    assert caps.used(cap, NOW_US) == 1


def test_a_leg_that_ended_can_not_begin_to_talk() -> None:
    caps, cap = book(), daily(Counts.CONNECTION, 5)
    take(caps, "a", cap)
    caps.release_caps(("a", 1))
    assert caps.count_connection(("a", 1), at_us=NOW_US) is None
    assert caps.used(cap, NOW_US) == 0


def test_revenue_in_parts_is_one_conversion_and_counts_by_what_it_grew() -> None:
    caps = book()
    conversions, revenue = daily(Counts.CONVERSION, 9), daily(Counts.REVENUE, 90 * PRICE)
    strict = replace(revenue, strict=True)
    take(caps, "a", conversions, revenue)
    seen = []
    for micros in (0, 10_000_000, 10_000_000, PRICE, 10_000_000):
        caps.accrue_revenue(("a", 1), at_us=NOW_US, revenue_micros=micros)
        seen.append((caps.used(conversions, NOW_US), caps.used(revenue, NOW_US), caps.used(strict, NOW_US)))
    assert seen == [(0, 0, PRICE), (1, 10_000_000, PRICE), (1, 10_000_000, PRICE), (1, PRICE, PRICE), (1, PRICE, PRICE)]


def test_money_after_the_leg_counts_until_the_call_is_over() -> None:
    caps, cap = book(), daily(Counts.REVENUE, 90 * PRICE, strict=True)
    take(caps, "a", cap)
    caps.release_caps(("a", 1))
    assert caps.used(cap, NOW_US) == 0
    caps.accrue_revenue(("a", 1), at_us=NOW_US, revenue_micros=PRICE)
    assert caps.used(cap, NOW_US) == PRICE
    caps.end_call("a")
    with pytest.raises(KeyError):
        caps.accrue_revenue(("a", 1), at_us=NOW_US, revenue_micros=PRICE)


def test_what_a_gone_leg_may_earn_stays_outstanding_while_its_call_goes_on() -> None:
    caps, cap = book(), daily(Counts.CONVERSION, 1, strict=True)
    take(caps, "a", cap)
    caps.release_caps(("a", 1), may_earn=True)
    assert take(caps, "b", cap) == cap.key
    caps.end_call("a")
    assert take(caps, "b", cap) is None


def test_a_call_that_is_over_holds_its_leg_until_the_network_lets_go() -> None:
    caps = book()
    take(caps, "a", EAST)
    caps.count_connection(("a", 1), at_us=NOW_US)
    assert [micros for _, micros in caps.end_call("a")] == [0]
    assert caps.end_call("a") == []
    assert caps.used(EAST, NOW_US) == 1
    caps.release_caps(("a", 1), may_earn=True)
    assert caps.snapshot() == {}
    assert ("a", 1) not in caps


def test_a_window_ends_where_the_zone_says() -> None:
    """2026-03-08, New York: the day has 23 hours. It begins at 05:00 UTC and ends at 04:00 UTC."""
    caps = book()
    cap = Cap(owner="line:east", limit=1, per=Per.DAY, zone="America/New_York")
    begun_us = 1_772_946_000 * S_US
    ended_us = begun_us + 23 * 3600 * S_US
    assert take(caps, "a", cap, at_us=begun_us) is None
    assert [take(caps, "b", cap, at_us=at_us) for at_us in (begun_us, ended_us - 1, ended_us)] == [cap.key, cap.key, None]


def test_an_event_that_is_told_late_counts_in_its_own_window() -> None:
    caps, cap = book(), daily(Counts.CONNECTION, 9)
    midnight_us = NOW_US - NOW_US % DAY_US + DAY_US
    take(caps, "a", cap, at_us=midnight_us - S_US)
    caps.count_connection(("a", 1), at_us=midnight_us - 1)
    assert (caps.used(cap, midnight_us - 1), caps.used(cap, midnight_us)) == (1, 0)


def test_a_later_since_is_a_reset() -> None:
    caps = book()
    total = Cap(owner="line:east", limit=2, per=Per.TOTAL)
    for call in "ab":
        take(caps, call, total)
    assert take(caps, "c", total, at_us=NOW_US + DAY_US) == total.key
    assert take(caps, "c", replace(total, since_us=NOW_US + 3600 * S_US), at_us=NOW_US + DAY_US) is None


@pytest.mark.parametrize("counts", [Counts.ATTEMPT, Counts.CONNECTION])
def test_spacing_counts_from_the_last_one(counts: Counts) -> None:
    caps = book()
    cap = Cap(owner="line:east", limit=1, counts=counts, per=Per.SPACING, spacing_ms=30_000)
    take(caps, "a", cap)
    assert caps.used(cap, NOW_US) == int(counts is Counts.ATTEMPT)
    caps.count_connection(("a", 1), at_us=NOW_US)
    assert [caps.used(cap, NOW_US + after_us) for after_us in (0, 30 * S_US - 1, 30 * S_US)] == [1, 1, 0]


def test_strict_spacing_waits_for_who_is_ringing() -> None:
    caps = book()
    cap = Cap(owner="line:east", limit=1, counts=Counts.CONNECTION, per=Per.SPACING, spacing_ms=1, strict=True)
    take(caps, "a", cap)
    assert take(caps, "b", cap, at_us=NOW_US + DAY_US) == cap.key
    caps.release_caps(("a", 1))
    assert take(caps, "b", cap, at_us=NOW_US + DAY_US) is None


def test_a_prepaid_balance_is_used_up_by_what_is_earned_and_may_be_earned() -> None:
    caps = book(acme=2 * PRICE)
    cap = Cap(owner="advertiser:acme", limit=PRICE // 2, counts=Counts.REVENUE, per=Per.BALANCE)
    assert [take(caps, call, cap) for call in "abc"] == [None, None, cap.key]
    assert caps.used(cap, NOW_US) == 0
    caps.accrue_revenue(("a", 1), at_us=NOW_US, revenue_micros=PRICE)
    caps.release_caps(("b", 1))
    assert caps.used(cap, NOW_US) == -PRICE
    assert take(caps, "c", cap) is None
    caps.add_deposit("acme", PRICE)
    assert take(caps, "d", cap, at_us=NOW_US + 400 * DAY_US) is None


def test_a_reload_changes_limits_for_what_is_counted_already() -> None:
    caps = book()
    for call in "ab":
        take(caps, call, EAST)
    assert take(caps, "c", replace(EAST, limit=1)) == "line:east"
    assert take(caps, "c", replace(EAST, limit=3)) is None
    assert take(caps, "d", daily(Counts.ATTEMPT, 3)) == "line:east/attempt/day"


def test_corrections_and_credits_count_where_they_belong() -> None:
    caps, cap = book(), daily(Counts.REVENUE, 9 * PRICE)
    caps.adjust(("line:east",), at_us=NOW_US, conversions=1, revenue_micros=PRICE)
    caps.adjust(("line:east",), at_us=NOW_US - DAY_US, conversions=-1, revenue_micros=-PRICE)
    assert [caps.used(cap, at_us) for at_us in (NOW_US - DAY_US, NOW_US)] == [0, PRICE]


def test_a_group_has_counted_what_its_lines_have() -> None:
    caps = book()
    take(caps, "a", EAST)
    caps.count_connection(("a", 1), at_us=NOW_US)
    at_once, day = Cap(owner="group:g", limit=9), Cap(owner="group:g", limit=9, per=Per.DAY, counts=Counts.CONNECTION)
    for groups, expected in (
        ({"group:g": ("line:east", "line:west")}, 1),
        ({"group:h": ("line:east",)}, 0),
        ({"group:g": ("line:east",)}, 1),
    ):
        caps.set_groups(groups)
        assert (caps.used(at_once, NOW_US), caps.used(day, NOW_US)) == (expected, expected)
    caps.release_caps(("a", 1))
    assert (caps.used(at_once, NOW_US), caps.used(day, NOW_US)) == (0, 1)
    assert caps.snapshot() == {}


def test_what_a_call_gives_up_early_is_held_by_its_line_alone_until_the_leg_ends() -> None:
    caps = book()
    take(caps, "a", EAST, ACME, owners=("campaign:auto", "publisher:radio", "number:+18005550100", "trunk:level3"))
    caps.count_connection(("a", 1), at_us=NOW_US)
    assert caps.release_call_caps(("a", 1)) is not None
    assert caps.release_call_caps(("a", 1)) is None
    held = {f"{owner} {counts} live": 1 for owner in ("line:east", "advertiser:acme") for counts in ("attempt", "connection")}
    assert {key: amount for key, amount in caps.snapshot().items() if key.endswith(" live")} == held
    caps.release_caps(("a", 1))
    caps.end_call("a")
    assert caps.snapshot() == {}
