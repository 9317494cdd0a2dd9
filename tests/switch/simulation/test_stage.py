"""Every way of a call over the stage: the control is the real one, so what is tested is that the world around it behaves."""

from collections.abc import Iterator
from dataclasses import replace

import engine_world as world
import pytest

from ivr.menu import HangUp, Menu, MenuPlan, RouteOn
from routing import table as rt
from routing.cap import Cap, Counts, Per
from switch.billing.verdict import JudgedCall
from switch.call.record import EndedBy, FinalState, Outcome
from switch.engine.plan import Plan
from switch.engine.usage import Usage
from switch.period import clock_of
from switch.simulation.call_script import CallScript, LineBehaviour, LineScript
from switch.simulation.route_query import ask_route
from switch.simulation.simulator import Simulator

ACK_MS = 20

START_US = world.START_US
BUSY = LineScript(behaviour=LineBehaviour.BUSY)
FAILS = LineScript(behaviour=LineBehaviour.FAILS)
RINGS = LineScript(behaviour=LineBehaviour.RINGS)
SILENT = LineScript(behaviour=LineBehaviour.SILENT)
MENU = MenuPlan(
    start="qualify",
    nodes={
        "qualify": Menu(
            name="qualify",
            prompt="welcome",
            invalid="sorry",
            timeout_ms=3_000,
            retries=1,
            keys={"1": RouteOn(tags={"interest": "quote"}), "0": HangUp(prompt="goodbye")},
            failed=HangUp(),
        )
    },
)


def line(name: str, *, limit: int = 100, caps: tuple[Cap, ...] = (), **changes: object) -> rt.Line:
    own = (Cap(owner=f"line:{name}", limit=limit), *caps)
    return replace(world.line(name, world.EAST), caps=own, **changes)  # type: ignore[arg-type]


EAST, WEST = line("east"), line("west")


def together(plan: Plan) -> Plan:
    """All lines of the campaign ring at once."""
    campaign = plan.table.campaigns["quotes"]
    targets = tuple(rt.Target(line=target.line) for target in campaign.targets)
    campaign = replace(campaign, targets=targets, tiers={1: rt.Tier(together=True)})
    return replace(plan, table=replace(plan.table, campaigns={"quotes": campaign}))


def script(
    call_id: str = "a",
    *,
    at_ms: int = 0,
    ani: str = "+12125550199",
    did: str = "+18005550100",
    digits: str = "",
    patience_ms: int | None = None,
    **lines: LineScript,
) -> CallScript:
    return CallScript(
        call_id=call_id,
        did=did,
        ani=ani,
        trunk="carrier",
        at_us=START_US + at_ms * 1_000,
        seed=1,
        digits=digits,
        patience_ms=patience_ms,
        conduct=lambda name: lines.get(name, LineScript()),
    )


def play(plan: Plan, *scripts: CallScript, usage: Usage | None = None) -> dict[str, JudgedCall]:
    return {judged.record.call_id: judged for judged in Simulator(plan, usage=usage, noting=True).play(scripts)}


def tried(judged: JudgedCall) -> list[tuple[str, Outcome]]:
    return [(attempt.line, attempt.outcome) for attempt in judged.record.attempts]


def test_a_caller_qualifies_and_talks() -> None:
    judged = play(world.plan(EAST, menu=MENU), script(digits="1"))["a"]

    record = judged.record
    assert record.final_state is FinalState.CONVERTED
    assert (record.digits, record.tags["interest"], record.menu_done) == ("1", "quote", True)
    assert record.menu_ms == 1_500  # a prompt of a second, and half a second until the key
    (attempt,) = record.attempts
    assert (attempt.answer_delay_ms, attempt.connected_ms) == (2_000, 120_000)
    assert record.total_ms == 1_500 + 2_000 + 120_000
    assert (judged.verdict.revenue_micros, judged.verdict.payout_micros) == (25_000_000, 18_000_000)


