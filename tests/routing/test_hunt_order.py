"""The order of a hunt. The draw: complete, by priority, the same for ever, and distributed as the weights say. And the other sorts."""

from collections import Counter
from collections.abc import Mapping
from hashlib import shake_256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from routing_tables import ASKED, Figures, attempted, campaign, table

from routing.bidder import worth
from routing.decide import decide
from routing.expression import Scalar
from routing.hunt import by_weight, by_worth, least_recent, round_robin, tiers
from routing.ruling import Dial
from routing.table import Campaign, NoRoute, Sort, Table, Target, Tier

TARGETS = st.lists(
    st.builds(Target, line=st.text("abcdef", min_size=1, max_size=3), priority=st.integers(0, 3), weight=st.integers(1, 1000)),
    max_size=20,
    unique_by=lambda target: target.line,
)


def selling(*targets: Target, name: str = "auto-quotes") -> Campaign:
    return Campaign(name=name, targets=targets)


def drawn_order(of: Campaign, seed: int) -> list[Target]:
    return [target for _, tier in tiers(of.targets) for target in by_weight(tier, campaign=of.name, seed=seed)]


def order(of: Campaign, seed: int) -> list[str]:
    return [target.line for target in drawn_order(of, seed)]


@settings(deadline=None)
@given(targets=TARGETS, seed=st.integers(0, 2**64))
def test_every_target_once_and_lower_priority_first(targets: list[Target], seed: int) -> None:
    drawn = drawn_order(selling(*targets), seed)
    assert sorted(target.line for target in drawn) == sorted(target.line for target in targets)
    assert [target.priority for target in drawn] == sorted(target.priority for target in targets)
    assert drawn == drawn_order(selling(*targets), seed)


@settings(deadline=None)
@given(targets=TARGETS.filter(bool), seed=st.integers(0, 2**64), figures=st.lists(st.integers(0, 3), min_size=20, max_size=20))
def test_every_sort_is_a_permutation(targets: list[Target], seed: int, figures: list[int]) -> None:
    tier = [Target(line=target.line, weight=target.weight) for target in targets]
    known = {target.line: figure for target, figure in zip(tier, figures, strict=False)}
    shuffled = list(by_weight(tier, campaign="auto", seed=seed))
    for ordered in (
        shuffled,
        round_robin(tier, tier[figures[0] % len(tier)].line),
        least_recent(tier, known),
        by_worth(shuffled, known),
    ):
        assert sorted(ordered, key=lambda target: target.line) == sorted(tier, key=lambda target: target.line)


@given(weights=st.lists(st.integers(1, 9), min_size=1, max_size=9), is_even=st.booleans(), seed=st.integers(0, 2**64))
def test_the_draw_is_that_of_a_row_of_tickets(weights: list[int], is_even: bool, seed: int) -> None:  # noqa: FBT001
    """The row laid out ticket by ticket: even weights are drawn another way, and must come out the same."""
    tier = [Target(line=str(number), weight=weights[0] if is_even else weight) for number, weight in enumerate(weights)]
    drawn = list(by_weight(tier, campaign="auto", seed=seed))
    stream = shake_256(f"{seed}/auto/1".encode()).digest(8 * len(tier))
    for place, target in enumerate(drawn):
        row = [other for other in tier if other not in drawn[:place] for _ in range(other.weight)]
        assert row[int.from_bytes(stream[8 * place : 8 * place + 8], "big") % len(row)] is target


def test_first_places_follow_the_weights() -> None:
    three = selling(Target(line="a", weight=1), Target(line="b", weight=2), Target(line="c", weight=7))
    draws = 20_000
    first = Counter(order(three, seed)[0] for seed in range(draws))
    for line, share in (("a", 0.1), ("b", 0.2), ("c", 0.7)):
        assert first[line] / draws == pytest.approx(share, abs=0.012), line  # about four standard deviations


def test_all_orders_follow_the_weights_of_what_is_left() -> None:
    weights = {"a": 1, "b": 2, "c": 3}
    three = selling(*(Target(line=line, weight=weight) for line, weight in weights.items()))
    draws = 20_000
    seen = Counter("".join(order(three, seed)) for seed in range(draws))
    for text in ("abc", "acb", "bac", "bca", "cab", "cba"):
        first, second = weights[text[0]], weights[text[1]]
        expected = first / 6 * second / (6 - first)
        assert seen[text] / draws == pytest.approx(expected, abs=0.014), text


def test_campaigns_and_priorities_draw_independently() -> None:
    pair = (Target(line="a"), Target(line="b"))
    later = (Target(line="c", priority=2), Target(line="d", priority=2))
    seeds = range(4_000)
    same = sum(order(selling(*pair, name="x"), seed) == order(selling(*pair, name="y"), seed) for seed in seeds)
    assert same / len(seeds) == pytest.approx(0.5, abs=0.04)
    both = selling(*pair, *later)
    alike = sum((order(both, seed)[0] == "a") == (order(both, seed)[2] == "c") for seed in seeds)
    assert alike / len(seeds) == pytest.approx(0.5, abs=0.04)


def test_the_draw_is_pinned() -> None:
    """Orders written down once: a change here would hunt the calls of old records differently when they are replayed."""
    five = selling(*(Target(line=line, weight=weight) for line, weight in zip("abcde", (1, 2, 3, 4, 50), strict=True)))
    assert {seed: "".join(order(five, seed)) for seed in (0, 1, 2, 2**63)} == {0: "debac", 1: "edcba", 2: "edcba", 2**63: "ebdca"}


