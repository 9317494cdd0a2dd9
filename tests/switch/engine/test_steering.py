"""A running switch is steered: calls are hung up, targets are paused, caps have other limits; who did it is kept, before its effect."""

from dataclasses import replace
from random import Random

import pytest
from engine_world import EAST, MENU, START_US, WEST, World, line, plan
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.cap import Cap, Counts, Per
from routing.override import Override, TargetKind
from switch.call.cause import Cause
from switch.call.record import EndedBy, FinalState
from switch.engine import steering
from switch.engine.effect import AppendJournal, KeepSteering, LogOverride, SendSip
from switch.engine.overrides import MAX_OVERRIDES
from switch.engine.steering import MAX_AHEAD_US, MAX_LIMIT, Refused
from switch.engine.steering_rows import ActionRow, Change, is_steering, override_row, steering_of
from switch.engine.usage import UsageHistory

US_PER_S = 1_000_000
PAUSE = {"until_us": None, "actor": "cli:anna", "reason": "storm"}


def steered(*lines: str, **of_plan: object) -> World:
    """A switch that has read its ledger, and two lines that answer."""
    world = World(plan(*(line(name, {"east": EAST, "west": WEST}[name]) for name in lines or ("east", "west")), **of_plan))  # type: ignore[arg-type]
    world.line_phone(EAST)
    world.line_phone(WEST)
    world.engine.load_usage(UsageHistory())
    return world


def pause(world: World, kind: TargetKind, name: str, *, until_s: int | None = None, reason: str = "storm") -> Override:
    until_us = None if until_s is None else START_US + until_s * US_PER_S
    found = world.engine.steering.pause(kind, name, world.at(), until_us=until_us, actor="cli:anna", reason=reason)
    world.flush()
    assert isinstance(found, Override), found
    return found


def limit(world: World, key: str, calls: int, *, until_s: int | None = None) -> Override:
    until_us = None if until_s is None else START_US + until_s * US_PER_S
    found = world.engine.steering.limit_cap(key, calls, world.at(), until_us=until_us, actor="cli:anna", reason="")
    world.flush()
    assert isinstance(found, Override), found
    return found


def actions(world: World) -> list[ActionRow]:
    return [action for effect in world.effects if isinstance(effect, KeepSteering) for action in effect.rows.actions]


def lines_tried(world: World) -> list[tuple[str, ...]]:
    return [tuple(attempt.line for attempt in judged.record.attempts) for judged in world.records]


def live_ids(world: World) -> list[str]:
    return [live.call_id for live in world.engine._calls]


def test_exactly_the_calls_named_are_hung_up_and_the_record_says_by_whom() -> None:
    world = steered(menu=None)
    for _ in range(3):
        world.call()
    world.run(15_000)
    first, second, third = live_ids(world)
    before = len(world.effects)
    found = world.engine.hang_up([second, "0123456789abcdef", second], world.at(), actor="cli:anna", reason="abuse")
    world.run(1_000)
    assert found == ((second,), ("0123456789abcdef",))
    assert live_ids(world) == [first, third]
    (judged,) = world.records
    record = judged.record
    assert (record.call_id, record.ended_by, record.ended_detail) == (second, EndedBy.SWITCH, Cause.OPERATOR_HUNG_UP.value)
    assert judged.verdict.billable  # 13 seconds of talk count as if anybody had hung up
    assert record.final_state is FinalState.CONVERTED
    (asked,) = [event for event in judged.events if event.event == "HangUpRequested"]
    assert (asked.facts["actor"], asked.facts["reason"]) == ("cli:anna", "abuse")
    assert [(each.action, each.target, each.outcome) for each in actions(world)] == [
        ("hangup", second, "done"),
        ("hangup", "0123456789abcdef", "refused: no such call is in progress"),
    ]
    effects = world.effects[before:]
    lines = [number for number, effect in enumerate(effects) if isinstance(effect, AppendJournal)]
    assert lines[:2] == [0, 2]  # the action, then the call's own line, and only then a BYE
    assert min(number for number, effect in enumerate(effects) if isinstance(effect, SendSip)) > lines[1]


