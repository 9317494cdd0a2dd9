"""The rules of `docs/billing.md` §4, §5, §6, one by one: every event, tiers, percent, two independent rules, repeats, near misses."""

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from money_cases import ANSWERED_US, AUTO, DOLLAR, INVITED_US, SECOND_US, TERMS, attempt, call, flat, in_turn, price, step, talk

from switch.billing.entry_state import State
from switch.billing.judge import DAY_US, judge, thresholds
from switch.billing.terms import POSTED, BillableOn, Rate, Terms, Tiers, share, show_share
from switch.billing.verdict import MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, EndedBy, FinalState, Heard, Outcome

TEN_THEN_25 = price(talk(60_000, 10 * DOLLAR), talk(120_000, 25 * DOLLAR))


def money(verdict: Verdict) -> dict[str, int]:
    return {row.key: row.amount_micros for row in verdict.rows}


def instants(verdict: Verdict) -> dict[str, int]:
    return {row.key: row.at_us for row in verdict.rows}


def selling(on: BillableOn, at_least_ms: int = 0) -> dict[str, Terms]:
    """Revenue 25 and payout 18, both by that event."""
    steps = (step(on, 25 * DOLLAR, at_least_ms), step(on, 18 * DOLLAR, at_least_ms))
    return {"auto": Terms(campaign="auto", revenue=price(steps[0]), payout=price(steps[1]))}


BOTH = {"c1/revenue/east": 25 * DOLLAR, "c1/payout": 18 * DOLLAR}
PAYOUT_ONLY = {"c1/payout": 18 * DOLLAR}


# every event, and when it becomes true


@pytest.mark.parametrize(
    ("on", "record", "expected", "at_us"),
    [
        (BillableOn.INBOUND, call(attempt("east", None)), BOTH, INVITED_US),
        (BillableOn.INBOUND, call(), PAYOUT_ONLY, INVITED_US),
        (BillableOn.INBOUND, call(publisher=None), {}, None),
        (BillableOn.MENU_DONE, call(attempt("east", None), menu_done=True), BOTH, ANSWERED_US + 3 * SECOND_US),
        (BillableOn.MENU_DONE, call(total_ms=10_000, menu_done=True), PAYOUT_ONLY, ANSWERED_US + 3 * SECOND_US),
        (BillableOn.MENU_DONE, call(attempt("east", 10)), {}, None),
        (BillableOn.DIALED, call(attempt("east", None)), BOTH, INVITED_US + 5 * SECOND_US),
        (BillableOn.DIALED, call(), {}, None),
        (BillableOn.ANSWERED, call(attempt("east", 0)), BOTH, INVITED_US + 6 * SECOND_US),
        (BillableOn.ANSWERED, call(attempt("east", None)), {}, None),
        (BillableOn.ACCEPTED, call(attempt("east", 0, accepted=True)), BOTH, INVITED_US + 6 * SECOND_US),
        (BillableOn.ACCEPTED, call(attempt("east", 0, accepted=False)), {}, None),
        (BillableOn.ACCEPTED, call(attempt("east", 99_999)), {}, None),
    ],
)
def test_each_event_is_worth_its_price(on: BillableOn, record: CallRecord, expected: dict[str, int], at_us: int | None) -> None:
    verdict = judge(record, selling(on))
    assert money(verdict) == expected
    assert set(instants(verdict).values()) == ({at_us} if expected else set())
    assert verdict.billable == ("c1/revenue/east" in expected)
    assert verdict.paid == ("c1/payout" in expected)


@pytest.mark.parametrize("on", sorted(POSTED))
def test_what_must_be_posted_earns_nothing_at_the_end_of_the_call(on: BillableOn) -> None:
    verdict = judge(call(attempt("east", 500_000)), selling(on))
    assert (verdict.rows, verdict.billable, verdict.paid, verdict.rule) == ((), False, False, f"auto: {on}")
    assert verdict.why == f"east: no {on} yet"


