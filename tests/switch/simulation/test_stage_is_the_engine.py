"""What is rehearsed is what happens: the same calls through the real engine, over SIP agents, give the same records and verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import engine_world as world
import pytest

from media.recording import RecorderReady
from routing import table as rt
from switch.billing.verdict import JudgedCall
from switch.call.record import CallRecord, EndedBy
from switch.engine.plan import Plan
from switch.simulation.call_script import CallScript, LineBehaviour, LineScript
from switch.simulation.simulator import Simulator

EAST, WEST = world.line("east", world.EAST), world.line("west", world.WEST)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a line does, in both worlds. Talk begins at once with its answer."""

    answer_ms: int | None = None
    status: int | None = None
    talk_ms: int | None = None

    def conduct(self, caller_talks_ms: int | None) -> LineScript:
        if self.status is not None:
            return LineScript(behaviour=LineBehaviour.BUSY, after_ms=0)
        if self.answer_ms is None:
            return LineScript(behaviour=LineBehaviour.RINGS)
        if self.talk_ms is not None:
            return LineScript(after_ms=self.answer_ms, talk_ms=self.talk_ms, ended_by=EndedBy.LINE)
        assert caller_talks_ms is not None
        return LineScript(after_ms=self.answer_ms, talk_ms=caller_talks_ms)


@dataclass(frozen=True, kw_only=True)
class Day:
    """One call of every kind. `hang_up_ms`: from the INVITE. `talks_ms`: how long a caller who hangs up has then talked; `message_ms`: or
    has spoken in voicemail. `key_ms`: the same of one who presses # then."""

    plan: Plan
    east: Line
    west: Line
    hang_up_ms: int | None = None
    talks_ms: int | None = None
    message_ms: int | None = None
    key_ms: int | None = None


ANSWERS = Line(answer_ms=1_000)
BUSY = Line(status=486)
RINGS = Line()
PLAN = world.plan(EAST, WEST)
MENU = world.plan(EAST, WEST, menu=world.MENU)
VOICEMAIL = world.plan(
    EAST, WEST, overflow={rt.NoRoute.BUSY: rt.ToVoicemail(greeting="all-busy", longest_ms=30_000, goodbye="thanks")}
)
DAYS = {
    "caller-hangs-up": Day(plan=PLAN, east=ANSWERS, west=RINGS, hang_up_ms=61_000, talks_ms=60_000),
    "line-hangs-up": Day(plan=PLAN, east=Line(answer_ms=1_000, talk_ms=9_999), west=RINGS),
    "threshold-met": Day(plan=PLAN, east=Line(answer_ms=1_000, talk_ms=10_000), west=RINGS),
    "busy-then-next": Day(plan=PLAN, east=BUSY, west=ANSWERS, hang_up_ms=31_000, talks_ms=30_000),
    "no-answer-then-next": Day(plan=PLAN, east=RINGS, west=ANSWERS, hang_up_ms=51_000, talks_ms=20_000),
    "nobody-answers": Day(plan=PLAN, east=RINGS, west=BUSY),
    "gives-up": Day(plan=PLAN, east=RINGS, west=RINGS, hang_up_ms=12_345),
    "recovered": Day(
        plan=world.plan(EAST, WEST, recover_ms=20_000),
        east=Line(answer_ms=1_000, talk_ms=15_000),
        west=Line(answer_ms=2_000, talk_ms=30_000),
    ),
    "menu": Day(plan=MENU, east=BUSY, west=Line(answer_ms=1_500, talk_ms=12_000)),
    "announced": Day(
        plan=world.plan(EAST, WEST, overflow={rt.NoRoute.BUSY: rt.ToMessage(prompt="all-busy")}), east=BUSY, west=BUSY
    ),
    "message-then-hangs-up": Day(plan=VOICEMAIL, east=BUSY, west=BUSY, hang_up_ms=12_000, message_ms=10_000),
    "message-then-key": Day(plan=VOICEMAIL, east=BUSY, west=BUSY, key_ms=10_000),
    "message-too-long": Day(plan=VOICEMAIL, east=BUSY, west=BUSY, message_ms=60_000),
    "leaves-in-the-greeting": Day(plan=VOICEMAIL, east=BUSY, west=BUSY, hang_up_ms=500),
}


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS.keys())
def test_records_and_verdicts_are_the_same(day: Day) -> None:
    (rehearsed,) = Simulator(day.plan).play([_script(day)])

    real = _real(day)

    assert _compared(rehearsed.record) == _compared(real.record)
    assert rehearsed.verdict.rule == real.verdict.rule
    assert (rehearsed.verdict.billable, rehearsed.verdict.why) == (real.verdict.billable, real.verdict.why)
    assert _money(rehearsed) == _money(real)


