"""Verdicts at the boundary, over several attempts, over rows that are in the ledger already."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from money_cases import AUTO, DOLLAR, HOME, INVITED_US, SECOND_US, TERMS, attempt, call, flat

from switch.billing.judge import judge, with_final_state
from switch.billing.verdict import MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, DurationSource, EndedBy, FinalState


def money(verdict: Verdict) -> dict[str, int]:
    return {row.key: row.amount_micros for row in verdict.rows}


@pytest.mark.parametrize(
    ("connected_ms", "billable"),
    [(0, False), (89_000, False), (89_999, False), (90_000, True), (90_001, True), (14_400_000, True)],
)
def test_billable_at_the_threshold_to_the_millisecond(connected_ms: int, billable: bool) -> None:  # noqa: FBT001
    verdict = judge(call(attempt("east", connected_ms)), TERMS)
    assert verdict.billable is billable
    assert verdict.rule == "auto: connected_for >= 90000 ms"
    assert verdict.why == f"east: connected {connected_ms} ms, {'enough' if billable else 'too short'}"
    assert (verdict.revenue_micros, verdict.payout_micros) == ((25 * DOLLAR, 18 * DOLLAR) if billable else (0, 0))
    assert len(verdict.rows) == (2 if billable else 0)


def test_the_rows_say_who_what_when_and_why() -> None:
    # dialled after 5 s, answered after one more, 90 s of talk
    passed_us = INVITED_US + 96 * SECOND_US
    reason = "auto: connected_for >= 90000 ms; east: connected 91234 ms, enough"
    assert judge(call(attempt("east", 91_234)), TERMS).rows == (
        MoneyRow(
            key="c1/revenue/east",
            call_id="c1",
            kind=MoneyKind.REVENUE,
            party="owner-of-east",
            campaign="auto",
            amount_micros=25 * DOLLAR,
            reason=reason,
            at_us=passed_us,
            line="east",
        ),
        MoneyRow(
            key="c1/payout",
            call_id="c1",
            kind=MoneyKind.PAYOUT,
            party="radio-one",
            campaign="auto",
            amount_micros=18 * DOLLAR,
            reason=reason,
            at_us=passed_us,
            line="east",
        ),
    )


@pytest.mark.parametrize("attempts", [(), (attempt("east", None),), (attempt("east", None), attempt("west", None))])
def test_nothing_to_judge_when_nothing_connected(attempts: tuple[AttemptRecord, ...]) -> None:
    verdict = judge(call(*attempts), TERMS)
    why = f"none of {len(attempts)} attempts connected"
    assert verdict == Verdict(billable=False, rule="not_connected", why=why, revenue_micros=0, payout_micros=0)


def test_connected_time_without_an_answer_makes_no_money() -> None:
    assert not judge(call(replace(attempt("east", 95_000), answered_us=None)), TERMS).billable


def test_attempts_are_never_added_up() -> None:
    verdict = judge(call(attempt("east", 50_000), attempt("west", 50_000)), TERMS)
    assert not verdict.billable
    assert verdict.why == "east: connected 50000 ms, too short; west: connected 50000 ms, too short"


def test_each_attempt_is_judged_by_its_own_campaign() -> None:
    verdict = judge(call(attempt("east", 70_000), attempt("barn", 60_000, campaign="home")), TERMS)
    assert verdict.rule == "home: connected_for >= 60000 ms"
    assert money(verdict) == {"c1/revenue/barn": 40 * DOLLAR, "c1/payout": 30 * DOLLAR}


def test_every_line_owes_but_the_publisher_is_paid_once() -> None:
    verdict = judge(call(attempt("east", 90_000), attempt("barn", 60_000, campaign="home", after_ms=100_000)), TERMS)
    assert verdict.rule == "auto: connected_for >= 90000 ms"
    assert money(verdict) == {"c1/revenue/east": 25 * DOLLAR, "c1/revenue/barn": 40 * DOLLAR, "c1/payout": 18 * DOLLAR}
    assert (verdict.revenue_micros, verdict.payout_micros) == (65 * DOLLAR, 18 * DOLLAR)


def test_a_line_owes_once() -> None:
    verdict = judge(call(attempt("east", 90_000), attempt("east", 95_000)), TERMS)
    assert money(verdict) == {"c1/revenue/east": 25 * DOLLAR, "c1/payout": 18 * DOLLAR}


def test_a_publisher_may_have_its_own_price() -> None:
    special = replace(AUTO, payouts={"radio-one": flat(20 * DOLLAR), "tv-two": flat(0)})
    assert judge(call(attempt("east", 90_000)), {"auto": special}).payout_micros == 20 * DOLLAR
    assert judge(call(attempt("east", 90_000), publisher="other"), {"auto": special}).payout_micros == 18 * DOLLAR
    nothing = judge(call(attempt("east", 90_000), publisher="tv-two"), {"auto": special})
    assert (nothing.billable, money(nothing)) == (True, {"c1/revenue/east": 25 * DOLLAR})


def test_without_a_publisher_nobody_is_paid() -> None:
    verdict = judge(call(attempt("east", 90_000), publisher=None), TERMS)
    assert (money(verdict), verdict.payout_micros) == ({"c1/revenue/east": 25 * DOLLAR}, 0)


def test_amounts_of_zero_make_no_row() -> None:
    free = replace(AUTO, revenue=flat(0), payout=flat(0))
    verdict = judge(call(attempt("east", 90_000)), {"auto": free})
    assert (verdict.billable, verdict.paid, verdict.rows) == (False, False, ())  # a conversion is revenue above zero
    paid = judge(call(attempt("east", 90_000), attempt("barn", 60_000, campaign="home")), {"auto": free, "home": HOME})
    assert money(paid) == {"c1/revenue/barn": 40 * DOLLAR, "c1/payout": 30 * DOLLAR}


def test_rows_in_the_ledger_are_not_given_again_but_count() -> None:
    record = call(attempt("east", 90_000), attempt("barn", 60_000, campaign="home", after_ms=100_000))
    first = judge(record, TERMS)
    again = judge(record, TERMS, first.rows)
    assert again == replace(first, rows=())
    partly = judge(record, TERMS, first.rows[:1])
    assert partly == replace(first, rows=tuple(row for row in first.rows if row != first.rows[0]))


def test_what_the_ledger_has_stands_even_when_the_record_lost_seconds() -> None:
    earned = judge(call(attempt("east", 90_000)), TERMS).rows
    verdict = judge(call(attempt("east", 88_000)), TERMS, earned)
    assert (verdict.billable, verdict.rule, verdict.rows) == (True, "recorded_earlier", ())
    assert (verdict.revenue_micros, verdict.payout_micros) == (25 * DOLLAR, 18 * DOLLAR)
    assert verdict.why == "east: connected 88000 ms, too short; the ledger has c1/revenue/east, c1/payout"


def test_another_calls_rows_do_not_count() -> None:
    other = tuple(replace(row, call_id="c0") for row in judge(call(attempt("east", 90_000)), TERMS).rows)
    verdict = judge(call(attempt("east", 10)), TERMS, other)
    assert (verdict.billable, verdict.revenue_micros) == (False, 0)


def test_amendments_in_the_ledger_count() -> None:
    first = judge(call(attempt("east", 90_000)), TERMS).rows
    credit = replace(first[0], key="c1/credit", amount_micros=-5 * DOLLAR, corrects=first[0].key, actor="ops")
    assert judge(call(attempt("east", 90_000)), TERMS, (*first, credit)).revenue_micros == 20 * DOLLAR


def test_a_campaign_without_terms_is_not_billable_and_says_so() -> None:
    verdict = judge(call(attempt("east", 95_000)), {})
    assert (verdict.billable, verdict.rule, verdict.rows) == (False, "auto: no_terms", ())
    assert verdict.why == "east: campaign auto has no terms"


@pytest.mark.parametrize("connected_ms", [89_999, 90_000])
def test_a_crash_is_judged_by_the_same_rule(connected_ms: int) -> None:
    plain = call(attempt("east", connected_ms))
    crashed = replace(plain, ended_by=EndedBy.CRASH, final_state=FinalState.CRASHED, duration_source=DurationSource.WALL)
    verdict = judge(crashed, TERMS)
    assert verdict == judge(plain, TERMS)
    assert with_final_state(crashed, verdict) == crashed


@pytest.mark.parametrize("state", list(FinalState))
def test_only_a_billable_connected_call_converts(state: FinalState) -> None:
    record = replace(call(attempt("east", 90_000)), final_state=state)
    expected = FinalState.CONVERTED if state is FinalState.CONNECTED_SHORT else state
    assert with_final_state(record, judge(record, TERMS)) == replace(record, final_state=expected)
    short = replace(record, attempts=(attempt("east", 89_999),))
    assert with_final_state(short, judge(short, TERMS)) == short


ATTEMPTS = st.lists(
    st.builds(
        attempt,
        st.sampled_from(["east", "west", "barn"]),
        st.none() | st.sampled_from([0, 59_999, 60_000, 89_999, 90_000, 500_000]),
        campaign=st.sampled_from(["auto", "home", "unknown"]),
    ),
    max_size=5,
)


@settings(deadline=None)
@given(attempts=ATTEMPTS, publisher=st.sampled_from(["radio-one", None]), kept=st.integers(0, 5))
def test_money_follows_from_the_rows(attempts: list[AttemptRecord], publisher: str | None, kept: int) -> None:
    record = call(*attempts, publisher=publisher)
    whole = judge(record, TERMS)
    keys = [row.key for row in whole.rows]
    assert len(set(keys)) == len(keys)
    assert sum(row.kind is MoneyKind.PAYOUT for row in whole.rows) <= 1
    assert sum(row.amount_micros for row in whole.rows) == whole.revenue_micros + whole.payout_micros
    assert whole.billable == bool(whole.rows)
    history = whole.rows[:kept]
    later = judge(record, TERMS, history)
    assert history + later.rows == whole.rows
    assert (later.revenue_micros, later.payout_micros) == (whole.revenue_micros, whole.payout_micros)