@pytest.mark.parametrize(("total_ms", "owed"), [(119_999, False), (120_000, True), (120_001, True)])
def test_total_for_counts_the_whole_call_to_the_millisecond(total_ms: int, owed: bool) -> None:  # noqa: FBT001
    verdict = judge(call(attempt("east", 100), total_ms=total_ms), selling(BillableOn.TOTAL_FOR, 120_000))
    assert money(verdict) == (BOTH if owed else {})
    if owed:
        assert set(instants(verdict).values()) == {ANSWERED_US + 120 * SECOND_US}
    assert verdict.why == f"east: lasted {total_ms} ms, {'enough' if owed else 'too short'}"


def test_a_call_nobody_answered_has_no_total() -> None:
    record = replace(call(total_ms=0), answered_us=None)
    assert judge(record, selling(BillableOn.TOTAL_FOR, 1)).rows == ()


@pytest.mark.parametrize("over_ms", [0, 1, 5_000])
def test_connected_for_becomes_true_when_the_threshold_passes(over_ms: int) -> None:
    # the line's owner does not count its first 4 s: talk began 94 s before the threshold
    east = replace(attempt("east", 94_000 + over_ms), connected_ms=90_000 + over_ms)
    assert set(instants(judge(call(east), TERMS)).values()) == {INVITED_US + (6 + 94) * SECOND_US}


# who owes for the call as a whole


@pytest.mark.parametrize("on", [BillableOn.INBOUND, BillableOn.MENU_DONE, BillableOn.TOTAL_FOR])
def test_for_the_whole_call_the_first_that_talked_owes(on: BillableOn) -> None:
    declined = replace(attempt("north", 0), talk_us=None, outcome=Outcome.DECLINED)
    attempts = (attempt("busy", None), declined, attempt("east", 5), attempt("west", 5))
    assert money(judge(call(*attempts, total_ms=20_000, menu_done=True), selling(on, 1))) == BOTH


def test_for_the_whole_call_the_first_that_answered_owes_where_nobody_talked() -> None:
    east = replace(attempt("east", 0), talk_us=None)
    assert money(judge(call(attempt("busy", None), east), selling(BillableOn.INBOUND))) == BOTH
    assert money(judge(call(attempt("east", None), attempt("west", None)), selling(BillableOn.INBOUND))) == BOTH


def test_every_line_dialled_owes_for_being_dialled() -> None:
    verdict = judge(call(*in_turn(("east", None), ("west", None))), selling(BillableOn.DIALED))
    assert money(verdict) == {**BOTH, "c1/revenue/west": 25 * DOLLAR}


@pytest.mark.parametrize("state", [state for state in FinalState if state.name.startswith("REJECTED")])
def test_a_call_refused_at_the_door_earns_nothing(state: FinalState) -> None:
    assert judge(call(state=state), selling(BillableOn.INBOUND)).rows == ()


def test_a_call_to_no_campaign_earns_nothing() -> None:
    assert judge(replace(call(), campaign=None), selling(BillableOn.INBOUND)).rows == ()


# several thresholds


@pytest.mark.parametrize(
    ("tiers", "connected_ms", "owed"),
    [
        (Tiers.HIGHEST, 59_999, 0),
        (Tiers.HIGHEST, 60_000, 10),
        (Tiers.HIGHEST, 119_999, 10),
        (Tiers.HIGHEST, 120_000, 25),
        (Tiers.SUM, 60_000, 10),
        (Tiers.SUM, 119_999, 10),
        (Tiers.SUM, 120_000, 35),
        (Tiers.FIRST, 60_000, 10),
        (Tiers.FIRST, 120_000, 10),
    ],
)
def test_tiers_to_the_millisecond(tiers: Tiers, connected_ms: int, owed: int) -> None:
    terms = {"auto": replace(AUTO, revenue=replace(TEN_THEN_25, tiers=tiers))}
    assert judge(call(attempt("east", connected_ms)), terms).revenue_micros == owed * DOLLAR