def test_calls_that_share_a_line_are_the_same() -> None:
    """Three calls at a line that takes two at once: who is refused, and what all of them come to."""
    plan = world.plan(world.line("east", world.EAST, limit=2))
    starts_ms = (0, 1_000, 2_000, 40_000)
    conduct = LineScript(after_ms=1_000, talk_ms=20_000, ended_by=EndedBy.LINE)
    scripts = [_call(f"c{at_ms}", at_ms=at_ms, conduct={"east": conduct}) for at_ms in starts_ms]
    there = _world(plan)
    there.line_phone(world.EAST, answer_ms=1_000, talk_ms=20_000)

    def calls() -> None:
        there.call()

    for at_ms in starts_ms:
        there.after(at_ms, calls)
    there.run(200_000)

    rehearsed = {judged.record.invited_us: judged for judged in Simulator(plan).play(scripts)}
    real = {judged.record.invited_us: judged for judged in there.records}

    assert [_compared(rehearsed[at].record) for at in sorted(rehearsed)] == [_compared(real[at].record) for at in sorted(real)]
    assert [_money(rehearsed[at]) for at in sorted(rehearsed)] == [_money(real[at]) for at in sorted(real)]
    assert [len(judged.record.attempts) for _, judged in sorted(real.items())] == [1, 1, 0, 1]


def _real(day: Day) -> JudgedCall:
    """The same call through the engine, in a network without delay."""
    there = _world(day.plan)
    for address, line in ((world.EAST, day.east), (world.WEST, day.west)):
        there.line_phone(address, answer_ms=line.answer_ms, status=line.status, talk_ms=line.talk_ms)
    there.engine.recorder_report(RecorderReady(pid=1, taps="/taps"), there.at())
    there.call(hang_up_ms=day.hang_up_ms)
    if day.key_ms is not None:
        there.after(2 * world.PROMPT_MS + day.key_ms, lambda: there.press("#"))
    if day.plan.menus:
        there.after(world.PROMPT_MS + 500, lambda: there.press("1"))
    there.run(300_000)
    (judged,) = there.records
    return judged


def _world(plan: Plan) -> world.World:
    there = world.World(plan, delay_ms=(0, 0))
    there.sync_ms = 0
    return there


def _script(day: Day) -> CallScript:
    patience_ms = None if day.talks_ms is not None or day.message_ms is not None else day.hang_up_ms
    conduct = {"east": day.east.conduct(day.talks_ms), "west": day.west.conduct(day.talks_ms)}
    digits = "1" if day.plan.menus else "#" if day.key_ms is not None else ""
    call = _call("rehearsed", conduct=conduct, digits=digits, patience_ms=patience_ms)
    return replace(call, message_ms=day.key_ms or day.message_ms or call.message_ms)


def _call(
    call_id: str, *, conduct: Mapping[str, LineScript], at_ms: int = 0, digits: str = "", patience_ms: int | None = None
) -> CallScript:
    return CallScript(
        call_id=call_id,
        did="+18005550100",
        ani="+12125550199",
        trunk="carrier",
        at_us=world.START_US + at_ms * 1_000,
        seed=1,
        digits=digits,
        prompt_ms=world.PROMPT_MS,
        patience_ms=patience_ms,
        conduct=conduct.__getitem__,
    )


def _compared(record: CallRecord) -> CallRecord:
    """All of a record but what differs from call to call: its ids and seed."""
    attempts = tuple(replace(attempt, sip_call_id=None, pdd_ms=None) for attempt in record.attempts)
    trail = tuple({**entry, "read": _without_seed(entry["read"])} for entry in record.trail)
    return replace(record, call_id="", sip_call_id=None, attempts=attempts, seed=0, trail=trail)


def _without_seed(read: Any) -> dict[str, object]:
    return {name: value for name, value in read.items() if name != "seed"}


def _money(judged: JudgedCall) -> list[tuple[object, ...]]:
    return [(row.kind, row.party, row.line, row.amount_micros, row.at_us, row.reason) for row in judged.verdict.rows]
