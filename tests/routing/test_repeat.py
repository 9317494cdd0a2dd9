"""Repeat callers: in which scope, for how long, and where they go."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from routing_tables import ASKED, DID, MONDAY_NOON_US, Figures, attempted, campaign, dialled, line, table, verdicts

from routing.decide import decide
from routing.expression import parse
from routing.load import EMPTY_LOAD, PaidConversion
from routing.ruling import EnterMenu, Inquiry, NotRouted, RejectReason, Ruling
from routing.table import NoRoute, Repeat, RepeatRoute, RepeatScope, Table, ToLine

DAY_MS = 86_400_000
ELSEWHERE = {"did": "+18005550999", "campaign": "home", "advertiser": "beta", "line": "far"}


def paid(where: Mapping[str, str] | None = None, *, days_ago: int = 1, **more: str) -> PaidConversion:
    """A conversion that has nothing to do with the call but what is given."""
    return PaidConversion(at_us=MONDAY_NOON_US - days_ago * DAY_MS * 1_000, **{**ELSEWHERE, **(where or {}), **more})


def past(*conversions: PaidConversion) -> Figures:
    return Figures(conversions=conversions)


def ruled(scope: RepeatScope, route: RepeatRoute, load: Figures, *, inquiry: Inquiry = ASKED, **more: Any) -> Ruling:
    return decide(asking(scope, route, **more), load, inquiry)


def asking(scope: RepeatScope, route: RepeatRoute, **more: Any) -> Table:
    """Campaign auto, of group vehicles with truck: acme's lines east and west, then beta's north."""
    rule = Repeat(scope=scope, window_ms=30 * DAY_MS, route=route)
    mine: dict[str, Any] = {"repeat": rule, "conversion_group": "vehicles"} | more
    auto = campaign("auto", "east", "west", "north", **mine)
    others = (campaign("truck", conversion_group="vehicles"), campaign("home", conversion_group="houses"), campaign("alone"))
    return table(auto, *others, lines=(line("north", advertiser="beta"),))


SCOPES = [
    (RepeatScope.CAMPAIGN, {"campaign": "auto"}, True),
    (RepeatScope.CAMPAIGN, {"did": DID, "advertiser": "acme", "line": "east", "campaign": "truck"}, False),
    (RepeatScope.NUMBER, {"did": DID}, True),
    (RepeatScope.NUMBER, {"campaign": "auto", "advertiser": "acme", "line": "east"}, False),
    (RepeatScope.GROUP, {"campaign": "truck"}, True),
    (RepeatScope.GROUP, {"campaign": "auto"}, True),
    (RepeatScope.GROUP, {"campaign": "home"}, False),
    (RepeatScope.GROUP, {"campaign": "gone-from-the-config"}, False),
    (RepeatScope.LINE, {"line": "east", "advertiser": "acme"}, True),
    (RepeatScope.LINE, {"line": "far", "advertiser": "acme", "campaign": "auto", "did": DID}, False),
    (RepeatScope.ADVERTISER, {"advertiser": "acme"}, True),
    (RepeatScope.ADVERTISER, {"advertiser": "gamma", "campaign": "auto", "did": DID}, False),
]


@pytest.mark.parametrize(("scope", "where", "is_repeat"), SCOPES)
def test_the_scope_says_which_conversions_count(scope: RepeatScope, where: dict[str, str], is_repeat: bool) -> None:  # noqa: FBT001
    ruling = ruled(scope, RepeatRoute.ANY, past(paid(where)))
    assert ruling.tags["repeat"] is is_repeat
    assert dialled(ruling)[0].repeat is is_repeat
    assert verdicts(ruling)[1][0] == "campaigns.auto.repeat"
    assert verdicts(ruling)[1][1].startswith("repeat" if is_repeat else "no repeat")


def test_campaigns_without_a_group_are_in_none_together() -> None:
    ruling = ruled(RepeatScope.GROUP, RepeatRoute.ANY, past(paid(campaign="alone")), conversion_group=None)
    assert ruling.tags["repeat"] is False


@pytest.mark.parametrize("scope", list(RepeatScope))
@pytest.mark.parametrize(("age_us", "is_repeat"), [(30 * DAY_MS * 1_000 - 1, True), (30 * DAY_MS * 1_000, False)])
def test_the_window_ends_at_the_microsecond(scope: RepeatScope, age_us: int, is_repeat: bool) -> None:  # noqa: FBT001
    conversion = PaidConversion(at_us=MONDAY_NOON_US - age_us, did=DID, campaign="auto", advertiser="acme", line="east")
    ruling = ruled(scope, RepeatRoute.ANY, past(conversion))
    assert ruling.tags["repeat"] is is_repeat
    assert dialled(ruling)[0].repeat is is_repeat


def test_an_old_conversion_behind_a_recent_one_does_not_hide_it() -> None:
    load = past(paid(campaign="auto", days_ago=90), paid(campaign="auto", days_ago=2))
    assert ruled(RepeatScope.CAMPAIGN, RepeatRoute.ANY, load).tags["repeat"] is True


@pytest.mark.parametrize("ani", ["anonymous", "", "+10000000000"])
def test_anonymous_callers_are_never_repeats_and_are_not_looked_up(ani: str) -> None:
    class Unasked(Figures):
        def paid(self, ani: str) -> tuple[PaidConversion, ...]:
            raise AssertionError(ani)

    ruling = decide(asking(RepeatScope.CAMPAIGN, RepeatRoute.REJECT), Unasked(), structs.replace(ASKED, ani=ani))
    assert attempted(ruling) == "east"
    assert verdicts(ruling)[1] == ("campaigns.auto.repeat", "no repeat: the caller is anonymous")


def test_a_campaign_without_a_rule_knows_no_repeats() -> None:
    ruling = decide(table(campaign("auto", "east")), past(paid(campaign="auto")), ASKED)
    assert ruling.tags["repeat"] is False
    assert not dialled(ruling)[0].repeat


@pytest.mark.parametrize(("scope", "where"), [(RepeatScope.CAMPAIGN, {"campaign": "auto"}), (RepeatScope.NUMBER, {"did": DID})])
def test_reject_refuses_the_call_before_its_menu(scope: RepeatScope, where: dict[str, str]) -> None:
    ruling = ruled(scope, RepeatRoute.REJECT, past(paid(where, line="east")), menu="qualify")
    assert ruling.choice == NotRouted(because=RejectReason.REPEAT)
    assert verdicts(ruling)[-1] == ("campaigns.auto.repeat", "repeat: paid for on line east, rejected")
    assert isinstance(ruled(scope, RepeatRoute.REJECT, NOTHING_PAID, menu="qualify").choice, EnterMenu)


NOTHING_PAID = past()


def test_reject_by_line_bars_that_line() -> None:
    ruling = ruled(RepeatScope.LINE, RepeatRoute.REJECT, past(paid(line="east", advertiser="acme")))
    assert attempted(ruling) == "west"
    assert ("campaigns.auto.repeat.route", "east is barred for a repeat: reject") in verdicts(ruling)


@pytest.mark.parametrize("route", [RepeatRoute.REJECT, RepeatRoute.OTHER])
def test_by_advertiser_all_lines_of_one_who_paid_are_barred(route: RepeatRoute) -> None:
    assert attempted(ruled(RepeatScope.ADVERTISER, route, past(paid(line="gone", advertiser="acme")))) == "north"


@pytest.mark.parametrize("scope", [RepeatScope.CAMPAIGN, RepeatScope.GROUP])
def test_other_bars_every_line_that_was_paid_for(scope: RepeatScope) -> None:
    first, second = paid(campaign="auto", line="east", days_ago=3), paid(campaign="auto", line="west", days_ago=2)
    assert attempted(ruled(scope, RepeatRoute.OTHER, past(first))) == "west"
    assert attempted(ruled(scope, RepeatRoute.OTHER, past(first, second))) == "north"
    third = paid(campaign="auto", line="north")
    assert ruled(scope, RepeatRoute.OTHER, past(first, second, third)).choice == NotRouted(because=NoRoute.NO_MATCH)


def test_other_forgets_lines_that_were_paid_for_before_the_window() -> None:
    load = past(paid(campaign="auto", line="east", days_ago=40), paid(campaign="auto", line="west"))
    assert attempted(ruled(RepeatScope.CAMPAIGN, RepeatRoute.OTHER, load)) == "east"


@pytest.mark.parametrize("scope", [RepeatScope.CAMPAIGN, RepeatScope.LINE, RepeatScope.ADVERTISER])
def test_same_goes_to_the_line_of_the_last_paid_conversion_only(scope: RepeatScope) -> None:
    first = paid(campaign="auto", line="north", advertiser="beta", days_ago=3)
    last = paid(campaign="auto", line="west", advertiser="acme", days_ago=2)
    ruling = ruled(scope, RepeatRoute.SAME, past(first, last))
    assert attempted(ruling) == "west"
    assert verdicts(ruling)[1][1] == "repeat: paid for on line west, and only that line is hunted"
    full = replace(past(first, last), counts={"line:west": 1})
    assert ruled(scope, RepeatRoute.SAME, full).choice == NotRouted(because=NoRoute.CAPPED)


def test_same_to_a_line_that_the_campaign_has_no_more_matches_nobody() -> None:
    assert ruled(RepeatScope.CAMPAIGN, RepeatRoute.SAME, past(paid(campaign="auto"))).choice == NotRouted(because=NoRoute.NO_MATCH)


def test_same_does_not_keep_an_overflow_from_its_line() -> None:
    load = Figures(conversions=(paid(campaign="auto", line="east"),), counts={"line:east": 1})
    overflow = {NoRoute.CAPPED: ToLine(line="west")}
    assert attempted(ruled(RepeatScope.CAMPAIGN, RepeatRoute.SAME, load, overflow=overflow)) == "west"


def test_other_keeps_an_overflow_from_a_line_that_was_paid_for() -> None:
    load = Figures(conversions=(paid(campaign="auto", line="east"),), counts={"line:west": 1, "line:north": 1})
    overflow = {NoRoute.CAPPED: ToLine(line="east")}
    assert ruled(RepeatScope.CAMPAIGN, RepeatRoute.OTHER, load, overflow=overflow).choice == NotRouted(because=NoRoute.NO_MATCH)


def test_any_bars_nothing_but_says_so() -> None:
    ruling = ruled(RepeatScope.CAMPAIGN, RepeatRoute.ANY, past(paid(campaign="auto", line="east")))
    assert (attempted(ruling), dialled(ruling)[0].repeat) == ("east", True)


@pytest.mark.parametrize(("scope", "lines"), [(RepeatScope.LINE, {"east"}), (RepeatScope.ADVERTISER, {"east", "west"})])
def test_line_by_line_only_those_paid_for_are_repeats(scope: RepeatScope, lines: set[str]) -> None:
    conversion = past(paid(line="east", advertiser="acme"))
    for name, others in (("east", ()), ("west", ("east",)), ("north", ("east", "west"))):
        load = replace(conversion, counts={f"line:{other}": 1 for other in others})
        (attempt,) = dialled(ruled(scope, RepeatRoute.ANY, load))
        assert (attempt.line, attempt.repeat) == (name, name in lines)


def test_a_lines_filter_reads_repeat_of_that_line() -> None:
    rule = Repeat(scope=RepeatScope.LINE, window_ms=DAY_MS * 30)
    fresh = parse("not repeat")
    lines = tuple(line(name, filter=fresh) for name in ("east", "west"))
    both = table(replace(campaign("auto", "east", "west"), repeat=rule, filter=parse("repeat")), lines=lines)
    assert attempted(decide(both, past(paid(line="east", advertiser="acme")), ASKED)) == "west"
    assert decide(both, EMPTY_LOAD, ASKED).choice == NotRouted(because=NoRoute.NO_MATCH)


def test_the_menu_may_branch_on_repeat() -> None:
    ruling = ruled(RepeatScope.CAMPAIGN, RepeatRoute.ANY, past(paid(campaign="auto")), menu="qualify")
    assert isinstance(ruling.choice, EnterMenu)
    assert ruling.choice.tags["repeat"] is True
    assert ruling.choice.tags == ruling.tags


def test_the_trail_holds_the_conversions_that_were_read() -> None:
    conversion = paid(campaign="auto", line="east", advertiser="acme")
    ruling = ruled(RepeatScope.CAMPAIGN, RepeatRoute.ANY, past(paid(campaign="home"), conversion))
    assert ruling.trail[1].read == {"paid": f"{conversion.at_us}={conversion.did}/auto/acme/east"}


def test_line_by_line_a_line_that_the_campaign_does_not_hunt_may_be_a_repeat_too() -> None:
    """The overflow's line; it makes no repeat of the whole call, for the campaign could send that to a line of its own."""
    load = Figures(
        conversions=(paid(line="night", advertiser="acme"),), counts={f"line:{name}": 1 for name in ("east", "west", "north")}
    )
    overflow = {NoRoute.CAPPED: ToLine(line="night")}
    ruling = ruled(RepeatScope.LINE, RepeatRoute.ANY, load, overflow=overflow)
    assert (attempted(ruling), dialled(ruling)[0].repeat, ruling.tags["repeat"]) == ("night", True, False)
    assert ruled(RepeatScope.LINE, RepeatRoute.OTHER, load, overflow=overflow).choice == NotRouted(because=NoRoute.NO_MATCH)
