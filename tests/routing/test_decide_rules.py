"""The other rules of a ruling, one by one: tags and filters, the menu's transfer, health, retries, the hold queue."""

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from routing_tables import ASKED, MONDAY_NOON_US, Figures, attempted, campaign, counts, dialled, line, table, tried, verdicts

from routing.decide import decide
from routing.expression import parse
from routing.load import EMPTY_LOAD
from routing.ruling import Announce, EnterMenu, Inquiry, NotRouted, Wait
from routing.table import Block, Campaign, Health, Hours, NoRoute, Overflow, ToCampaign, ToHold, ToLine, ToMessage

NEVER = Hours(zone="UTC", blocks=())
FROM_ONE = Hours(zone="UTC", blocks=(Block(weekday=0, start_minute=780, end_minute=1020),))
OLD = structs.replace(ASKED, tags={"age": 70})
YOUNG = structs.replace(ASKED, tags={"age": 20})


# Tags and filters


def test_the_ruling_carries_the_tags_of_the_campaign_it_is_made_for() -> None:
    auto = campaign("auto", overflow={NoRoute.NO_MATCH: ToCampaign(campaign="spare")}, zone="UTC")
    ruling = decide(table(auto, campaign("spare", "east", zone="Asia/Tokyo")), EMPTY_LOAD, OLD)
    assert (ruling.tags["campaign"], ruling.tags["hour"], ruling.tags["age"]) == ("spare", 21, 70)
    assert ruling.tags["repeat"] is False


def test_a_refused_call_has_tags_too() -> None:
    ruling = decide(table(campaign("auto")), EMPTY_LOAD, structs.replace(ASKED, did="+1999"))
    assert (ruling.tags["number"], ruling.tags["caller"]) == ("+1999", ASKED.ani)
    assert "campaign" not in ruling.tags


def test_a_campaigns_filter_takes_or_leaves_the_call() -> None:
    auto = table(campaign("auto", "east", filter=parse("age >= 65")))
    assert attempted(decide(auto, EMPTY_LOAD, OLD)) == "east"
    ruling = decide(auto, EMPTY_LOAD, YOUNG)
    assert ruling.choice == NotRouted(because=NoRoute.NO_MATCH)
    assert verdicts(ruling)[1] == ("campaigns.auto.filter", "no match: age >= 65")
    assert ruling.trail[1].read == {"age": 20}


def test_a_campaigns_filter_waits_for_its_menu() -> None:
    asks = table(campaign("auto", "east", filter=parse("age >= 65"), menu="qualify"))
    ruling = decide(asks, EMPTY_LOAD, ASKED)
    assert ruling.choice == EnterMenu(menu="qualify", tags=ruling.tags)
    assert attempted(decide(asks, EMPTY_LOAD, structs.replace(OLD, menu_done=True))) == "east"
    assert decide(asks, EMPTY_LOAD, structs.replace(YOUNG, menu_done=True)).choice == NotRouted(because=NoRoute.NO_MATCH)


def test_a_closed_campaign_is_closed_whatever_its_filter_says() -> None:
    ruling = decide(table(campaign("auto", "east", filter=parse("age >= 65"), hours=NEVER)), EMPTY_LOAD, YOUNG)
    assert ruling.choice == NotRouted(because=NoRoute.CLOSED)


def test_a_filter_that_no_longer_matches_does_not_hide_what_happened() -> None:
    auto = table(campaign("auto", "east", filter=parse("age >= 65")))
    ruling = decide(auto, EMPTY_LOAD, structs.replace(YOUNG, tried=(("east", NoRoute.BUSY),)))
    assert ruling.choice == NotRouted(because=NoRoute.BUSY)


def test_a_lines_filter_bars_that_line_only() -> None:
    east = line("east", filter=parse("age >= 65"))
    both = table(campaign("auto", "east", "west"), lines=(east,))
    assert attempted(decide(both, EMPTY_LOAD, OLD)) == "east"
    ruling = decide(both, EMPTY_LOAD, YOUNG)
    assert attempted(ruling) == "west"
    assert ("lines.east.filter", "no match: age >= 65") in verdicts(ruling)


