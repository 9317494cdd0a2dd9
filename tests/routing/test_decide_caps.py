"""Caps in rulings: whose, of what, over which time; when they are full; and what attempts made at once take from each other."""

from dataclasses import replace

import pytest
from msgspec import structs
from routing_tables import ASKED, DID, Figures, attempted, campaign, dialled, line, table, verdicts

from routing.cap import Cap, Counts, Per
from routing.decide import decide
from routing.load import EMPTY_LOAD
from routing.ruling import Dial, NotRouted, Ruling
from routing.table import Campaign, NoRoute, Publisher, Table, Target, Tier, ToLine, TrackingNumber

DOLLAR = 1_000_000


def everywhere() -> Table:
    """One line, and a cap of 10 on each owner a call can have."""

    def cap(owner: str) -> tuple[Cap, ...]:
        return (Cap(owner=owner, limit=10),)

    east = line("east", caps=cap("line:east") + cap("group:west") + cap("advertiser:acme"))
    return table(
        campaign("auto", "east", caps=cap("campaign:auto")),
        lines=(east,),
        publisher=Publisher(name="radio-one", caps=cap("publisher:radio-one")),
        number=TrackingNumber(did=DID, publisher="radio-one", campaign="auto", caps=cap(f"number:{DID}")),
        trunk_caps={"carrier": cap("trunk:carrier"), "other": cap("trunk:other")},
    )


OWNERS = {
    "line:east": "lines.east.cap",
    "group:west": "groups.west.cap",
    "advertiser:acme": "advertisers.acme.cap",
    "campaign:auto": "campaigns.auto.cap",
    "publisher:radio-one": "publishers.radio-one.cap",
    f"number:{DID}": f"numbers.{DID}.cap",
    "trunk:carrier": "trunks.carrier.cap",
}


def test_an_attempt_counts_against_the_caps_of_all_its_owners() -> None:
    (attempt,) = dialled(decide(everywhere(), EMPTY_LOAD, ASKED))
    assert [cap.owner for cap in attempt.caps] == list(OWNERS)


@pytest.mark.parametrize(("owner", "rule"), OWNERS.items())
def test_a_full_cap_of_any_owner_closes_it(owner: str, rule: str) -> None:
    assert attempted(decide(everywhere(), Figures(counts={owner: 9}), ASKED)) == "east"
    ruling = decide(everywhere(), Figures(counts={owner: 10}), ASKED)
    assert ruling.choice == NotRouted(because=NoRoute.CAPPED)
    reason = ruling.trail[-2]
    assert (reason.rule, reason.read[owner]) == (rule, 10)
    assert reason.verdict.endswith("capped: 10 of 10 at once")


def test_the_cap_of_another_trunk_does_not_matter() -> None:
    assert attempted(decide(everywhere(), Figures(counts={"trunk:other": 10}), ASKED)) == "east"


def test_the_first_full_cap_is_named_with_what_was_read_till_then() -> None:
    ruling = decide(everywhere(), Figures(counts={"group:west": 10, "advertiser:acme": 10}), ASKED)
    assert ruling.trail[-2].rule == "groups.west.cap"
    assert ruling.trail[-2].read == {"line:east": 0, "group:west": 10}


def test_caps_that_bar_all_lines_alike_are_looked_at_once() -> None:
    daily = Cap(owner="publisher:radio-one", limit=50, counts=Counts.CONVERSION, per=Per.DAY)
    publisher = Publisher(name="radio-one", caps=(daily,))
    ruling = decide(table(campaign("auto", "a", "b", "c"), publisher=publisher), Figures(counts={daily.key: 50}), ASKED)
    assert verdicts(ruling)[1:] == [
        ("publishers.radio-one.caps", "publisher radio-one capped: 50 of 50 conversions per day"),
        ("campaigns.auto.overflow", "nobody takes the call: capped, and no overflow for it"),
    ]


