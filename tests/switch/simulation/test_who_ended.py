"""The events of a record say who ended a leg, and a leg that the switch ended has the switch's reason."""

from pathlib import Path

import pytest

from switch.billing.verdict import JudgedCall
from switch.call.cause import Cause
from switch.call.record import EndedBy
from switch.settings.load import load
from switch.simulation.call_script import CallScript, LineBehaviour, LineScript
from switch.simulation.recorded_call import recorded_attempt
from switch.simulation.simulator import Simulator

SAMPLE = Path(__file__).parents[3] / "config"
NOON_US = 1_772_474_400_000_000  # 2026-03-02T18:00:00Z, a Monday


def played(*, digits: str, conduct: LineScript, patience_ms: int = 600_000) -> JudgedCall:
    deployment = load(SAMPLE).deployment
    assert deployment is not None
    script = CallScript(
        call_id="c1",
        did="+18005550103",
        ani="+12145550123",
        trunk="demo-carrier",
        at_us=NOON_US,
        seed=7,
        digits=digits,
        patience_ms=patience_ms,
        conduct=lambda _: conduct,
    )
    (judged,) = Simulator(deployment.plan, noting=True).play([script])
    return judged


def ends(judged: JudgedCall) -> list[tuple[object, object, object]]:
    """Leg, whether its far end ended it, and why, of each leg that ended."""
    facts = [event.facts for event in judged.events if event.event == "LegEnded"]
    return [(each["leg"], each["by_peer"], each["cause"]) for each in facts]


QUALIFIES = "170#733011"


@pytest.mark.parametrize(
    ("digits", "conduct", "expected", "by"),
    [
        ("", LineScript(), [(0, False, Cause.MENU_FAILED)], EndedBy.SWITCH),
        (
            QUALIFIES,
            LineScript(talk_ms=95_000, ended_by=EndedBy.LINE),
            [(1, True, Cause.LINE_HUNG_UP), (0, False, Cause.LINE_HUNG_UP)],
            EndedBy.LINE,
        ),
        (
            QUALIFIES,
            LineScript(talk_ms=95_000),
            [(0, True, Cause.CALLER_HUNG_UP), (1, False, Cause.CALLER_HUNG_UP)],
            EndedBy.CALLER,
        ),
    ],
)
def test_a_leg_that_the_switch_ended_has_its_reason(
    digits: str, conduct: LineScript, expected: list[tuple[int, bool, Cause]], by: EndedBy
) -> None:
    judged = played(digits=digits, conduct=conduct)
    assert ends(judged) == expected
    assert judged.record.ended_by is by


@pytest.mark.parametrize("dead_air_ms", [0, 60_000, 95_000])
@pytest.mark.parametrize("by", [EndedBy.CALLER, EndedBy.LINE])
def test_dead_air_before_the_hang_up_is_no_talk_and_the_carrier_bills_it(dead_air_ms: int, by: EndedBy) -> None:
    """And the record tells it all again."""
    conduct = LineScript(talk_ms=95_000, dead_air_ms=dead_air_ms, ended_by=by)
    judged = played(digits=QUALIFIES, conduct=conduct)
    record = judged.record
    assert record.connected_ms == 95_000 - dead_air_ms
    assert record.total_ms >= 95_000
    assert recorded_attempt(record.attempts[0], record).conduct == conduct


def test_a_line_that_is_given_up_is_not_said_to_have_hung_up() -> None:
    judged = played(digits=QUALIFIES, conduct=LineScript(behaviour=LineBehaviour.RINGS))
    found = ends(judged)
    assert {cause for leg, by_peer, cause in found if leg and not by_peer} == {Cause.NO_ANSWER}
    assert found[-1][0] == 0
    assert found[-1][1] is False
    assert found[-1][2] == judged.record.ended_detail
