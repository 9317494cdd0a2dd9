"""The walk of a ruling: from the number to its campaign and through overflow; and what the trail says of it."""

from itertools import pairwise
from typing import Any

import pytest
from msgspec import structs
from routing_tables import ASKED, DID, MONDAY_NOON_US, Figures, attempted, campaign, counts, dialled, line, table, tried, verdicts

from routing.cap import Cap
from routing.decide import decide
from routing.expression import parse
from routing.load import EMPTY_LOAD
from routing.ruling import Announce, Attempt, Dial, EnterMenu, Inquiry, NotRouted, RejectReason, Voicemail
from routing.table import (
    Accept,
    Block,
    Campaign,
    Health,
    Hours,
    NoRoute,
    NumberState,
    Overflow,
    Publisher,
    ToCampaign,
    ToHold,
    ToLine,
    ToMessage,
    ToVoicemail,
    TrackingNumber,
)
from routing.trail import as_plain

NEVER = Hours(zone="UTC", blocks=())
MORNING = Hours(zone="UTC", blocks=(Block(weekday=0, start_minute=480, end_minute=720),))
QUALIFY = "qualify"
SHUT_NOW = "closed at Mon 12:00 UTC: outside weekly hours"


def test_an_unknown_number_has_neither_publisher_nor_campaign() -> None:
    ruling = decide(table(campaign("auto", "east")), EMPTY_LOAD, structs.replace(ASKED, did="+1999"))
    assert (ruling.choice, ruling.publisher, ruling.campaign) == (NotRouted(because=RejectReason.UNKNOWN_NUMBER), None, None)
    assert verdicts(ruling) == [("numbers.+1999", "unknown number")]


@pytest.mark.parametrize("state", [NumberState.AVAILABLE, NumberState.COOLING, NumberState.QUARANTINED])
def test_a_number_that_is_not_assigned_is_out_of_service(state: NumberState) -> None:
    number = TrackingNumber(did=DID, publisher="radio-one", campaign="auto", state=state)
    ruling = decide(table(campaign("auto", "east", menu=QUALIFY), number=number), EMPTY_LOAD, ASKED)
    assert ruling.choice == NotRouted(because=RejectReason.NUMBER_NOT_IN_SERVICE)
    assert (ruling.publisher, ruling.campaign) == ("radio-one", "auto")
    assert verdicts(ruling)[-1] == (f"numbers.{DID}.state", f"not in service: {state}")


def test_a_paused_publisher_is_refused_before_the_menu() -> None:
    paused = Publisher(name="radio-one", paused=True)
    ruling = decide(table(campaign("auto", "east", menu=QUALIFY), publisher=paused), EMPTY_LOAD, ASKED)
    assert ruling.choice == NotRouted(because=RejectReason.PUBLISHER_PAUSED)
    assert (ruling.publisher, ruling.campaign) == ("radio-one", "auto")
    assert verdicts(ruling)[-1] == ("publishers.radio-one.paused", "paused")


def test_an_attempt_carries_the_line_and_every_cap_it_counts_against() -> None:
    accept = Accept(prompt="press-1", key="1")
    east = line("east", ring_ms=20_000, silence_ms=4_000, timer_offset_ms=1_500, accept=accept)
    auto = campaign("auto", "east", revenue_micros=25_000_000, recover_ms=20_000)
    ruling = decide(table(auto, lines=(east,)), Figures(counts={"line:east": 0, "campaign:auto": 4}), ASKED)
    assert dialled(ruling) == (
        Attempt(
            line="east",
            advertiser="acme",
            campaign="auto",
            priority=1,
            uri="sip:east@127.0.0.1:5071",
            ring_ms=20_000,
            silence_ms=4_000,
            timer_offset_ms=1_500,
            caps=(Cap(owner="line:east", limit=1), Cap(owner="advertiser:acme", limit=9), Cap(owner="campaign:auto", limit=5)),
            revenue_micros=25_000_000,
            recover_ms=20_000,
            accept=accept,
        ),
    )
    assert ruling.trail[-2].read == {"seed": 7, "lines": 1, "campaign:auto": 4}
    assert ruling.trail[-1].read == {"line:east": 0, "advertiser:acme": 0}


def test_the_trail_starts_with_all_that_a_replay_needs() -> None:
    ruling = decide(table(campaign("auto", "east", "west")), EMPTY_LOAD, tried(("east", NoRoute.BUSY)))
    assert as_plain(ruling.trail[0]) == {
        "rule": f"numbers.{DID}",
        "verdict": "publisher radio-one, campaign auto",
        "read": {"config": "v1", "utc_us": MONDAY_NOON_US, "seed": 7, "menu_done": "no", "tried": "east=busy"},
    }