def test_the_order_written_does_not_matter_to_the_highest() -> None:
    upside_down = {"auto": replace(AUTO, revenue=price(*reversed(TEN_THEN_25.steps)))}
    assert judge(call(attempt("east", 60_000)), upside_down).revenue_micros == 10 * DOLLAR
    assert judge(call(attempt("east", 120_000)), upside_down).revenue_micros == 25 * DOLLAR


def test_a_rise_is_a_row_that_corrects_the_first() -> None:
    verdict = judge(call(attempt("east", 130_000), publisher=None), {"auto": replace(AUTO, revenue=TEN_THEN_25)})
    first, rise = verdict.rows
    assert (first.key, first.amount_micros, first.corrects) == ("c1/revenue/east", 10 * DOLLAR, None)
    assert (rise.key, rise.amount_micros, rise.corrects) == ("c1/revenue/east/2", 15 * DOLLAR, "c1/revenue/east")
    assert rise.at_us - first.at_us == 60 * SECOND_US
    assert verdict.rule == "auto: connected_for >= 120000 ms"
    assert rise.reason == "auto: connected_for >= 120000 ms; east: connected 130000 ms, enough"


def test_steps_may_wait_for_different_events() -> None:
    mixed = price(step(BillableOn.ANSWERED, 2 * DOLLAR), talk(60_000, 10 * DOLLAR), tiers=Tiers.SUM)
    terms = {"auto": replace(AUTO, revenue=mixed)}
    assert money(judge(call(attempt("east", 60_000), publisher=None), terms)) == {
        "c1/revenue/east": 2 * DOLLAR,
        "c1/revenue/east/2": 10 * DOLLAR,
    }
    short = judge(call(attempt("east", 1), publisher=None), terms)
    assert short.rule == "auto: answered"
    assert short.why == "east: answered: answered / connected_for >= 60000 ms: connected 1 ms, too short"


@pytest.mark.parametrize("at_ms", [(59_999, 120_000, 121_000), (60_000, 130_000), (60_000, 60_001, 120_000), (200_000,)])
def test_judged_at_its_marks_a_call_gives_the_rows_it_gives_once_it_is_over(at_ms: tuple[int, ...]) -> None:
    terms = {"auto": replace(AUTO, revenue=TEN_THEN_25, payout=price(talk(60_000), percent_bp=7_000))}
    history: tuple[MoneyRow, ...] = ()
    for connected_ms in at_ms:
        history += judge(call(attempt("east", connected_ms)), terms, history).rows
    whole = judge(call(attempt("east", at_ms[-1])), terms)
    assert {row.key: (row.amount_micros, row.at_us, row.corrects) for row in history} == {
        row.key: (row.amount_micros, row.at_us, row.corrects) for row in whole.rows
    }


# attempts are judged alone


def test_fifty_seconds_and_fifty_seconds_are_not_a_hundred() -> None:
    assert judge(call(*in_turn(("east", 50_000), ("west", 50_000))), TERMS).rows == ()


def test_the_publisher_is_paid_for_what_was_earned_first() -> None:
    whole = Terms(
        campaign="whole", revenue=flat(DOLLAR, 500_000), payout=price(step(BillableOn.TOTAL_FOR, 9 * DOLLAR, at_least_ms=100_000))
    )
    attempts = (attempt("east", 10, campaign="whole"), attempt("west", 90_000, number=2, after_ms=8_000))
    verdict = judge(call(*attempts, total_ms=150_000), {"whole": whole, **TERMS})
    # west's ninety seconds were up 99 s after the INVITE, the call's hundred 102 s after it
    assert money(verdict) == {"c1/revenue/west": 25 * DOLLAR, "c1/payout": 18 * DOLLAR}
    later = (attempts[0], attempt("west", 90_000, number=2, after_ms=30_000))
    assert money(judge(call(*later, total_ms=150_000), {"whole": whole, **TERMS}))["c1/payout"] == 9 * DOLLAR