@pytest.mark.parametrize("more", [{"paused": True}, {"hours": NEVER}, {"health": Health()}, {}])
def test_a_line_that_would_not_take_the_caller_anyway_does_not_let_him_wait(more: dict[str, Any]) -> None:
    """Closed, resting or full, it is `no_match` to a call that its filter leaves."""
    east = line("east", filter=parse("age >= 65"), **more)
    load = Figures(counts={"line:east": 1}, resting={"east": MONDAY_NOON_US + 1})
    ruling = decide(table(campaign("auto", "east"), lines=(east,)), load, YOUNG)
    assert ruling.choice == NotRouted(because=NoRoute.NO_MATCH)


def test_time_tags_are_the_campaigns_own() -> None:
    tokyo = campaign("auto", "east", zone="Asia/Tokyo", filter=parse("hour == 21 and weekday == mon"))
    assert attempted(decide(table(tokyo), EMPTY_LOAD, ASKED)) == "east"
    assert decide(table(replace(tokyo, zone="UTC")), EMPTY_LOAD, ASKED).choice == NotRouted(because=NoRoute.NO_MATCH)


# The menu's transfer

SENT = structs.replace(ASKED, menu_done=True, line="night")


def test_a_transfer_goes_to_its_line_before_the_campaigns_lines() -> None:
    ruling = decide(table(campaign("auto", "east", menu="qualify"), lines=(line("night"),)), EMPTY_LOAD, SENT)
    (attempt,) = dialled(ruling)
    assert (attempt.line, attempt.campaign, attempt.priority) == ("night", "auto", 0)
    assert [cap.owner for cap in attempt.caps] == ["line:night", "advertiser:acme", "campaign:auto"]
    assert ("campaigns.auto.menu", "the menu transfers to line night") in verdicts(ruling)


@pytest.mark.parametrize(
    ("night", "load", "so_far", "cause"),
    [
        (line("night", hours=NEVER), EMPTY_LOAD, (), NoRoute.CLOSED),
        (line("night"), counts(night=1), (), NoRoute.CAPPED),
        (line("night", filter=parse("age > 1")), EMPTY_LOAD, (), NoRoute.NO_MATCH),
        (line("night"), EMPTY_LOAD, (("night", NoRoute.BUSY),), NoRoute.BUSY),
    ],
)
def test_what_bars_the_line_of_a_transfer_is_the_cause_of_overflow(
    night: Any, load: Figures, so_far: tuple[tuple[str, NoRoute], ...], cause: NoRoute
) -> None:
    auto = campaign("auto", "east", menu="qualify", overflow={cause: ToMessage(prompt="sorry")})
    ruling = decide(table(auto, lines=(night,)), load, structs.replace(SENT, tried=so_far))
    assert ruling.choice == Announce(prompt="sorry", because=cause)


def test_the_campaign_after_that_hunts_its_own_lines() -> None:
    """Also when it has a menu itself: the caller was transferred once."""
    auto = campaign("auto", "east", menu="qualify", overflow={NoRoute.CAPPED: ToCampaign(campaign="spare")})
    spare = campaign("spare", "west", menu="other")
    assert attempted(decide(table(auto, spare, lines=(line("night"),)), counts(night=1), SENT)) == "west"


def test_a_campaign_without_a_menu_is_not_where_the_menu_was() -> None:
    auto = campaign("auto", "east", overflow={NoRoute.CAPPED: ToCampaign(campaign="spare")})
    spare = campaign("spare", "west", menu="qualify")
    asks = table(auto, spare, lines=(line("night"),))
    assert attempted(decide(asks, counts(east=1), SENT)) == "night"
    assert attempted(decide(asks, EMPTY_LOAD, SENT)) == "east"


# Health


@pytest.mark.parametrize(("until_us", "is_free"), [(0, True), (MONDAY_NOON_US, True), (MONDAY_NOON_US + 1, False)])
def test_an_unhealthy_line_is_left_alone_until_it_has_rested(until_us: int, is_free: bool) -> None:  # noqa: FBT001
    east = table(campaign("auto", "east"), lines=(line("east", health=Health()),))
    ruling = decide(east, Figures(resting={"east": until_us}), ASKED)
    if is_free:
        assert attempted(ruling) == "east"
    else:
        assert ruling.choice == NotRouted(because=NoRoute.FAILED)
        assert verdicts(ruling)[-2] == ("lines.east.health", "unhealthy: it is left alone")
    assert ruling.trail[2].read["resting_until_us/east"] == until_us