def sorting(sort: Sort, *targets: Target) -> Table:
    """Lines a, b, c and d of one priority, in that order; or `targets`."""
    chosen = targets or tuple(Target(line=line) for line in "abcd")
    return table(campaign("auto", tiers={1: Tier(sort=sort)}, targets=chosen))


def hunted(asked: Table, load: Figures, *, seed: int = 7) -> str:
    """All lines in the order they are tried, each of them busy."""
    tried: tuple[tuple[str, NoRoute], ...] = ()
    while isinstance((ruling := decide(asked, load, structs.replace(ASKED, seed=seed, tried=tried))).choice, Dial):
        tried = (*tried, (attempted(ruling), NoRoute.BUSY))
    return "".join(line for line, _ in tried)


@pytest.mark.parametrize(("last", "expected"), [(None, "abcd"), ("a", "bcda"), ("b", "cdab"), ("d", "abcd"), ("gone", "abcd")])
def test_round_robin_goes_on_behind_the_line_that_was_dialled_last(last: str | None, expected: str) -> None:
    load = Figures() if last is None else Figures(last_of_tier={("auto", 1): last})
    assert hunted(sorting(Sort.ROUND_ROBIN), load) == expected


def test_round_robin_takes_its_turn_call_by_call() -> None:
    last, seen = Figures(), ""
    for seed in range(9):
        seen += attempted(decide(sorting(Sort.ROUND_ROBIN), last, structs.replace(ASKED, seed=seed)))
        last = Figures(last_of_tier={("auto", 1): seen[-1]})
    assert seen == "abcdabcda"


def test_the_turn_of_one_tier_is_none_of_another() -> None:
    targets = [Target(line=line, priority=priority) for priority, lines in ((1, "ab"), (2, "cd")) for line in lines]
    both = table(campaign("auto", tiers=dict.fromkeys((1, 2), Tier(sort=Sort.ROUND_ROBIN)), targets=tuple(targets)))
    assert hunted(both, Figures(last_of_tier={("auto", 2): "c", ("other", 1): "a"})) == "abdc"


def test_least_recent_takes_who_has_waited_longest_and_those_never_dialled_first() -> None:
    load = Figures(last_dialled={"a": 300, "b": 100, "d": 200})
    assert hunted(sorting(Sort.LEAST_RECENT), load) == "cbda"
    assert hunted(sorting(Sort.LEAST_RECENT), Figures()) == "abcd"
    assert hunted(sorting(Sort.LEAST_RECENT), Figures(last_dialled=dict.fromkeys("abcd", 5))) == "abcd"


def test_performance_takes_the_line_that_earns_most() -> None:
    worth = {("auto", "a"): 5, ("auto", "b"): 25_000_000, ("auto", "d"): 6, ("other", "c"): 90_000_000}
    assert {hunted(sorting(Sort.PERFORMANCE), Figures(worth=worth), seed=seed) for seed in range(20)} == {"bdac"}


def test_lines_that_earn_the_same_are_shuffled_by_weight() -> None:
    weights = {"a": 1, "b": 2, "c": 3, "d": 50}
    targets = tuple(Target(line=line, weight=weight) for line, weight in weights.items())
    worth = {("auto", "a"): 9}
    for seed in range(50):
        by_weight_alone = hunted(sorting(Sort.WEIGHT, *targets), Figures(), seed=seed)
        assert hunted(sorting(Sort.PERFORMANCE, *targets), Figures(worth=worth), seed=seed) == "a" + by_weight_alone.replace(
            "a", ""
        )


@pytest.mark.parametrize(
    ("sort", "load", "read"),
    [
        (Sort.ROUND_ROBIN, Figures(last_of_tier={("auto", 1): "b"}), {"last_line/auto/1": "b"}),
        (Sort.ROUND_ROBIN, Figures(), {}),
        (Sort.LEAST_RECENT, Figures(last_dialled={"b": 3}), {f"last_attempt_us/{line}": 3 * (line == "b") for line in "abcd"}),
        (Sort.PERFORMANCE, Figures(worth={("auto", "c"): 8}), {f"worth_micros/{line}": 8 * (line == "c") for line in "abcd"}),
    ],
)
def test_the_trail_says_what_the_order_was_found_by(sort: Sort, load: Figures, read: dict[str, object]) -> None:
    reason = decide(sorting(sort), load, ASKED).trail[2]
    assert (reason.rule, reason.verdict, reason.read) == ("campaigns.auto.tiers.1.sort", f"priority 1 by {sort}", read)


def test_each_tier_has_its_own_sort() -> None:
    targets = [Target(line=line, priority=priority) for priority, lines in ((1, "ab"), (2, "cd")) for line in lines]
    tiers_of = {1: Tier(sort=Sort.LEAST_RECENT), 2: Tier(sort=Sort.PERFORMANCE)}
    both = table(campaign("auto", tiers=tiers_of, targets=tuple(targets)))
    assert hunted(both, Figures(last_dialled={"a": 1}, worth={("auto", "d"): 1})) == "badc"


class Auction:
    """A bidder of prices that are written down."""

    def __init__(self, **prices: int) -> None:
        self.prices = prices

    def price_micros(self, line: str, tags: Mapping[str, Scalar]) -> int | None:
        return self.prices.get(line) if tags["state"] == "TX" else None


def test_a_bid_would_rank_lines_as_past_revenue_does() -> None:
    auction, lines = Auction(a=3, c=9), [Target(line=line) for line in "abc"]
    worths = {target.line: worth(auction, target.line, {"state": "TX"}) for target in lines}
    assert [target.line for target in by_worth(lines, worths)] == ["c", "a", "b"]
    assert worth(auction, "a", {"state": "NY"}) == 0