# revenue and payout are two rules


@pytest.mark.parametrize(
    ("connected_ms", "expected"),
    [(59_999, {}), (60_000, PAYOUT_ONLY), (89_999, PAYOUT_ONLY), (90_000, BOTH)],
)
def test_the_publisher_may_earn_where_nobody_owes(connected_ms: int, expected: dict[str, int]) -> None:
    verdict = judge(call(attempt("east", connected_ms)), {"auto": replace(AUTO, payout=flat(18 * DOLLAR, 60_000))})
    assert money(verdict) == expected
    assert (verdict.billable, verdict.paid) == ("c1/revenue/east" in expected, "c1/payout" in expected)
    if expected == PAYOUT_ONLY:
        assert verdict.rule == "auto: payout: connected_for >= 60000 ms"
        assert verdict.why == f"east: connected {connected_ms} ms, too short, payout connected {connected_ms} ms, enough"


@pytest.mark.parametrize(("connected_ms", "expected"), [(89_999, {}), (90_000, BOTH)])
def test_a_payout_that_requires_revenue_waits_for_it(connected_ms: int, expected: dict[str, int]) -> None:
    terms = {"auto": replace(AUTO, payout=flat(18 * DOLLAR, 60_000), requires_revenue=True)}
    verdict = judge(call(attempt("east", connected_ms)), terms)
    assert money(verdict) == expected
    assert ("no revenue, no payout" in verdict.why) is not bool(expected)
    assert len(set(instants(verdict).values())) <= 1


@pytest.mark.parametrize(
    ("revenue_micros", "percent_bp", "payout_micros"),
    [
        (25 * DOLLAR, 7_000, 17_500_000),
        (25 * DOLLAR, 10_000, 25 * DOLLAR),
        (100_000, 2_500, 20_000),  # 2.5 cents: to the even one
        (140_000, 2_500, 40_000),  # 3.5 cents: to the even one
        (100_000, 2_501, 30_000),  # just above the half
        (100_000, 2_499, 20_000),
        (33_333_333, 3_333, 11_110_000),
    ],
)
def test_a_percent_payout_is_half_even_to_the_cent(revenue_micros: int, percent_bp: int, payout_micros: int) -> None:
    terms = {"auto": replace(AUTO, revenue=flat(revenue_micros), payout=price(talk(90_000), percent_bp=percent_bp))}
    assert judge(call(attempt("east", 90_000)), terms).payout_micros == payout_micros


@given(micros=st.integers(0, 10**13), basis_points=st.integers(0, 10_000))
def test_shares_are_what_decimal_says(micros: int, basis_points: int) -> None:
    cents = (Decimal(micros) * basis_points / 10_000 / 10_000).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    assert share(micros, basis_points=basis_points) == int(cents) * 10_000


def test_a_percent_payout_says_of_what() -> None:
    terms = {"auto": replace(AUTO, payout=price(talk(90_000), percent_bp=7_000))}
    payout = judge(call(attempt("east", 90_000)), terms).rows[1]
    assert payout.reason == "auto: connected_for >= 90000 ms; east: connected 90000 ms, enough, 70% of 25.00"
    assert [show_share(each) for each in (0, 50, 1_250, 7_000, 10_000)] == ["0%", "0.5%", "12.5%", "70%", "100%"]


def test_a_percent_of_nothing_is_nothing() -> None:
    terms = {"auto": replace(AUTO, payout=price(talk(60_000), percent_bp=7_000))}
    verdict = judge(call(attempt("east", 60_000)), terms)
    assert (verdict.rows, verdict.paid) == ((), False)


