"""A call of a probe earns nothing: neither by its length, nor by its event, nor afterwards."""

from dataclasses import replace

from money_cases import TERMS, attempt, call

from switch.billing import actions
from switch.billing.actions import Posting, Refusal, Refused
from switch.billing.judge import accrued_rows, judge, with_final_state
from switch.billing.posting import post
from switch.call.record import EndedBy, FinalState

USUAL = call(attempt("east", 600_000))
PROBE = replace(USUAL, probe=True)


def test_what_would_be_billable_is_not() -> None:
    assert judge(USUAL, TERMS).billable
    verdict = judge(PROBE, TERMS)
    assert (verdict.billable, verdict.paid, verdict.rows, verdict.states) == (False, False, (), ())
    assert (verdict.revenue_micros, verdict.payout_micros) == (0, 0)
    assert (verdict.rule, verdict.why) == ("probe", "the call is a probe's: it earns nothing")
    assert with_final_state(PROBE, verdict).final_state is FinalState.CONNECTED_SHORT


def test_nothing_accrues_while_it_goes_on() -> None:
    assert accrued_rows(USUAL, TERMS)
    assert accrued_rows(PROBE, TERMS) == ()


def test_it_is_no_near_miss() -> None:
    near = call(attempt("east", 89_000, ended_by=EndedBy.LINE))
    assert judge(near, TERMS).near_miss
    assert not judge(replace(near, probe=True), TERMS).near_miss


def test_nothing_is_posted_for_it() -> None:
    posting = Posting(act=actions.Postback(), key="k", at_us=PROBE.ended_us, actor="ops:anna", advertiser=None)
    refused = post(PROBE, posting, money=(), states=(), terms=TERMS)
    assert refused == Refused(because=Refusal.PROBE, detail="call c1 is a probe's")
