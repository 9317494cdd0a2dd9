"""What the demo calls right and wrong."""

from dataclasses import replace

import pytest

from switch.billing.verdict import JudgedCall, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome
from switch.demo.expected import Expected, differences

TALK_MS = 3_400

ATTEMPT = AttemptRecord(
    number=1,
    line="acme-east",
    advertiser="acme",
    campaign="auto-quotes",
    outcome=Outcome.ANSWERED,
    sip_code=200,
    q850=None,
    invited_us=1_000,
    answered_us=2_000,
    ended_us=3_402_000,
    answer_delay_ms=1,
    connected_ms=TALK_MS,
)
RECORD = CallRecord(
    call_id="c1",
    did="+18005550100",
    ani="+12025550141",
    trunk="demo-carrier",
    publisher="radio-one",
    campaign="auto-quotes",
    final_state=FinalState.CONVERTED,
    invited_us=0,
    answered_us=500,
    ended_us=3_402_000,
    ended_by=EndedBy.CALLER,
    ended_detail="caller_hung_up",
    sip_code=200,
    total_ms=3_401,
    menu_ms=0,
    connected_ms=TALK_MS,
    duration_source=DurationSource.MONOTONIC,
    attempts=(ATTEMPT,),
)
VERDICT = Verdict(billable=True, rule="r", why="w", revenue_micros=25_000_000, payout_micros=18_000_000)
CALL = JudgedCall(record=RECORD, verdict=VERDICT)
EXPECTED = Expected(
    name="Ann",
    ani="+12025550141",
    campaign="auto-quotes",
    final_state=FinalState.CONVERTED,
    ended_by=EndedBy.CALLER,
    attempts=(("acme-east", Outcome.ANSWERED),),
    talk_ms=TALK_MS,
    billable=True,
    revenue_micros=25_000_000,
    payout_micros=18_000_000,
)


def record(**changes: object) -> JudgedCall:
    return replace(CALL, record=replace(RECORD, **changes))  # type: ignore[arg-type]


def verdict(**changes: object) -> JudgedCall:
    return replace(CALL, verdict=replace(VERDICT, **changes))  # type: ignore[arg-type]


def test_call_as_expected_has_no_differences() -> None:
    assert differences(EXPECTED, CALL) == ()


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        (record(campaign="auto-overflow"), "campaign: expected auto-quotes, got auto-overflow"),
        (record(final_state=FinalState.BUSY), "final state: expected converted, got busy"),
        (record(ended_by=EndedBy.LINE), "ended by: expected caller, got line"),
        (record(attempts=()), "attempts: expected acme-east answered, got none"),
        (
            record(attempts=(replace(ATTEMPT, outcome=Outcome.BUSY), replace(ATTEMPT, line="beta-main"))),
            "attempts: expected acme-east answered, got acme-east busy, then beta-main answered",
        ),
        (verdict(billable=False), "billable: expected True, got False"),
        (verdict(revenue_micros=25_000_001), "revenue: expected 25.00, got 25.000001"),
        (verdict(payout_micros=0), "payout: expected 18.00, got 0.00"),
        (
            record(connected_ms=TALK_MS + 251),
            f"talk: expected {TALK_MS} ms (±250), got {TALK_MS + 251} ms",
        ),
    ],
)
def test_each_difference_is_told(call: JudgedCall, wrong: str) -> None:
    assert differences(EXPECTED, call) == (wrong,)


@pytest.mark.parametrize("off_ms", [-250, 250])
def test_talk_may_be_a_little_off(off_ms: int) -> None:
    assert differences(EXPECTED, record(connected_ms=TALK_MS + off_ms)) == ()


def test_all_differences_are_told_at_once() -> None:
    nothing = Expected(name="Cleo", ani="", campaign="auto-quotes", final_state=FinalState.MENU_FAILED, ended_by=EndedBy.SWITCH)
    assert len(differences(nothing, CALL)) == 7