@pytest.mark.parametrize("shut", [{"hours": NEVER}, {"hours": MORNING}, {"paused": True}])
def test_a_shut_campaign_is_closed_before_its_menu(shut: dict[str, Any]) -> None:
    ruling = decide(table(campaign("auto", "east", menu=QUALIFY, **shut)), EMPTY_LOAD, ASKED)
    assert ruling.choice == NotRouted(because=NoRoute.CLOSED)


def test_a_shut_campaign_says_when_it_was_closed() -> None:
    ruling = decide(table(campaign("auto", "east", hours=MORNING)), EMPTY_LOAD, ASKED)
    assert verdicts(ruling)[1:] == [
        ("campaigns.auto.hours", SHUT_NOW),
        ("campaigns.auto.overflow", "nobody takes the call: closed, and no overflow for it"),
    ]
    assert ruling.trail[1].read == {"utc_us": MONDAY_NOON_US}


def test_one_second_earlier_it_is_open() -> None:
    ruling = decide(
        table(campaign("auto", "east", hours=MORNING)), EMPTY_LOAD, structs.replace(ASKED, utc_us=MONDAY_NOON_US - 1_000_000)
    )
    assert attempted(ruling) == "east"
    assert verdicts(ruling)[1] == ("campaigns.auto.hours", "open at Mon 11:59 UTC")


def test_the_menu_comes_first_even_when_every_line_is_full() -> None:
    ruling = decide(table(campaign("auto", "east", menu=QUALIFY)), counts(east=1), ASKED)
    assert ruling.choice == EnterMenu(menu=QUALIFY, tags=ruling.tags)


@pytest.mark.parametrize("inquiry", [structs.replace(ASKED, menu_done=True), tried(("other", NoRoute.BUSY))])
def test_the_menu_is_entered_once_and_never_after_a_line_was_tried(inquiry: Inquiry) -> None:
    assert attempted(decide(table(campaign("auto", "east", menu=QUALIFY)), EMPTY_LOAD, inquiry)) == "east"


def test_each_candidate_is_explained_in_order() -> None:
    lines = (line("paused", paused=True), line("closed", hours=MORNING), line("full"), line("free"), line("after"))
    auto = campaign("auto", "tried", "paused", "closed", "full", "free", "after")
    ruling = decide(table(auto, lines=lines), counts(full=1), tried(("tried", NoRoute.BUSY)))
    assert attempted(ruling) == "free"
    assert verdicts(ruling)[2:] == [
        ("lines.tried", "tried already: busy"),
        ("lines.paused.paused", "paused"),
        ("lines.closed.hours", SHUT_NOW),
        ("lines.full.cap", "full capped: 1 of 1 at once"),
        ("lines.free", "eligible: attempt"),
    ]


def test_a_paused_advertiser_has_no_line_that_is_dialled() -> None:
    lines = (line("east", advertiser_paused=True), line("west", advertiser_paused=True, paused=True), line("other"))
    ruling = decide(table(campaign("auto", "east", "west", "other"), lines=lines), EMPTY_LOAD, ASKED)
    assert attempted(ruling) == "other"
    advertiser = lines[0].advertiser
    assert [entry for entry in verdicts(ruling) if entry[1] == "paused"] == [(f"advertisers.{advertiser}.paused", "paused")] * 2


@pytest.mark.parametrize(("live", "expected"), [(0, True), (1, False), (2, False)])
def test_a_cap_is_full_at_its_limit_not_beyond(live: int, expected: bool) -> None:  # noqa: FBT001
    ruling = decide(table(campaign("auto", "east")), counts(east=live), ASKED)
    assert isinstance(ruling.choice, Dial) is expected


CAUSES = [
    ("no lines", campaign("auto"), ASKED, NoRoute.NO_MATCH),
    ("no lines, and paused", campaign("auto", paused=True), ASKED, NoRoute.CLOSED),
    ("all closed or paused", campaign("auto", "closed", "paused"), ASKED, NoRoute.CLOSED),
    ("one capped, before a closed one", campaign("auto", "full", "closed"), ASKED, NoRoute.CAPPED),
    ("one capped, after a closed one", campaign("auto", "closed", "full"), ASKED, NoRoute.CAPPED),
    ("unhealthy", campaign("auto", "ill", "picky"), ASKED, NoRoute.FAILED),
    ("one closed, beside an unhealthy one", campaign("auto", "ill", "closed"), ASKED, NoRoute.CLOSED),
    ("capped outweighs all that was found", campaign("auto", "ill", "picky", "closed", "full"), ASKED, NoRoute.CAPPED),
    ("its filter does not take the call", campaign("auto", "picky"), ASKED, NoRoute.NO_MATCH),
    ("tried outweighs capped", campaign("auto", "full", "a"), tried(("a", NoRoute.BUSY)), NoRoute.BUSY),
    ("the last tried counts", campaign("auto", "a", "b"), tried(("b", NoRoute.BUSY), ("a", NoRoute.NO_ANSWER)), NoRoute.NO_ANSWER),
    ("the others' tries do not", campaign("auto", "a", "b"), tried(("b", NoRoute.FAILED), ("x", NoRoute.BUSY)), None),
    ("only its own tries", campaign("auto", "a"), tried(("a", NoRoute.FAILED), ("x", NoRoute.BUSY)), NoRoute.FAILED),
    ("tried outweighs having closed since", campaign("auto", "a", hours=NEVER), tried(("a", NoRoute.BUSY)), NoRoute.BUSY),
]