def test_a_digit_is_pressed_each_time_the_menu_waits() -> None:
    judged = play(world.plan(EAST, menu=MENU), script(digits="71"))["a"]

    assert judged.record.digits == "71"
    assert judged.record.menu_ms == 1_500 + 1_000 + 1_500  # "sorry", then the prompt again
    assert tried(judged) == [("east", Outcome.ANSWERED)]


def test_a_digit_is_pressed_once_however_often_the_menu_is_looked_at() -> None:
    """A prompt so short that the ACK comes while the menu waits already."""
    judged = play(world.plan(EAST, menu=MENU), replace(script(digits="71"), prompt_ms=ACK_MS // 2))["a"]

    pressed = [event.at_us - START_US for event in judged.events if event.event == "DigitHeard"]
    assert pressed == [510_000, 1_030_000]  # the second one when "sorry" and the prompt are over


def test_who_has_no_digits_left_is_silent() -> None:
    judged = play(world.plan(EAST, menu=MENU), script(digits="7"))["a"]

    assert judged.record.final_state is FinalState.MENU_FAILED
    assert judged.record.attempts == ()


def test_a_key_ends_the_call_after_its_prompt() -> None:
    judged = play(world.plan(EAST, menu=MENU), script(digits="0"))["a"]

    assert judged.record.final_state is FinalState.ENDED_IN_MENU
    assert judged.record.total_ms == 1_500 + 1_000


@pytest.mark.parametrize(
    ("conduct", "outcome", "lost_ms"),
    [
        (BUSY, Outcome.BUSY, 2_000),
        (FAILS, Outcome.FAILED, 2_000),
        (RINGS, Outcome.NO_ANSWER, 30_000),
        (SILENT, Outcome.SILENT, 5_000),
        (LineScript(after_ms=31_000), Outcome.NO_ANSWER, 30_000),  # answers after we gave it up: nobody is there any more
        (LineScript(behaviour=LineBehaviour.BUSY, after_ms=31_000), Outcome.NO_ANSWER, 30_000),
    ],
)
def test_a_line_that_does_not_take_the_call_is_followed_by_the_next(conduct: LineScript, outcome: Outcome, lost_ms: int) -> None:
    judged = play(world.plan(EAST, WEST), script(east=conduct))["a"]

    assert tried(judged) == [("east", outcome), ("west", Outcome.ANSWERED)]
    first, second = judged.record.attempts
    assert second.invited_us - first.invited_us == lost_ms * 1_000
    assert judged.record.connected_ms == 120_000


def test_the_first_of_those_that_ring_together_gets_the_call() -> None:
    plan = together(world.plan(*(line(name) for name in ("east", "west", "north", "south"))))

    judged = play(plan, script(east=LineScript(after_ms=3_000), west=LineScript(after_ms=2_500), north=BUSY, south=SILENT))["a"]

    assert dict(tried(judged)) == {
        "east": Outcome.LOST_RACE,
        "west": Outcome.ANSWERED,
        "north": Outcome.BUSY,
        "south": Outcome.LOST_RACE,
    }
    assert len({attempt.invited_us for attempt in judged.record.attempts}) == 1
    assert judged.verdict.revenue_micros == 25_000_000


def test_two_that_answer_in_the_same_instant_are_one_answer() -> None:
    judged = play(together(world.plan(EAST, WEST)), script())["a"]

    assert sorted(outcome for _, outcome in tried(judged)) == [Outcome.ANSWERED, Outcome.LOST_RACE]
    assert judged.record.connected_ms == 120_000


def test_a_line_that_accepts_by_key_talks_from_then_on() -> None:
    asked = line("east", accept=rt.Accept(prompt="who-calls", key="1", wait_ms=10_000))

    judged = play(world.plan(asked), script(east=LineScript(accept_ms=4_000)))["a"]

    (attempt,) = judged.record.attempts
    assert attempt.accepted is True
    assert attempt.answered_us is not None
    assert attempt.talk_us == attempt.answered_us + 4_000_000
    assert attempt.connected_ms == 120_000


def test_a_line_that_does_not_accept_has_declined() -> None:
    asked = line("east", accept=rt.Accept(prompt="who-calls", key="1", wait_ms=10_000))

    judged = play(world.plan(asked, WEST), script(east=LineScript(accepts=False)))["a"]

    assert tried(judged) == [("east", Outcome.DECLINED), ("west", Outcome.ANSWERED)]
    first, second = judged.record.attempts
    assert (first.accepted, first.connected_ms) == (False, 0)
    assert second.accepted is None


def test_a_whisper_is_heard_before_the_two_talk() -> None:
    judged = play(world.plan(line("east", accept=rt.Accept(prompt="who-calls"))), script())["a"]

    (attempt,) = judged.record.attempts
    assert attempt.answered_us is not None
    assert attempt.talk_us == attempt.answered_us + 1_000_000
    assert attempt.connected_ms == 120_000


@pytest.mark.parametrize(("talk_ms", "lines"), [(19_999, ["east", "west"]), (20_001, ["east"])])
def test_a_line_that_drops_early_is_followed_by_the_next(talk_ms: int, lines: list[str]) -> None:
    drops = LineScript(talk_ms=talk_ms, ended_by=EndedBy.LINE)

    judged = play(world.plan(EAST, WEST, recover_ms=20_000), script(east=drops))["a"]

    assert [name for name, _ in tried(judged)] == lines
    assert judged.record.attempts[0].connected_ms == talk_ms
    assert judged.record.attempts[0].ended_by is EndedBy.LINE


def test_a_caller_who_hangs_up_early_is_not_recovered() -> None:
    judged = play(world.plan(EAST, WEST, recover_ms=20_000), script(east=LineScript(talk_ms=5_000)))["a"]

    assert tried(judged) == [("east", Outcome.ANSWERED)]
    assert judged.record.ended_by is EndedBy.CALLER


def holding(places: int = 2, wait_ms: int = 600_000) -> Plan:
    overflow = {rt.NoRoute.CAPPED: rt.ToHold(places=places, wait_ms=wait_ms)}
    return world.plan(line("east", limit=1), overflow=overflow)


def test_who_waits_gets_the_line_when_it_is_free() -> None:
    calls = play(holding(), script("first", east=LineScript(talk_ms=33_000)), script("second", at_ms=1_000))

    first, second = calls["first"].record, calls["second"].record
    assert second.attempts[0].connected_ms == 120_000
    waited_us = second.attempts[0].invited_us - second.invited_us
    assert first.ended_us <= second.attempts[0].invited_us < first.ended_us + 5_000_000
    assert waited_us % 5_000_000 == 0  # it is asked every five seconds


def test_one_line_that_comes_free_takes_one_of_those_who_wait() -> None:
    scripts = [script("first", east=LineScript(talk_ms=10_000)), *(script(f"w{n}", at_ms=1_000) for n in range(2))]

    calls = play(holding(), *scripts)

    began = sorted(calls[f"w{n}"].record.attempts[0].invited_us for n in range(2))
    assert began[1] - began[0] >= 120_000_000


def test_who_waits_longest_is_next_whoever_asks_when_the_line_is_free() -> None:
    scripts = (
        script("first", east=LineScript(talk_ms=9_000)),  # until 11 s
        script("second", at_ms=1_500),  # asks at 6.5 s, and at 11.5 s
        script("third", at_ms=2_500),  # at 7.5 s, and at 12.5 s
        script("new", at_ms=11_200),
    )

    calls = play(holding(places=3), *scripts)

    began = sorted(("second", "third", "new"), key=lambda name: calls[name].record.attempts[0].invited_us)
    assert began == ["second", "third", "new"]
    assert calls["second"].record.attempts[0].invited_us == START_US + 11_200_000


def test_who_can_not_have_the_line_is_not_even_told_of_it() -> None:
    plan = world.plan(line("east", limit=1), overflow={rt.NoRoute.BUSY: rt.ToHold(places=1, wait_ms=20_000)})

    calls = play(plan, script("waits", east=BUSY), script("new", at_ms=6_000))

    assert calls["waits"].record.final_state is FinalState.WAITED_TOO_LONG
    assert "TurnCame" not in [event.event for event in calls["waits"].events]
    assert tried(calls["new"]) == [("east", Outcome.ANSWERED)]


def test_who_waits_too_long_is_sent_away() -> None:
    calls = play(holding(wait_ms=30_000), script("first"), script("second", at_ms=1_000))

    record = calls["second"].record
    assert record.final_state is FinalState.WAITED_TOO_LONG
    assert record.ended_us - record.invited_us == 30_000_000


def test_a_queue_has_so_many_places() -> None:
    calls = play(holding(places=1), script("first"), script("second", at_ms=1_000), script("third", at_ms=2_000))

    assert calls["third"].record.final_state is FinalState.QUEUE_FULL
    assert calls["second"].record.final_state is FinalState.CONVERTED


@pytest.mark.parametrize(
    ("patience_ms", "state"),
    [
        (500, FinalState.CALLER_LEFT_IN_MENU),
        (5_000, FinalState.CALLER_LEFT_WHILE_RINGING),
        (20_000, FinalState.CONVERTED),  # talks by then, and does not hang up for that
    ],
)
def test_patience_ends_where_talk_begins(patience_ms: int, state: FinalState) -> None:
    judged = play(world.plan(EAST, menu=MENU), script(digits="1", patience_ms=patience_ms, east=LineScript(after_ms=10_000)))["a"]

    assert judged.record.final_state is state
    assert judged.record.ended_by is EndedBy.CALLER
    if state is not FinalState.CONVERTED:
        assert judged.record.ended_us - judged.record.invited_us == patience_ms * 1_000


def test_who_gives_up_on_hold_frees_his_place() -> None:
    scripts = (
        script("first"),
        script("second", at_ms=1_000, patience_ms=10_000),
        script("third", at_ms=20_000, patience_ms=10_000),
    )

    calls = play(holding(places=1), *scripts)

    assert calls["second"].record.final_state is FinalState.CALLER_LEFT_ON_HOLD
    assert calls["third"].record.final_state is FinalState.CALLER_LEFT_ON_HOLD


def test_a_cancelled_call_has_no_answer() -> None:
    judged = play(world.plan(EAST), script(patience_ms=5_000, east=RINGS))["a"]

    assert (judged.record.answered_us, judged.record.sip_code) == (None, 487)
    assert tried(judged) == [("east", Outcome.ABANDONED)]


def test_calls_share_the_caps_of_a_line_and_give_them_back() -> None:
    plan = world.plan(line("east", limit=2))
    scripts = [script(f"c{n}", at_ms=n * 1_000, east=LineScript(talk_ms=30_000)) for n in range(3)]

    calls = play(plan, *scripts, script("later", at_ms=60_000))

    states = [calls[name].record.final_state for name in ("c0", "c1", "c2", "later")]
    assert states == [FinalState.CONVERTED, FinalState.CONVERTED, FinalState.CAPPED, FinalState.CONVERTED]


def test_nothing_is_held_when_all_calls_are_over() -> None:
    usage = Usage()
    lines = [line(name, limit=1) for name in ("east", "west", "north")]
    plan = together(world.plan(*lines))

    play(plan, script("a"), script("b", at_ms=60_000, east=BUSY), script("c", at_ms=200_000, patience_ms=1_000), usage=usage)

    for each in lines:
        assert usage.used(each.caps[0], START_US + 1_000_000_000) == 0


def test_a_conversion_counts_when_the_threshold_passes_not_when_the_call_ends() -> None:
    """The first call talks for two minutes and converts ten seconds into that: from then on the day's one conversion is there."""
    one_a_day = Cap(owner="line:east", counts=Counts.CONVERSION, per=Per.DAY, limit=1)
    plan = world.plan(line("east", caps=(one_a_day,)))

    calls = play(
        plan,
        script("first"),
        script("just-before", at_ms=11_900, east=LineScript(talk_ms=1_000)),
        script("just-after", at_ms=12_100),
    )

    assert calls["first"].record.ended_us == START_US + 122_000_000
    assert calls["just-before"].record.final_state is FinalState.CONNECTED_SHORT
    assert calls["just-after"].record.final_state is FinalState.CAPPED


def test_a_budget_closes_when_it_is_used_up() -> None:
    fifty = Cap(owner="line:east", counts=Counts.REVENUE, per=Per.DAY, limit=50_000_000)
    scripts = [script(f"c{n}", at_ms=n * 200_000) for n in range(3)]

    calls = play(world.plan(line("east", caps=(fifty,)), revenue_micros=25_000_000), *scripts)

    assert [calls[f"c{n}"].verdict.revenue_micros for n in range(3)] == [25_000_000, 25_000_000, 0]


def test_a_caller_who_was_paid_for_is_a_repeat() -> None:
    plan = world.plan(EAST, repeat=rt.Repeat(window_ms=3_600_000, route=rt.RepeatRoute.REJECT))

    calls = play(plan, script("once"), script("again", at_ms=600_000), script("later", at_ms=4_000_000))

    states = [calls[name].record.final_state for name in ("once", "again", "later")]
    assert states == [FinalState.CONVERTED, FinalState.REJECTED_REPEAT, FinalState.CONVERTED]


def test_the_longest_call_is_ended_by_the_switch() -> None:
    judged = play(world.plan(EAST), script(east=LineScript(talk_ms=10 * 3_600_000)))["a"]

    assert judged.record.ended_by is EndedBy.SWITCH
    assert judged.record.ended_us - judged.record.invited_us == 3_600_000_000


def test_an_unknown_number_has_a_record_too() -> None:
    judged = play(world.plan(EAST), script(did="+18005550199"))["a"]

    assert (judged.record.final_state, judged.record.sip_code) == (FinalState.REJECTED_UNKNOWN_NUMBER, 404)


def test_calls_come_in_the_order_they_end_and_scripts_are_taken_when_their_time_has_come() -> None:
    taken: list[str] = []

    def scripts() -> Iterator[CallScript]:
        for each in (script("long"), script("short", at_ms=1_000, east=LineScript(talk_ms=5_000)), script("late", at_ms=500_000)):
            taken.append(each.call_id)
            yield each

    stage = Simulator(world.plan(EAST))
    seen = [(judged.record.call_id, list(taken)) for judged in stage.play(scripts())]

    assert [call_id for call_id, _ in seen] == ["short", "long", "late"]
    assert seen[0][1] == ["long", "short", "late"]  # one is looked ahead, never all


def test_the_same_scripts_give_the_same_day() -> None:
    lines = [line(name, limit=2) for name in ("east", "west", "north")]
    plan = together(world.plan(*lines, menu=MENU))
    scripts = [
        script(f"c{n}", at_ms=n * 3_700, digits="7210"[n % 4] + "1", patience_ms=15_000 if n % 3 else None, west=BUSY)
        for n in range(60)
    ]

    assert list(play(plan, *scripts).values()) == list(play(plan, *scripts).values())


def test_the_caller_acknowledges_at_once() -> None:
    judged = play(world.plan(EAST, menu=MENU), script(digits="1"))["a"]

    acknowledged = next(event for event in judged.events if event.event == "CallerAcknowledged")
    assert acknowledged.at_us == START_US + ACK_MS * 1_000


def test_voicemail_is_what_route_says() -> None:
    voicemail = rt.ToVoicemail(greeting="leave-a-message", longest_ms=60_000)
    plan = world.plan(line("east", limit=0), overflow={rt.NoRoute.CAPPED: voicemail})
    found = ask_route(plan, did="+18005550100", ani="+12125550199", at="2026-03-02T10:00", zone=clock_of("UTC"), digits="", tags={})

    assert found.outcome == "the caller hears leave-a-message and may leave a message: capped"
    assert found.reasons[-1]["verdict"] == "capped: voicemail after leave-a-message, 60000 ms at most"
