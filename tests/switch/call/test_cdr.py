"""Records from histories: durations in whole milliseconds, and what a crash leaves of them."""

import flow
import pytest
from msgspec.structs import replace

from switch.call import cdr
from switch.call.cause import TREATMENT, Cause, cause_of_answer
from switch.call.record import EndedBy, FinalState
from switch.call.state import AttemptState, CallHistory

at = flow.moment


def bridged(**changes: object) -> CallHistory:
    """A call whose line answered at 4 s and was bridged at 4.002 s."""
    tried = AttemptState(
        number=1,
        line="east",
        advertiser="acme",
        campaign="quotes",
        timer_offset_ms=0,
        invited=at(1),
        answered=at(4),
        talk=at(4),
        bridged=at(4.002),
        sip_code=200,
    )
    return CallHistory(
        call_id="c1",
        did="d",
        ani="a",
        trunk="t",
        seed=1,
        version="v",
        invited=at(0),
        answered=at(0),
        acknowledged=at(0.1),
        attempts=(replace(tried, **changes),),
    )


def test_a_crash_ends_talk_at_the_last_heartbeat_and_not_later() -> None:
    history = cdr.close_crashed(replace(bridged(), heartbeat=at(19)), at(23.9))
    record = cdr.build_record(history)
    assert record.connected_ms == 15_000
    assert record.ended_by is EndedBy.CRASH
    assert record.final_state is FinalState.CRASHED
    assert record.ended_us == at(19).utc_us


def test_a_crash_before_the_first_heartbeat_leaves_next_to_nothing() -> None:
    record = cdr.build_record(cdr.close_crashed(bridged(), at(8.5)))
    assert record.connected_ms == 2


def test_a_crash_before_the_bridge_leaves_no_talk() -> None:
    record = cdr.build_record(cdr.close_crashed(bridged(bridged=None, talk=None), at(8.5)))
    assert record.connected_ms == 0
    assert record.ended_us == at(8.5).utc_us


def test_a_story_that_had_ended_is_not_touched_by_a_crash() -> None:
    history = replace(
        bridged(talk_ended=at(9)),
        ended=at(9),
        ended_by=EndedBy.CALLER,
        cause=Cause.CALLER_HUNG_UP,
        final_state=FinalState.CONNECTED_SHORT,
    )
    assert cdr.close_crashed(history, at(30)) is history


def test_the_lines_own_offset_comes_off_and_never_below_zero() -> None:
    history = replace(bridged(talk_ended=at(9), timer_offset_ms=2_000), ended=at(9))
    history = replace(history, ended_by=EndedBy.CALLER, cause=Cause.CALLER_HUNG_UP, final_state=FinalState.CONNECTED_SHORT)
    assert cdr.build_record(history).connected_ms == 3_000
    longer = replace(history, attempts=(replace(history.attempts[0], timer_offset_ms=60_000),))
    assert cdr.build_record(longer).connected_ms == 0


def test_a_call_that_has_not_ended_has_no_record() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        cdr.build_record(bridged())


def test_every_cause_has_a_treatment() -> None:
    assert set(TREATMENT) == set(Cause)
    assert all(400 <= treatment.sip < 700 and 1 <= treatment.q850 <= 127 for treatment in TREATMENT.values())


@pytest.mark.parametrize(
    ("status", "cause", "may_hunt_on"),
    [
        (486, Cause.BUSY, True),
        (600, Cause.BUSY, True),
        (480, Cause.NO_ANSWER, True),
        (408, Cause.NO_ANSWER, True),
        (603, Cause.REJECTED, True),
        (404, Cause.LINE_FAILED, True),
        (503, Cause.LINE_FAILED, True),
        (302, Cause.LINE_FAILED, True),
    ],
)
def test_what_a_lines_refusal_means(status: int, cause: Cause, *, may_hunt_on: bool) -> None:
    assert cause_of_answer(status) is cause
    assert (TREATMENT[cause].overflow is not None) is may_hunt_on