def test_a_call_that_is_ending_already_is_no_call_in_progress() -> None:
    world = steered(menu=None)
    world.call()
    world.run(5_000)
    (call_id,) = live_ids(world)
    assert world.engine.hang_up([call_id], world.at(), actor="cli:anna", reason="") == ((call_id,), ())
    assert world.engine.hang_up([call_id], world.at(), actor="cli:anna", reason="") == ((), (call_id,))
    world.run(1_000)
    assert len(world.records) == 1


@pytest.mark.parametrize(
    ("kind", "name", "state"),
    [
        (TargetKind.ADVERTISER, "acme", FinalState.CLOSED),
        (TargetKind.CAMPAIGN, "quotes", FinalState.CLOSED),
        (TargetKind.PUBLISHER, "radio", FinalState.REJECTED_PUBLISHER_PAUSED),
        (TargetKind.NUMBER, "+18005550100", FinalState.REJECTED_NUMBER_NOT_IN_SERVICE),
        (TargetKind.NUMBER, "+1 (800) 555-0100", FinalState.REJECTED_NUMBER_NOT_IN_SERVICE),
    ],
)
def test_what_is_paused_gets_no_call_until_the_override_is_lifted(kind: TargetKind, name: str, state: FinalState) -> None:
    world = steered()
    made = pause(world, kind, name)
    world.call()
    world.run(2_000)
    assert [judged.record.final_state for judged in world.records] == [state]
    reasons = [each for each in world.records[0].record.trail if str(each["rule"]).startswith("overrides.")]
    assert len(reasons) == (2 if kind is TargetKind.ADVERTISER else 1)  # of each of its lines
    assert reasons[0]["rule"] == "overrides.1"
    assert reasons[0]["read"] == {"paused": made.key, "by": "cli:anna", "why": "storm"}
    assert world.engine.steering.lift(1, world.at(), actor="cli:bob", reason="over") == made
    world.call(hang_up_ms=5_000)
    world.run(8_000)
    assert lines_tried(world)[1:] == [("east",)]
    assert [(each.action, each.target, each.actor) for each in actions(world)] == [
        ("pause", made.key, "cli:anna"),
        ("lift", made.key, "cli:bob"),
    ]


def test_a_paused_line_is_passed_over_and_its_calls_go_on() -> None:
    world = steered()
    world.call(hang_up_ms=20_000)
    world.run(5_000)
    pause(world, TargetKind.LINE, "east", until_s=10)
    world.call(hang_up_ms=2_000)
    world.run(5_001)
    world.call(hang_up_ms=2_000)
    world.run(15_000)
    assert lines_tried(world) == [("west",), ("east",), ("east",)]  # the pause is over at the tenth second
    assert max(judged.record.total_ms for judged in world.records) > 18_000


def test_a_cap_by_override_holds_and_one_that_is_higher_lets_more_calls_through() -> None:
    world = World(plan(line("east", EAST, limit=1)))
    world.line_phone(EAST)
    world.engine.load_usage(UsageHistory())
    limit(world, "line:east", 2, until_s=30)
    for _ in range(3):
        world.call(hang_up_ms=10_000)
    world.run(12_000)
    states = sorted(judged.record.final_state.value for judged in world.records)
    assert states == ["capped", "connected_short", "connected_short"]
    limit(world, "line:east", 0)
    world.call(hang_up_ms=3_000)
    world.run(5_000)
    (capped,) = world.records[3:]
    assert capped.record.final_state is FinalState.CAPPED
    assert [(each["rule"], each["verdict"]) for each in capped.record.trail][2:4] == [
        ("overrides.2", "the cap line east has another limit by an override"),
        ("lines.east.cap", "east capped: 0 of 0 at once"),
    ]
    assert not world.complaints