def test_a_percent_payout_rises_with_the_revenue() -> None:
    terms = {"auto": replace(AUTO, revenue=TEN_THEN_25, payout=price(talk(60_000), percent_bp=5_000))}
    verdict = judge(call(attempt("east", 120_000)), terms)
    assert money(verdict) == {
        "c1/revenue/east": 10 * DOLLAR,
        "c1/payout": 5 * DOLLAR,
        "c1/revenue/east/2": 15 * DOLLAR,
        "c1/payout/2": 7_500_000,
    }


# who was heard


@pytest.mark.parametrize("heard", [Heard.CALLER, Heard.LINE, Heard.NONE])
def test_where_both_must_be_heard_one_side_is_worth_nothing(heard: Heard) -> None:
    record = call(replace(attempt("east", 120_000), heard=heard))
    verdict = judge(record, {"auto": replace(AUTO, heard_both=True)})
    assert verdict.rows == ()
    assert verdict.why == f"east: connected 120000 ms, enough, heard: {heard}, where both must be"
    assert money(judge(record, {"auto": AUTO})) == BOTH


def test_what_is_owed_begins_when_both_have_been_heard() -> None:
    """At 100 s of 120, when 90 have passed already; at 10 s, the threshold counts."""
    terms = {"auto": replace(AUTO, heard_both=True)}
    talked = attempt("east", 120_000)
    assert talked.talk_us is not None
    for both_s, owed_s in ((100, 100), (10, 90)):
        record = call(replace(talked, heard=Heard.BOTH, both_heard_us=talked.talk_us + both_s * SECOND_US))
        assert set(instants(judge(record, terms)).values()) == {talked.talk_us + owed_s * SECOND_US}


def test_where_nobody_was_dialled_nobody_need_be_heard() -> None:
    terms = {"auto": replace(selling(BillableOn.INBOUND)["auto"], heard_both=True)}
    assert money(judge(call(), terms)) == PAYOUT_ONLY


# repeat callers


@pytest.mark.parametrize(
    ("bill", "pay", "expected", "note"),
    [
        (True, True, BOTH, ""),
        (False, True, PAYOUT_ONLY, ", repeat caller, not billed"),
        (True, False, {"c1/revenue/east": 25 * DOLLAR}, ", repeat caller, not paid"),
        (False, False, {}, ", repeat caller, not billed, repeat caller, not paid"),
    ],
)
def test_repeats_are_billed_and_paid_by_two_switches(bill: bool, pay: bool, expected: dict[str, int], note: str) -> None:  # noqa: FBT001
    terms = {"auto": replace(AUTO, repeat_bill=bill, repeat_pay=pay)}
    verdict = judge(call(attempt("east", 90_000, repeat=True)), terms)
    assert money(verdict) == expected
    assert (verdict.billable, verdict.paid) == (bill, pay)
    assert verdict.why == f"east: connected 90000 ms, enough{note}"
    assert money(judge(call(attempt("east", 90_000)), terms)) == BOTH


def test_a_repeat_that_is_not_billed_brings_no_payout_that_requires_revenue() -> None:
    terms = {"auto": replace(AUTO, repeat_bill=False, requires_revenue=True)}
    assert judge(call(attempt("east", 90_000, repeat=True)), terms).rows == ()


def test_where_nobody_was_dialled_the_tag_says_who_is_a_repeat() -> None:
    terms = {"auto": replace(selling(BillableOn.INBOUND)["auto"], repeat_pay=False)}
    assert money(judge(call(), terms)) == PAYOUT_ONLY
    assert judge(replace(call(), tags={"repeat": True}), terms).rows == ()


# near misses


@pytest.mark.parametrize(
    ("connected_ms", "near"), [(84_999, False), (85_000, True), (89_999, True), (90_000, True), (95_000, True), (95_001, False)]
)
def test_talk_ended_by_the_line_near_the_threshold_is_flagged(connected_ms: int, near: bool) -> None:  # noqa: FBT001
    assert judge(call(attempt("east", connected_ms, ended_by=EndedBy.LINE)), TERMS).near_miss is near
    for other in (EndedBy.CALLER, EndedBy.SWITCH, EndedBy.MEDIA_TIMEOUT, EndedBy.CRASH):
        assert not judge(call(attempt("east", connected_ms, ended_by=other)), TERMS).near_miss


