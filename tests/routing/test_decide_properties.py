"""What holds of every ruling, whatever the table, the load and the luck of the call."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ivr.menu import Menu, MenuPlan
from routing.decide import MAX_ATTEMPTS, decide
from routing.ruling import Attempt, EnterMenu, Inquiry, NotRouted, Ruling
from routing.table import (
    Campaign,
    Cap,
    Hours,
    Line,
    NoRoute,
    Publisher,
    Table,
    Target,
    ToCampaign,
    ToLine,
    ToMessage,
    TrackingNumber,
)

LINES = tuple(f"line{number:02d}" for number in range(14))
CAMPAIGNS = ("auto", "home", "spare")
OWNERS = (*(f"line:{name}" for name in LINES), *(f"campaign:{name}" for name in CAMPAIGNS), "advertiser:acme")
PLAN = MenuPlan(start="qualify", menus={"qualify": Menu(name="qualify", prompt="welcome", keys={})})
ASKED = Inquiry(did="+1", ani="+2", trunk="carrier", utc_us=1_772_452_800_000_000, seed=0)

ATTEMPT_CAUSES = st.sampled_from([NoRoute.BUSY, NoRoute.NO_ANSWER, NoRoute.FAILED])
HOURS = st.sampled_from([None, None, None, Hours(zone="America/New_York", blocks=())])
LOADS = st.dictionaries(st.sampled_from(OWNERS), st.integers(0, 3))
OVERFLOWS = st.dictionaries(
    st.sampled_from(list(NoRoute)),
    st.one_of(
        st.builds(ToCampaign, campaign=st.sampled_from(CAMPAIGNS)),
        st.builds(ToLine, line=st.sampled_from(LINES)),
        st.just(ToMessage(prompt="sorry")),
    ),
)
TARGETS = st.lists(
    st.builds(Target, line=st.sampled_from(LINES), priority=st.integers(1, 3), weight=st.integers(1, 9)),
    max_size=14,
    unique_by=lambda target: target.line,
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    campaigns = {
        name: Campaign(
            name=name,
            targets=tuple(draw(TARGETS)),
            menu=draw(st.sampled_from([None, PLAN])),
            hours=draw(HOURS),
            caps=(Cap(owner=f"campaign:{name}", limit=draw(st.integers(1, 4))),),
            overflow=draw(OVERFLOWS),
            paused=draw(st.integers(0, 9)) == 0,
        )
        for name in CAMPAIGNS
    }
    lines = {
        name: Line(
            name=name,
            advertiser="acme",
            uri=f"sip:{name}@127.0.0.1",
            caps=(Cap(owner=f"line:{name}", limit=draw(st.integers(1, 3))), Cap(owner="advertiser:acme", limit=3)),
            hours=draw(HOURS),
            paused=draw(st.integers(0, 9)) == 0,
        )
        for name in LINES
    }
    number = TrackingNumber(did="+1", publisher="radio", campaign="auto")
    publishers = {"radio": Publisher(name="radio")}
    return Table(version="v", numbers={"+1": number}, publishers=publishers, campaigns=campaigns, lines=lines)


@st.composite
def inquiries(draw: st.DrawFn) -> Inquiry:
    names = draw(st.lists(st.sampled_from(LINES), max_size=MAX_ATTEMPTS - 1, unique=True))
    tried = tuple((name, draw(ATTEMPT_CAUSES)) for name in names)
    return structs.replace(ASKED, seed=draw(st.integers(0, 2**64)), menu_done=draw(st.booleans()), tried=tried)


def is_free(caps: tuple[Cap, ...], load: Mapping[str, int]) -> bool:
    return all(load.get(cap.owner, 0) < cap.limit for cap in caps)


def eligible(table: Table, load: Mapping[str, int], inquiry: Inquiry, *, campaign: Campaign) -> set[Target]:
    """The rule of eligibility once more, written the short way."""
    if campaign.paused or campaign.hours is not None:  # the only hours drawn here are never open
        return set()
    tried = {name for name, _ in inquiry.tried}
    found = set()
    for target in campaign.targets:
        line = table.lines[target.line]
        barred = line.name in tried or line.paused or line.hours is not None
        if not barred and is_free(line.caps + campaign.caps, load):
            found.add(target)
    return found


def campaigns_walked(table: Table, ruling: Ruling) -> list[Campaign]:
    """By the trail: the overflow that was taken from each campaign, followed."""
    walked = [table.campaigns["auto"]]
    for reason in ruling.trail:
        _, arrow, name = reason.verdict.partition(": to campaign ")
        if arrow:
            walked.append(table.campaigns[name])
    return walked


@settings(max_examples=150, deadline=None)
@given(table=tables(), load=LOADS, inquiry=inquiries())
def test_no_eligible_line_is_passed_over_and_priority_is_kept(table: Table, load: dict[str, int], inquiry: Inquiry) -> None:
    ruling = decide(table, load, inquiry)
    walked = campaigns_walked(table, ruling)
    assert len({campaign.name for campaign in walked}) == len(walked)
    assert ruling.campaign == walked[-1].name
    for passed in walked[:-1]:
        assert not eligible(table, load, inquiry, campaign=passed)
    last = eligible(table, load, inquiry, campaign=walked[-1])
    if last and not isinstance(ruling.choice, EnterMenu):
        assert isinstance(ruling.choice, Attempt)
        chosen = next(target for target in last if target.line == ruling.choice.line)
        assert chosen.priority == min(target.priority for target in last)


@settings(max_examples=150, deadline=None)
@given(table=tables(), load=LOADS, inquiry=inquiries())
def test_an_attempt_is_never_for_a_full_cap_or_a_line_tried_shut_or_paused(
    table: Table, load: dict[str, int], inquiry: Inquiry
) -> None:
    choice = decide(table, load, inquiry).choice
    if isinstance(choice, Attempt):
        line, campaign = table.lines[choice.line], table.campaigns[choice.campaign]
        assert choice.caps == line.caps + campaign.caps
        assert is_free(choice.caps, load)
        assert choice.line not in {name for name, _ in inquiry.tried}
        assert not line.paused
        assert line.hours is None


@settings(max_examples=120, deadline=None)
@given(table=tables(), inquiry=inquiries())
def test_when_everything_is_full_nobody_is_tried(table: Table, inquiry: Inquiry) -> None:
    ruling = decide(table, dict.fromkeys(OWNERS, 9), inquiry)
    assert not isinstance(ruling.choice, Attempt)
    auto = table.campaigns["auto"]
    names = {target.line for target in auto.targets}
    lines = [table.lines[name] for name in names]
    is_on = not auto.paused and auto.hours is None and (auto.menu is None or inquiry.menu_done)
    has_open = any(not line.paused and line.hours is None for line in lines)
    if is_on and has_open and not auto.overflow and not names & {name for name, _ in inquiry.tried}:
        assert ruling.choice == NotRouted(because=NoRoute.CAPPED)


@settings(max_examples=120, deadline=None)
@given(table=tables(), load=LOADS, inquiry=inquiries())
def test_the_trail_alone_is_enough_to_rule_again(table: Table, load: dict[str, int], inquiry: Inquiry) -> None:
    ruling = decide(table, load, inquiry)
    assert decide(table, dict(load), structs.replace(inquiry)) == ruling
    read = {name: figure for reason in ruling.trail for name, figure in reason.read.items()}
    told = {owner: figure for owner, figure in read.items() if owner in OWNERS and isinstance(figure, int)}
    pairs = [pair.split("=") for pair in str(read["tried"]).split()]
    again = Inquiry(
        did="+1",
        ani="",
        trunk="",
        utc_us=int(read["utc_us"]),
        seed=int(read["seed"]),
        menu_done=read["menu_done"] == "yes",
        tried=tuple((name, NoRoute(why)) for name, why in pairs),
    )
    assert decide(table, told, again) == ruling


@settings(max_examples=120, deadline=None)
@given(table=tables(), seed=st.integers(0, 2**64), loads=st.lists(LOADS, min_size=1, max_size=12), data=st.data())
def test_a_call_ends_within_the_limit_and_never_tries_a_line_twice(
    table: Table, seed: int, loads: list[dict[str, int]], data: st.DataObject
) -> None:
    """One call from its first inquiry on, nobody ever answering, under a load that changes all the time."""
    inquiry = structs.replace(ASKED, seed=seed)
    menus = 0
    for number in range(MAX_ATTEMPTS + 2):
        choice = decide(table, loads[number % len(loads)], inquiry).choice
        if isinstance(choice, EnterMenu):
            menus += 1
            inquiry = structs.replace(inquiry, menu_done=True)
        elif isinstance(choice, Attempt):
            inquiry = structs.replace(inquiry, tried=(*inquiry.tried, (choice.line, data.draw(ATTEMPT_CAUSES))))
        else:
            break
    else:
        raise AssertionError("the call goes on for ever")
    names = [name for name, _ in inquiry.tried]
    assert len(set(names)) == len(names) <= MAX_ATTEMPTS
    assert menus <= 1