@pytest.mark.parametrize(("auto", "inquiry", "expected"), [row[1:] for row in CAUSES], ids=[row[0] for row in CAUSES])
def test_the_cause(auto: Campaign, inquiry: Inquiry, expected: NoRoute | None) -> None:
    ill, picky = line("ill", health=Health()), line("picky", filter=parse("anonymous"))
    lines = (line("closed", hours=NEVER), line("paused", paused=True), line("full"), ill, picky)
    load = Figures(counts={"line:full": 1}, resting={"ill": MONDAY_NOON_US + 1})
    ruling = decide(table(auto, lines=lines), load, inquiry)
    if expected is None:
        assert isinstance(ruling.choice, Dial)
    else:
        assert ruling.choice == NotRouted(because=expected)


def test_overflow_to_a_message() -> None:
    auto = campaign("auto", "east", overflow={NoRoute.CAPPED: ToMessage(prompt="all-busy")})
    ruling = decide(table(auto), counts(east=1), ASKED)
    assert ruling.choice == Announce(prompt="all-busy", because=NoRoute.CAPPED)
    assert verdicts(ruling)[-1] == ("campaigns.auto.overflow.capped", "capped: play all-busy")


def test_overflow_to_voicemail() -> None:
    terms = ToVoicemail(greeting="leave-a-message", longest_ms=90_000)
    auto = campaign("auto", "east", overflow={NoRoute.CAPPED: terms})
    ruling = decide(table(auto), counts(east=1), ASKED)
    assert ruling.choice == Voicemail(terms=terms, because=NoRoute.CAPPED)
    assert verdicts(ruling)[-1] == ("campaigns.auto.overflow.capped", "capped: voicemail after leave-a-message, 90000 ms at most")


def test_overflow_is_keyed_by_the_cause() -> None:
    auto = campaign("auto", "east", overflow={NoRoute.CAPPED: ToMessage(prompt="all-busy")})
    assert decide(table(auto), EMPTY_LOAD, tried(("east", NoRoute.BUSY))).choice == NotRouted(because=NoRoute.BUSY)


def test_overflow_to_a_line_counts_against_the_campaign_it_comes_from_but_not_its_hours() -> None:
    auto = campaign("auto", "east", overflow={NoRoute.CLOSED: ToLine(line="night")}, hours=MORNING)
    ruling = decide(table(auto), EMPTY_LOAD, ASKED)
    (night,) = dialled(ruling)
    assert (night.line, night.campaign, night.priority) == ("night", "auto", 0)
    assert Cap(owner="campaign:auto", limit=5) in night.caps
    assert decide(table(auto), Figures(counts={"campaign:auto": 5}), ASKED).choice == NotRouted(because=NoRoute.CAPPED)


def test_what_bars_the_overflow_line_is_the_end() -> None:
    overflow: dict[NoRoute, Overflow] = {NoRoute.CAPPED: ToLine(line="night"), NoRoute.CLOSED: ToMessage(prompt="unheard")}
    auto = campaign("auto", "east", overflow=overflow)
    full = counts(east=1)
    shut = line("night", hours=NEVER)
    assert decide(table(auto, lines=(shut,)), full, ASKED).choice == NotRouted(because=NoRoute.CLOSED)
    assert decide(table(auto), full, tried(("night", NoRoute.NO_ANSWER))).choice == NotRouted(because=NoRoute.NO_ANSWER)


def test_overflow_to_a_campaign_counts_for_that_campaign() -> None:
    auto = campaign("auto", "east", overflow={NoRoute.CAPPED: ToCampaign(campaign="spare")})
    ruling = decide(table(auto, campaign("spare", "west")), counts(east=1), ASKED)
    (west,) = dialled(ruling)
    assert (west.line, west.campaign, ruling.campaign) == ("west", "spare", "spare")
    assert [cap.owner for cap in west.caps] == ["line:west", "advertiser:acme", "campaign:spare"]