def test_a_line_without_a_health_rule_rests_when_it_asks_for_it() -> None:
    east = table(campaign("auto", "east"))
    ruling = decide(east, Figures(resting={"east": MONDAY_NOON_US + 1}), ASKED)
    assert ruling.choice == NotRouted(because=NoRoute.FAILED)
    assert ("lines.east", "it asked to be left alone (503, Retry-After)") in verdicts(ruling)
    assert attempted(decide(east, Figures(resting={"east": MONDAY_NOON_US}), ASKED)) == "east"


def test_a_line_that_is_down_is_passed_over() -> None:
    both = table(campaign("auto", "east", "west"))
    ruling = decide(both, Figures(down=frozenset({"east"})), ASKED)
    assert attempted(ruling) == "west"
    assert ("lines.east.health", "down: it does not answer OPTIONS") in verdicts(ruling)
    ruling = decide(both, Figures(down=frozenset({"east", "west"})), ASKED)
    assert ruling.choice == NotRouted(because=NoRoute.FAILED)


# Retries


def test_the_hunt_ends_after_as_many_attempts_of_one_sort_as_the_campaign_allows() -> None:
    auto = table(campaign("auto", "a", "b", "c", "d", retry={NoRoute.NO_ANSWER: 2}))
    once = tried(("a", NoRoute.NO_ANSWER), ("b", NoRoute.BUSY))
    assert attempted(decide(auto, EMPTY_LOAD, once)) == "c"
    ruling = decide(auto, EMPTY_LOAD, tried(*once.tried, ("c", NoRoute.NO_ANSWER)))
    assert ruling.choice == NotRouted(because=NoRoute.NO_ANSWER)
    assert ("campaigns.auto.retry.no_answer", "the hunt ends: 2 of 2 no_answer") in verdicts(ruling)


def test_retries_of_other_campaigns_do_not_count() -> None:
    auto = table(campaign("auto", "a", retry={NoRoute.NO_ANSWER: 1}))
    assert attempted(decide(auto, EMPTY_LOAD, tried(("x", NoRoute.NO_ANSWER)))) == "a"


def test_the_class_that_was_spent_first_is_the_cause_for_good() -> None:
    retry = {NoRoute.NO_ANSWER: 1, NoRoute.BUSY: 2}
    ends: dict[NoRoute, Overflow] = {NoRoute.NO_ANSWER: ToCampaign(campaign="spare"), NoRoute.BUSY: ToMessage(prompt="wrong door")}
    both = table(campaign("auto", "a", "b", retry=retry, overflow=ends), campaign("spare", "b", "c"))
    assert attempted(decide(both, EMPTY_LOAD, tried(("a", NoRoute.NO_ANSWER)))) == "b"
    assert attempted(decide(both, EMPTY_LOAD, tried(("a", NoRoute.NO_ANSWER), ("b", NoRoute.BUSY)))) == "c"


# The hold queue

HOLD = ToHold(places=3, wait_ms=120_000)


def holding(**overflow: Overflow) -> Campaign:
    causes: dict[NoRoute, Overflow] = {NoRoute.CAPPED: HOLD} | {NoRoute(cause): way for cause, way in overflow.items()}
    return campaign("auto", "east", overflow=causes)


def held(held_ms: int) -> Inquiry:
    return structs.replace(ASKED, held_ms=held_ms)


def queued(waiting: int) -> Figures:
    return replace(counts(east=1), queues={"auto": waiting})


@pytest.mark.parametrize(("waiting", "is_free"), [(0, True), (2, True), (3, False), (4, False)])
def test_a_hold_queue_has_so_many_places(waiting: int, is_free: bool) -> None:  # noqa: FBT001
    ruling = decide(table(holding()), queued(waiting), ASKED)
    wait = Wait(campaign="auto", because=NoRoute.CAPPED, again_ms=5_000, position=waiting + 1)
    assert ruling.choice == (wait if is_free else NotRouted(because=NoRoute.QUEUE_FULL))
    reason = next(reason for reason in ruling.trail if reason.rule.endswith(".hold"))
    assert reason.verdict == f"{'hold' if is_free else 'queue full'}: {waiting} of 3 wait"
    assert reason.read == {"waiting/auto": waiting}


def test_who_is_in_the_queue_needs_no_other_place() -> None:
    assert isinstance(decide(table(holding()), queued(3), held(5_000)).choice, Wait)