def test_every_override_is_in_the_journal_and_a_start_finds_it_there() -> None:
    world = steered()
    made = pause(world, TargetKind.LINE, "east", until_s=60)
    world.engine.steering.lift(1, world.at(), actor="cli:bob", reason="")
    world.flush()
    lines = [(call_id, payload) for call_id, payload in world.journal if is_steering(call_id)]
    found = [steering_of([payload]) for _, payload in lines]
    assert [each.override for each in found] == [
        override_row(made, Change.MADE, at_us=made.made_us, actor="cli:anna", reason="storm"),
        override_row(made, Change.LIFTED, at_us=world.at().utc_us, actor="cli:bob", reason=""),
    ]
    kept = [effect.rows for effect in world.effects if isinstance(effect, KeepSteering)]
    assert found == kept
    assert [call_id for call_id, _ in lines] == [each.journal_id for each in kept]


def test_what_does_not_exist_can_not_be_paused_and_the_nearest_name_is_told() -> None:
    world = steered()
    engine = world.engine
    wrong = [
        engine.steering.pause(TargetKind.LINE, "eest", world.at(), **PAUSE),  # type: ignore[arg-type]
        engine.steering.pause(TargetKind.PUBLISHER, "acme", world.at(), **PAUSE),  # type: ignore[arg-type]
        engine.steering.pause(TargetKind.CAP, "line:east", world.at(), **PAUSE),  # type: ignore[arg-type]
        engine.steering.limit_cap("line:eastt", 1, world.at(), **PAUSE),  # type: ignore[arg-type]
        engine.steering.lift(1, world.at(), actor="cli:anna", reason=""),
    ]
    world.flush()
    assert [each.why for each in wrong if isinstance(each, Refused)] == [
        "the config has no line eest: did you mean east?",
        "the config has no publisher acme",
        "a cap is not paused: give it another limit",
        "the config has no cap line:eastt: did you mean line:east?",
        "no override 1 is in force: it is lifted, over, or was never made",
    ]
    assert [each.outcome for each in actions(world)] == [f"refused: {each.why}" for each in wrong if isinstance(each, Refused)]
    assert engine.steering.overrides(world.at()) == ()


def test_a_prepaid_balance_and_a_time_between_calls_have_no_other_limit() -> None:
    caps = (
        Cap(owner="advertiser:acme", limit=0, counts=Counts.REVENUE, per=Per.BALANCE),
        Cap(owner="line:east", limit=1, per=Per.SPACING),
    )
    world = World(plan(replace(line("east", EAST), caps=caps)))
    world.engine.load_usage(UsageHistory())
    found = [world.engine.steering.limit_cap(cap.key, 1, world.at(), **PAUSE) for cap in caps]  # type: ignore[arg-type]
    assert [isinstance(each, Refused) for each in found] == [True, True]


@pytest.mark.parametrize(("at_most", "is_taken"), [(0, True), (-1, False), (MAX_LIMIT, True), (MAX_LIMIT + 1, False)])
def test_a_limit_is_between_nothing_and_its_bound(at_most: int, is_taken: bool) -> None:  # noqa: FBT001
    world = steered()
    found = world.engine.steering.limit_cap("line:east", at_most, world.at(), **PAUSE)  # type: ignore[arg-type]
    assert isinstance(found, Override) is is_taken


@pytest.mark.parametrize(("ahead_us", "is_taken"), [(0, False), (1, True), (MAX_AHEAD_US, True), (MAX_AHEAD_US + 1, False)])
def test_an_override_ends_in_the_future_and_not_too_far_in_it(ahead_us: int, is_taken: bool) -> None:  # noqa: FBT001
    world = steered()
    until_us = world.at().utc_us + ahead_us
    found = world.engine.steering.pause(TargetKind.LINE, "east", world.at(), until_us=until_us, actor="a", reason="")
    assert isinstance(found, Override) is is_taken