WORDS = [
    (Cap(owner="line:east", limit=3, counts=Counts.CONNECTION), 3, "3 of 3 connections at once"),
    (Cap(owner="line:east", limit=3, per=Per.HOUR), 3, "3 of 3 per hour"),
    (Cap(owner="line:east", limit=3, counts=Counts.CONVERSION, per=Per.WEEK), 3, "3 of 3 conversions per week"),
    (Cap(owner="line:east", limit=3, per=Per.TOTAL), 3, "3 of 3 in total"),
    (Cap(owner="line:east", limit=1, per=Per.SPACING, spacing_ms=30_000), 1, "1 of 1 in the time between two"),
    (
        Cap(owner="line:east", limit=500 * DOLLAR, counts=Counts.REVENUE, per=Per.MONTH),
        475 * DOLLAR + 1,
        "475.00 and 25.00 more of 500.00 revenue per month",
    ),
    (
        Cap(owner="line:east", limit=0, counts=Counts.REVENUE, per=Per.BALANCE),
        -20 * DOLLAR,
        "-20.00 and 25.00 more of 0.00 revenue on credit",
    ),
]


@pytest.mark.parametrize(("cap", "used", "words"), WORDS, ids=[words for _, _, words in WORDS])
def test_each_kind_of_cap_is_asked_under_its_key_and_explained(cap: Cap, used: int, words: str) -> None:
    ruling = decide(selling(cap), Figures(counts={cap.key: used}), ASKED)
    assert (ruling.trail[-2].verdict, ruling.trail[-2].read) == (f"east capped: {words}", {cap.key: used})


def selling(cap: Cap) -> Table:
    """A call earns 25 dollars at most."""
    return table(campaign("auto", "east", revenue_micros=25 * DOLLAR), lines=(line("east", caps=(cap,)),))


@pytest.mark.parametrize(("used", "is_free"), [(475 * DOLLAR, True), (475 * DOLLAR + 1, False)])
def test_revenue_is_asked_for_the_most_that_the_call_may_earn(used: int, is_free: bool) -> None:  # noqa: FBT001
    cap = Cap(owner="line:east", limit=500 * DOLLAR, counts=Counts.REVENUE, per=Per.MONTH)
    assert isinstance(decide(selling(cap), Figures(counts={cap.key: used}), ASKED).choice, Dial) is is_free


@pytest.mark.parametrize(("balance", "is_free"), [(0, False), (-25 * DOLLAR, True), (-25 * DOLLAR + 1, False)])
def test_a_prepaid_balance_must_hold_the_whole_call(balance: int, is_free: bool) -> None:  # noqa: FBT001
    """What counts is revenue less deposits: 25 dollars paid in are -25."""
    prepaid = Cap(owner="advertiser:acme", limit=0, counts=Counts.REVENUE, per=Per.BALANCE)
    ruling = decide(selling(prepaid), Figures(counts={prepaid.key: balance}), ASKED)
    assert isinstance(ruling.choice, Dial) is is_free
    if not is_free:
        assert ruling.trail[-2].rule == "advertisers.acme.prepaid"


def test_a_line_by_overflow_is_barred_by_the_campaigns_caps_too() -> None:
    auto = campaign("auto", overflow={NoRoute.NO_MATCH: ToLine(line="night")})
    full = Figures(counts={"campaign:auto": 5})
    assert attempted(decide(table(auto), EMPTY_LOAD, ASKED)) == "night"
    ruling = decide(table(replace(auto, overflow={NoRoute.CAPPED: ToLine(line="night")})), full, ASKED)
    assert verdicts(ruling)[-1] == ("campaigns.auto.cap", "night capped: 5 of 5 at once")


def together(*names: str, **more: object) -> Campaign:
    targets = tuple(Target(line=name) for name in names)
    base = Campaign(name="auto", targets=targets, tiers={1: Tier(together=True)}, caps=(Cap(owner="campaign:auto", limit=50),))
    return replace(base, **more)  # type: ignore[arg-type]