def test_every_threshold_of_the_revenue_has_its_near_misses() -> None:
    terms = {"auto": replace(AUTO, revenue=TEN_THEN_25)}
    for connected_ms, near in ((54_999, False), (58_000, True), (90_000, False), (118_000, True)):
        assert judge(call(attempt("east", connected_ms, ended_by=EndedBy.LINE)), terms).near_miss is near
    assert not judge(call(attempt("east", 500, ended_by=EndedBy.LINE)), selling(BillableOn.ANSWERED)).near_miss


# holds, costs, thresholds


def test_what_is_held_says_until_when() -> None:
    terms = {"auto": replace(AUTO, revenue=TEN_THEN_25, hold_days=7)}
    verdict = judge(call(attempt("east", 120_000)), terms, rate=Rate(per_minute_micros=8_000))
    assert [(row.key, row.of, row.state) for row in verdict.states] == [
        ("c1/revenue/east/held", "c1/revenue/east", State.HELD),
        ("c1/payout/held", "c1/payout", State.HELD),
    ]
    assert verdict.states[0].at_us == verdict.rows[0].at_us
    assert verdict.states[0].until_us == verdict.rows[0].at_us + 7 * DAY_US
    assert judge(call(attempt("east", 120_000)), terms, verdict.rows).states == ()


def test_carrier_cost_stays_apart_from_the_verdict() -> None:
    record = call(attempt("east", 90_000), total_ms=94_001)
    verdict = judge(record, TERMS, rate=Rate(per_minute_micros=8_000))
    cost = verdict.rows[-1]
    assert (cost.key, cost.kind, cost.party, cost.campaign, cost.at_us) == (
        "c1/cost",
        MoneyKind.COST,
        "carrier",
        "auto",
        record.ended_us,
    )
    assert cost.amount_micros == verdict.cost_micros == 12_800  # 96 s
    plain = judge(record, TERMS)
    assert (verdict.revenue_micros, verdict.payout_micros, verdict.rule, verdict.why) == (
        plain.revenue_micros,
        plain.payout_micros,
        plain.rule,
        plain.why,
    )
    assert judge(record, TERMS, verdict.rows, rate=Rate(per_minute_micros=8_000)) == replace(verdict, rows=(), states=())


def test_cost_alone_makes_no_call_billable() -> None:
    record = call(attempt("east", 10))
    first = judge(record, TERMS, rate=Rate(per_minute_micros=8_000))
    again = judge(record, TERMS, first.rows)
    assert (again.billable, again.paid, again.rule) == (False, False, "auto: connected_for >= 90000 ms")


def test_marks_are_every_threshold_of_talk_that_money_depends_on() -> None:
    terms = replace(
        AUTO,
        revenue=TEN_THEN_25,
        payout=price(talk(90_000), step(BillableOn.TOTAL_FOR, at_least_ms=5_000), step(BillableOn.ANSWERED)),
        payouts={"radio-one": flat(1, 30_000), "tv-two": flat(1, 90_000)},
    )
    assert thresholds(terms, BillableOn.CONNECTED_FOR) == (30_000, 60_000, 90_000, 120_000)
    assert thresholds(selling(BillableOn.POSTBACK)["auto"], BillableOn.CONNECTED_FOR) == ()


# properties