def test_the_overflow_campaigns_menu_is_entered_only_by_the_unqualified() -> None:
    auto = campaign("auto", "east", overflow=dict.fromkeys(NoRoute, ToCampaign(campaign="spare")))
    asks = table(auto, campaign("spare", "west", menu=QUALIFY))
    ruling = decide(asks, counts(east=1), ASKED)
    assert (ruling.choice, ruling.campaign) == (EnterMenu(menu=QUALIFY, tags=ruling.tags), "spare")
    assert attempted(decide(asks, counts(east=1), structs.replace(ASKED, menu_done=True))) == "west"
    assert attempted(decide(asks, EMPTY_LOAD, tried(("east", NoRoute.BUSY)))) == "west"


def test_a_later_inquiry_comes_to_the_same_place_and_goes_on() -> None:
    auto = campaign("auto", "a1", "a2", overflow={NoRoute.BUSY: ToCampaign(campaign="spare")})
    spare = campaign("spare", "b1", "b2", overflow={NoRoute.NO_ANSWER: ToMessage(prompt="sorry")})
    both = table(auto, spare)
    so_far: list[tuple[str, NoRoute]] = []
    for why in (NoRoute.FAILED, NoRoute.BUSY, NoRoute.BUSY, NoRoute.NO_ANSWER):
        so_far.append((attempted(decide(both, EMPTY_LOAD, tried(*so_far))), why))
    assert [name for name, _ in so_far] == ["a1", "a2", "b1", "b2"]
    ruling = decide(both, EMPTY_LOAD, tried(*so_far))
    assert (ruling.choice, ruling.campaign) == (Announce(prompt="sorry", because=NoRoute.NO_ANSWER), "spare")


def test_a_place_that_came_free_in_the_first_campaign_is_taken() -> None:
    auto = campaign("auto", "a1", overflow={NoRoute.CAPPED: ToCampaign(campaign="spare")})
    both = table(auto, campaign("spare", "b1", "b2"))
    assert attempted(decide(both, counts(a1=1), ASKED)) == "b1"
    assert attempted(decide(both, EMPTY_LOAD, tried(("b1", NoRoute.BUSY)))) == "a1"


def test_campaigns_that_overflow_in_a_circle_are_asked_once_each() -> None:
    auto = campaign("auto", "east", overflow={NoRoute.CAPPED: ToCampaign(campaign="spare")})
    spare = campaign("spare", "east", overflow={NoRoute.CAPPED: ToCampaign(campaign="auto")})
    ruling = decide(table(auto, spare), counts(east=1), ASKED)
    assert (ruling.choice, ruling.campaign) == (NotRouted(because=NoRoute.CAPPED), "spare")
    assert verdicts(ruling)[-1] == ("campaigns.spare.overflow.capped", "capped: campaign auto has been asked already")


def test_a_chain_of_campaigns_is_bounded() -> None:
    names = [f"c{number}" for number in range(9)]
    chain = [campaign(name, overflow={NoRoute.NO_MATCH: ToCampaign(campaign=onward)}) for name, onward in pairwise(names)]
    ruling = decide(table(*chain, campaign(names[-1], "east")), EMPTY_LOAD, ASKED)
    assert (ruling.choice, ruling.campaign) == (NotRouted(because=NoRoute.NO_MATCH), names[7])
    assert attempted(decide(table(*chain[1:], campaign(names[-1], "east")), EMPTY_LOAD, ASKED)) == "east"


def test_attempts_are_bounded() -> None:
    names = [f"l{number}" for number in range(11)]
    auto = campaign("auto", *names)
    spent = [(name, NoRoute.NO_ANSWER) for name in names[:10]]
    assert attempted(decide(table(auto), EMPTY_LOAD, tried(*spent[:-1]))) == names[9]
    ruling = decide(table(auto), EMPTY_LOAD, tried(*spent))
    assert ruling.choice == NotRouted(because=NoRoute.NO_ANSWER)
    assert ("limits.attempts", "attempts used up") in verdicts(ruling)


def test_when_attempts_are_used_up_a_message_is_still_heard_but_nothing_is_dialled() -> None:
    names = [f"l{number}" for number in range(10)]
    spent = tried(*((name, NoRoute.BUSY) for name in names))
    heard = campaign("spare", "west", overflow={NoRoute.BUSY: ToMessage(prompt="sorry")})
    onward = campaign("auto", *names, overflow={NoRoute.BUSY: ToCampaign(campaign="spare")})
    assert decide(table(onward, heard), EMPTY_LOAD, spent).choice == Announce(prompt="sorry", because=NoRoute.BUSY)
    night = campaign("auto", *names, overflow={NoRoute.BUSY: ToLine(line="night")})
    assert decide(table(night), EMPTY_LOAD, spent).choice == NotRouted(because=NoRoute.BUSY)
    held = campaign("auto", *names, overflow={NoRoute.BUSY: ToHold(places=5, wait_ms=60_000)})
    assert decide(table(held), EMPTY_LOAD, spent).choice == NotRouted(because=NoRoute.BUSY)