def test_as_many_overrides_as_may_be_and_no_more() -> None:
    world = steered()
    for _ in range(MAX_OVERRIDES):
        pause(world, TargetKind.LINE, "east")
    assert isinstance(world.engine.steering.pause(TargetKind.LINE, "east", world.at(), **PAUSE), Refused)  # type: ignore[arg-type]
    world.engine.steering.lift(7, world.at(), actor="a", reason="")
    assert pause(world, TargetKind.LINE, "east").number == MAX_OVERRIDES + 1


def test_before_the_ledger_is_read_nothing_is_overridden_since_no_number_is_known() -> None:
    world = World(plan(line("east", EAST)))
    found = world.engine.steering.pause(TargetKind.LINE, "east", world.at(), **PAUSE)  # type: ignore[arg-type]
    assert isinstance(found, Refused)
    past = override_row(pause(steered(), TargetKind.LINE, "east"), Change.MADE, at_us=START_US, actor="cli:anna", reason="storm")
    world.engine.load_usage(UsageHistory(overrides=[past]))
    assert [each.number for each in world.engine.steering.overrides(world.at())] == [1]
    assert pause(world, TargetKind.LINE, "east").number == 2


def test_an_override_of_what_the_config_has_lost_is_kept_told_and_listed_as_such() -> None:
    world = steered(menu=MENU)
    pause(world, TargetKind.LINE, "west")
    limit(world, "line:west", 0)
    world.engine.reload(plan(line("east", EAST), menu=MENU, version="v2"))
    world.engine.steering.tell_of_orphans(world.at())
    world.flush()
    assert [effect.override.number for effect in world.effects if isinstance(effect, LogOverride)] == [1, 2]
    assert [each.in_config for each in world.engine.steering.overrides(world.at())] == [False, False]
    world.engine.reload(plan(line("east", EAST), line("west", WEST), menu=MENU, version="v3"))
    assert [each.in_config for each in world.engine.steering.overrides(world.at())] == [True, True]


def test_the_limits_are_those_that_are_told() -> None:
    assert f"{MAX_AHEAD_US // steering.US_PER_DAY} days" == "400 days"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_never_a_call_to_a_paused_line_and_never_more_than_a_cap_by_override(seed: int) -> None:
    """A day in small: calls come and go while a line is paused, resumed, and its cap changed."""
    random, world = Random(seed), steered()
    engine = world.engine
    spans: list[tuple[str, int, int | None]] = []  # line, from and to: it is paused
    limits: dict[str, list[tuple[int, int]]] = {"east": [(0, 100)], "west": [(0, 100)]}
    for _ in range(40):
        name = random.choice(["east", "west"])
        match random.choice(["call", "call", "call", "pause", "lift", "limit"]):
            case "call":
                world.call(hang_up_ms=random.choice([500, 4_000, 20_000]))
            case "pause":
                made = pause(world, TargetKind.LINE, name, until_s=world.now_ns // 10**9 + random.randint(1, 9))
                spans.append((name, made.made_us, made.until_us))
            case "lift":
                for each in engine.steering.overrides(world.at()):
                    if each.target_kind is TargetKind.LINE:
                        engine.steering.lift(each.number, world.at(), actor="a", reason="")
                now_us = world.at().utc_us
                spans = [(name, from_us, min(to_us or now_us, now_us)) for name, from_us, to_us in spans]
            case _:
                limits[name].append((world.at().utc_us, limit(world, f"line:{name}", random.randint(0, 3)).limit or 0))
        world.run(random.choice([1, 700, 3_000]))
    world.run(60_000)
    assert not world.complaints
    attempts = [attempt for judged in world.records for attempt in judged.record.attempts]
    for attempt in attempts:
        at_us = attempt.invited_us
        assert not any(name == attempt.line and from_us <= at_us < (to_us or at_us + 1) for name, from_us, to_us in spans)
        holds = [number for since_us, number in limits[attempt.line] if since_us <= at_us][-1]
        live = [each for each in attempts if each.line == attempt.line and each.invited_us <= at_us < (each.ended_us or at_us + 1)]
        assert len(live) <= holds