STEPS = st.builds(
    step,
    st.sampled_from(list(BillableOn)),
    st.sampled_from([0, 1, 333_333, 10 * DOLLAR, 25 * DOLLAR]),
    at_least_ms=st.sampled_from([1, 60_000, 90_000, 120_000]),
)
PRICES: Callable[[int | None], st.SearchStrategy[object]] = lambda percent_bp: st.builds(  # noqa: E731
    price, STEPS, STEPS, tiers=st.sampled_from(list(Tiers)), percent_bp=st.just(percent_bp)
)
ANY_TERMS = st.builds(
    Terms,
    campaign=st.just("auto"),
    revenue=PRICES(None),
    payout=st.one_of(PRICES(None), PRICES(3_333), PRICES(7_000)),
    requires_revenue=st.booleans(),
    hold_days=st.sampled_from([0, 7]),
    repeat_bill=st.booleans(),
    repeat_pay=st.booleans(),
    heard_both=st.booleans(),
)
HEARD = st.sampled_from(
    [(None, None), *((heard, None) for heard in Heard if heard is not Heard.BOTH), (Heard.BOTH, 0), (Heard.BOTH, 70)]
)
"""Who was heard, and how many seconds after the line's answer both had been."""


@st.composite
def calls(draw: st.DrawFn) -> CallRecord:
    talks = st.none() | st.sampled_from([0, 1, 59_999, 60_000, 89_999, 90_000, 120_000, 300_000])
    attempts: list[AttemptRecord] = list(
        in_turn(
            *draw(st.lists(st.tuples(st.sampled_from(["east", "west", "barn"]), talks), max_size=4, unique_by=lambda each: each[0]))
        )
    )
    attempts = [replace(each, accepted=draw(st.sampled_from([None, True, False])), repeat=draw(st.booleans())) for each in attempts]
    attempts = [_heard(each, *draw(HEARD)) for each in attempts]
    publisher = draw(st.sampled_from(["radio-one", None]))
    return call(*attempts, publisher=publisher, menu_done=draw(st.booleans()))


def _heard(attempt: AttemptRecord, heard: Heard | None, after_s: int | None) -> AttemptRecord:
    if attempt.answered_us is None or attempt.ended_us is None:
        return attempt
    both_us = None if after_s is None else min(attempt.ended_us, attempt.answered_us + after_s * SECOND_US)
    return replace(attempt, heard=heard, both_heard_us=both_us)


@settings(deadline=None)
@given(record=calls(), terms=ANY_TERMS)
def test_whatever_is_agreed_the_figures_are_the_sums_of_the_rows(record: CallRecord, terms: Terms) -> None:
    verdict = judge(record, {"auto": terms}, rate=Rate(per_minute_micros=8_001))
    by_kind = {kind: [row for row in verdict.rows if row.kind is kind] for kind in MoneyKind}
    assert sum(row.amount_micros for row in by_kind[MoneyKind.REVENUE]) == verdict.revenue_micros >= 0
    assert sum(row.amount_micros for row in by_kind[MoneyKind.PAYOUT]) == verdict.payout_micros >= 0
    assert sum(row.amount_micros for row in by_kind[MoneyKind.COST]) == verdict.cost_micros >= 0
    assert sum(row.corrects is None for row in by_kind[MoneyKind.PAYOUT]) <= 1
    assert len(by_kind[MoneyKind.COST]) <= 1
    bases = [row.line for row in by_kind[MoneyKind.REVENUE] if row.corrects is None]
    assert len(bases) == len(set(bases))
    assert verdict.billable or not verdict.revenue_micros
    assert verdict.paid or not verdict.payout_micros
    assert all(row.amount_micros for row in verdict.rows)
    assert all(INVITED_US <= row.at_us <= record.ended_us for row in verdict.rows)


@settings(deadline=None)
@given(record=calls(), terms=ANY_TERMS)
def test_judging_twice_adds_nothing(record: CallRecord, terms: Terms) -> None:
    rate = Rate(per_minute_micros=8_001)
    first = judge(record, {"auto": terms}, rate=rate)
    again = judge(record, {"auto": terms}, first.rows, rate=rate)
    assert (again.rows, again.states) == ((), ())
    assert (again.revenue_micros, again.payout_micros, again.cost_micros) == (
        first.revenue_micros,
        first.payout_micros,
        first.cost_micros,
    )
    assert judge(record, {"auto": terms}, rate=rate) == first