@pytest.mark.parametrize(
    ("held_ms", "again_ms"),
    [(0, 5_000), (114_999, 5_000), (115_000, 5_000), (115_001, 4_999), (119_999, 1), (120_000, None), (200_000, None)],
)
def test_nobody_waits_longer_than_allowed(held_ms: int, again_ms: int | None) -> None:
    ruling = decide(table(holding()), queued(1), held(held_ms))
    if again_ms is None:
        assert ruling.choice == NotRouted(because=NoRoute.WAITED_TOO_LONG)
        assert ("campaigns.auto.overflow.capped.hold", f"waited too long: {held_ms} of 120000 ms") in verdicts(ruling)
    else:
        assert ruling.choice == Wait(campaign="auto", because=NoRoute.CAPPED, again_ms=again_ms, position=2)


def test_the_queue_is_asked_again_no_later_than_the_wait_ends() -> None:
    brief = campaign("auto", "east", overflow={NoRoute.CAPPED: ToHold(places=1, wait_ms=2_000)})
    assert decide(table(brief), counts(east=1), ASKED).choice == Wait(campaign="auto", because=NoRoute.CAPPED, again_ms=2_000)


def test_a_full_queue_and_a_long_wait_have_overflows_of_their_own() -> None:
    auto = holding(queue_full=ToMessage(prompt="all-busy"), waited_too_long=ToCampaign(campaign="spare"))
    both = table(auto, campaign("spare", "west"))
    assert decide(both, queued(3), ASKED).choice == Announce(prompt="all-busy", because=NoRoute.QUEUE_FULL)
    ruling = decide(both, queued(3), held(120_000))
    assert (attempted(ruling), ruling.campaign) == ("west", "spare")
    assert ("campaigns.auto.overflow.waited_too_long", "waited_too_long: to campaign spare") in verdicts(ruling)


def test_a_line_may_take_who_waited_too_long() -> None:
    assert attempted(decide(table(holding(waited_too_long=ToLine(line="night"))), queued(1), held(120_000))) == "night"


def test_a_place_that_comes_free_goes_to_who_waits() -> None:
    assert attempted(decide(table(holding()), Figures(queues={"auto": 3}), held(10_000))) == "east"


def test_who_waits_for_a_closed_line_gets_it_when_it_opens() -> None:
    auto = campaign("auto", "east", overflow={NoRoute.CLOSED: HOLD})
    opening = table(auto, lines=(line("east", hours=FROM_ONE),))
    at_one = structs.replace(held(10_000), utc_us=MONDAY_NOON_US + 3_600_000_000)
    assert isinstance(decide(opening, EMPTY_LOAD, held(5_000)).choice, Wait)
    assert attempted(decide(opening, EMPTY_LOAD, at_one)) == "east"


def test_a_line_that_was_tried_stays_tried_for_who_waits() -> None:
    auto = campaign("auto", "east", overflow={NoRoute.BUSY: HOLD})
    inquiry = structs.replace(held(5_000), tried=(("east", NoRoute.BUSY),))
    assert decide(table(auto), EMPTY_LOAD, inquiry).choice == Wait(campaign="auto", because=NoRoute.BUSY, again_ms=5_000)


@pytest.mark.parametrize(("inquiry", "cause"), [(ASKED, NoRoute.QUEUE_FULL), (held(300_000), NoRoute.WAITED_TOO_LONG)])
def test_hold_queues_do_not_lead_in_a_circle(inquiry: Inquiry, cause: NoRoute) -> None:
    auto = holding(queue_full=HOLD, waited_too_long=HOLD)
    ruling = decide(table(auto), queued(9), inquiry)
    assert ruling.choice == NotRouted(because=cause)
    assert verdicts(ruling)[-1] == (f"campaigns.auto.overflow.{cause}", f"{cause}: its overflow has been asked already")


def test_a_second_queue_may_take_who_finds_the_first_one_full() -> None:
    auto = holding(queue_full=ToHold(places=9, wait_ms=30_000))
    assert decide(table(auto), queued(3), ASKED).choice == Wait(
        campaign="auto", because=NoRoute.QUEUE_FULL, again_ms=5_000, position=4
    )


# The trail


def test_the_trail_tells_a_transfer_and_a_wait() -> None:
    inquiry = structs.replace(SENT, held_ms=5_000)
    ruling = decide(table(campaign("auto", "east", menu="qualify"), lines=(line("night"),)), EMPTY_LOAD, inquiry)
    assert (ruling.trail[0].read["transfer"], ruling.trail[0].read["held_ms"]) == ("night", 5_000)