def lines_of(ruling: Ruling) -> set[str]:
    return {attempt.line for attempt in dialled(ruling)}


def test_all_eligible_lines_of_a_tier_ring_together() -> None:
    lines = (line("b", paused=True), line("d", caps=(Cap(owner="line:d", limit=1),)))
    ruling = decide(table(together("a", "b", "c", "d"), lines=lines), Figures(counts={"line:d": 1}), ASKED)
    assert lines_of(ruling) == {"a", "c"}
    assert [attempt.line for attempt in dialled(ruling)] == [
        reason.rule.removeprefix("lines.") for reason in ruling.trail if reason.verdict.startswith("eligible")
    ]


def test_only_one_tier_rings_together_and_the_next_is_left_alone() -> None:
    auto = together(targets=(Target(line="a"), Target(line="b"), Target(line="c", priority=2)))
    assert lines_of(decide(table(auto), EMPTY_LOAD, ASKED)) == {"a", "b"}
    full = Figures(counts={"line:a": 1, "line:b": 1})
    assert lines_of(decide(table(auto), full, ASKED)) == {"c"}


def test_at_most_ten_ring_together() -> None:
    names = [f"l{number:02}" for number in range(13)]
    lines = tuple(line(name, caps=()) for name in names)
    assert len(dialled(decide(table(together(*names), lines=lines), EMPTY_LOAD, ASKED))) == 10


def test_attempts_made_together_stay_within_the_attempts_of_a_call() -> None:
    names = [f"l{number:02}" for number in range(13)]
    so_far = tuple((name, NoRoute.BUSY) for name in names[:8])
    lines = tuple(line(name, caps=()) for name in names)
    ruling = decide(table(together(*names), lines=lines), EMPTY_LOAD, structs.replace(ASKED, tried=so_far))
    assert len(dialled(ruling)) == 2


@pytest.mark.parametrize("owner", ["advertiser:acme", "group:west", "campaign:auto", "publisher:radio-one"])
@pytest.mark.parametrize("left", [1, 2])
def test_attempts_made_together_share_the_places_that_are_left(owner: str, left: int) -> None:
    shared = Cap(owner=owner, limit=10)
    is_lines = owner.startswith(("advertiser", "group"))
    lines = tuple(line(name, caps=(shared,) if is_lines else ()) for name in ("a", "b", "c"))
    auto = together("a", "b", "c", caps=(shared,) if owner.startswith("campaign") else ())
    publisher = Publisher(name="radio-one", caps=(shared,) if owner.startswith("publisher") else ())
    ruling = decide(table(auto, lines=lines, publisher=publisher), Figures(counts={owner: 10 - left}), ASKED)
    assert len(dialled(ruling)) == left
    assert ruling.trail[-1].verdict.endswith("capped: 10 of 10 at once")


def test_together_one_that_is_barred_does_not_bar_the_next() -> None:
    """The first of an advertiser takes its last place; another advertiser's line rings all the same."""
    lines = (line("a"), line("b"), line("c", advertiser="beta", caps=(Cap(owner="advertiser:beta", limit=1),)))
    ruling = decide(table(together("a", "b", "c"), lines=lines), Figures(counts={"advertiser:acme": 8}), ASKED)
    assert len(lines_of(ruling) & {"a", "b"}) == 1
    assert "c" in lines_of(ruling)


def test_together_revenue_is_added_up() -> None:
    cap = Cap(owner="advertiser:acme", limit=60 * DOLLAR, counts=Counts.REVENUE, per=Per.DAY)
    lines = tuple(line(name, caps=(cap,)) for name in ("a", "b", "c"))
    ruling = decide(table(together("a", "b", "c", revenue_micros=25 * DOLLAR), lines=lines), EMPTY_LOAD, ASKED)
    assert len(dialled(ruling)) == 2
