"""An INVITE whose Expires runs out before anybody answers: its record tells it from a CANCEL, and nothing else differs."""

import pytest
from engine_world import CARRIER, EAST, MENU, World, line, plan

from routing.zone import time_zone
from switch.explain import explanation_lines
from switch.explanation import Sources, explain
from switch.sip.flow import Flow


class Hurried(World):
    """The caller's INVITE has `Expires: 5`."""

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        if source == CARRIER and data.startswith(b"INVITE "):
            data = data.replace(b"\r\nContact:", b"\r\nExpires: 5\r\nContact:", 1)
        super().fly(data, source, target)


@pytest.mark.parametrize(
    ("world", "cancelled_ms", "detail", "by"),
    [
        (Hurried, None, "invite_expired", "the end: the caller's INVITE expired unanswered"),
        (World, 5_000, "caller_hung_up", "the end: the caller hung up"),
    ],
)
def test_an_expired_invite_is_told_from_a_cancel(world: type[World], cancelled_ms: int | None, detail: str, by: str) -> None:
    hurried = world(plan(line("east", EAST)))
    hurried.line_phone(EAST, answer_ms=None)
    hurried.call(hang_up_ms=cancelled_ms)
    hurried.run(60_000)
    (judged,) = hurried.records
    record = judged.record
    assert (record.final_state, record.sip_code, record.ended_by) == ("caller_left_while_ringing", 487, "caller")
    assert record.ended_detail == detail
    assert (judged.verdict.billable, judged.verdict.revenue_micros) == (False, 0)
    assert by in list(explanation_lines(explain(judged, rows=(), config=Sources()), time_zone("UTC")))


def test_one_that_was_answered_has_no_time_limit() -> None:
    world = Hurried(plan(line("east", EAST), menu=MENU))
    world.call(hang_up_ms=7_000)
    world.run(60_000)
    assert world.records[0].record.ended_detail == "caller_hung_up"
