"""Quarters of an hour: every start finds its sum, late and negative amounts too, and older history comes when it is asked for."""

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.cap import Counts
from switch.engine.counters import UsageCounters

QUARTER_US = 900_000_000

OWNER = "line:east"
KEY = (OWNER, Counts.ATTEMPT)
EPOCH = 1_790_000_000_000_000 // QUARTER_US


def at(quarter: int, *, us: int = 0) -> int:
    return (EPOCH + quarter) * QUARTER_US + us


def row(quarter: int, amount: int) -> tuple[str, Counts, int, int]:
    return (*KEY, at(quarter), amount)


@given(
    told=st.lists(st.tuples(st.integers(0, 60), st.integers(0, QUARTER_US - 1), st.integers(-3, 9)), max_size=60),
    asked=st.lists(st.integers(-5, 65), min_size=1, max_size=3 * 16),
)
@settings(max_examples=60, deadline=None)
def test_every_start_finds_its_sum_in_whatever_order_things_are_told(told: list[tuple[int, int, int]], asked: list[int]) -> None:
    tally = UsageCounters()
    for number, (quarter, us, amount) in enumerate(told):
        tally.add([OWNER], Counts.ATTEMPT, amount, at_us=at(quarter, us=us))
        start = asked[number % len(asked)]
        assert tally.since(KEY, at(start)) == sum(each[2] for each in told[: number + 1] if each[0] >= start)
    for start in asked:
        assert tally.since(KEY, at(start)) == sum(amount for quarter, _, amount in told if quarter >= start)


def test_a_start_inside_a_quarter_counts_all_of_it() -> None:
    tally = UsageCounters()
    tally.add([OWNER], Counts.ATTEMPT, 1, at_us=at(0))
    assert tally.since(KEY, at(0, us=7)) == 1
    tally.add([OWNER], Counts.ATTEMPT, 1, at_us=at(0, us=3))
    tally.add([OWNER], Counts.ATTEMPT, 1, at_us=at(-1))
    assert tally.since(KEY, at(0, us=7)) == 2


def test_owners_and_counts_do_not_mix() -> None:
    tally = UsageCounters()
    tally.add([OWNER], Counts.ATTEMPT, 1, at_us=at(0))
    assert tally.since(("line:west", Counts.ATTEMPT), 0) == 0
    assert tally.since(("line:east", Counts.CONNECTION), 0) == 0
    assert tally.latest_us(("line:west", Counts.ATTEMPT)) == 0


def test_the_latest_is_the_latest_however_late_it_is_told_and_credits_are_none() -> None:
    tally = UsageCounters([row(0, 5)])
    assert tally.latest_us(KEY) == 0
    for us, amount in ((50, 1), (20, 1), (90, -1)):
        tally.add([OWNER], Counts.ATTEMPT, amount, at_us=at(1, us=us))
    assert tally.latest_us(KEY) == at(1, us=50)


def test_history_before_the_horizon_counts_in_all_and_closes_rather_than_opens() -> None:
    tally = UsageCounters([row(-9, 100), row(0, 1), row(2, 2)], before=[(*KEY, 40)], horizon_us=at(0, us=5))
    assert tally.horizon_us == at(0)
    assert tally.ever(KEY) == 43
    assert [tally.since(KEY, at(quarter)) for quarter in (2, 0, -1)] == [2, 3, 43]


def test_older_history_is_found_and_counted_once() -> None:
    rows = [row(-8, 30), row(-4, 10), row(0, 1), row(2, 2)]
    tally = UsageCounters(rows, before=[(*KEY, 40)], horizon_us=at(0))
    assert tally.since(KEY, at(-4)) == 43
    tally.add([OWNER], Counts.ATTEMPT, 5, at_us=at(-4))  # late: from before the horizon, and in the ledger by the time it is asked
    rows[1] = row(-4, 15)
    for _ in range(2):
        tally.extend_history(rows, before=[(*KEY, 30)], horizon_us=at(-4))
    assert [tally.since(KEY, at(quarter)) for quarter in (0, -4, -8)] == [3, 18, 48]
    tally.extend_history(rows, before=[(*KEY, 30)], horizon_us=at(5))
    assert tally.horizon_us == at(-4)
    tally.extend_history(rows, before=(), horizon_us=0)
    assert [tally.since(KEY, start_us) for start_us in (at(-4), at(-8), 0)] == [18, 48, 48]
    assert tally.snapshot() == UsageCounters(rows).snapshot()


def test_a_sum_of_several_follows_their_quarters() -> None:
    west = ("line:west", Counts.ATTEMPT)
    tally = UsageCounters([row(0, 1), (*west, at(1), 2)], before=[(*KEY, 4), (*west, 8)], horizon_us=at(0))
    tally.add([west[0]], west[1], 1, at_us=at(1, us=6))
    tally.sum_up("group:g", of=("line:east", "line:west", "line:new"))
    group = ("group:g", Counts.ATTEMPT)
    assert (tally.ever(group), tally.since(group, at(0)), tally.since(group, at(1))) == (16, 4, 3)
    assert tally.latest_us(group) == at(1, us=6)
    tally.sum_up("group:g", of=())
    assert tally.ever(group) == 0
