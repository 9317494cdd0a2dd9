"""Talk is what somebody could hear (the media rule, `docs/billing.md` §3): who was heard, and when talk that nobody heard ended."""

from dataclasses import replace

import pytest
from engine_world import EAST, World, line, plan

from media import control as mc
from routing.cap import Cap, Counts, Per
from switch.call.record import Heard
from switch.engine.journal_line import recover_call
from switch.engine.plan import Plan

SECOND_NS = 1_000_000_000


class Listening(World):
    """The worker says by itself only what a test wants: who is heard is up to `hear`."""

    def _obey(self, order: mc.Order) -> None:
        if not isinstance(order, mc.Bridge):
            super()._obey(order)

    @property
    def bridge(self) -> mc.Bridge:
        return self.told(mc.Bridge)[-1]

    def hear(self, port: int, *, both: bool = False) -> None:
        self.report(mc.Heard(port=port, at_ns=self.now_ns, both=both))

    def quiet(self, since_ns: int) -> None:
        self.report(mc.Quiet(port=self.bridge.a, since_ns=since_ns))


def talking(with_plan: Plan | None = None, *, ms: int = 5_000) -> tuple[Listening, int]:
    """A call that is bridged, and its caller's leg."""
    world = Listening(plan(line("east", EAST)) if with_plan is None else with_plan)
    world.line_phone(EAST)
    leg = world.call()
    world.run(ms)
    return world, leg


def heard_both() -> Plan:
    made = plan(line("east", EAST))
    return replace(made, terms={"quotes": replace(made.terms["quotes"], heard_both=True)})


def owed(world: World) -> int:
    """What counts towards caps of revenue."""
    cap = Cap(owner="line:east", limit=1, counts=Counts.REVENUE, per=Per.TOTAL)
    return world.usage.used(cap, world.at().utc_us)


@pytest.mark.parametrize(
    ("hears", "expected"), [("", Heard.NONE), ("a", Heard.CALLER), ("b", Heard.LINE), ("ab", Heard.BOTH), ("ba", Heard.BOTH)]
)
def test_the_record_says_who_was_heard(hears: str, expected: Heard) -> None:
    world, leg = talking()
    for number, side in enumerate(hears):
        world.hear(getattr(world.bridge, side), both=number == 1)
    world.leave(leg)
    world.run(5_000)
    (attempt,) = world.records[0].record.attempts
    assert attempt.heard is expected
    assert (attempt.both_heard_us is None) is (expected is not Heard.BOTH)


def test_who_was_never_bridged_was_not_heard() -> None:
    world = Listening(plan(line("east", EAST)))
    world.line_phone(EAST, status=486)
    world.call()
    world.run(10_000)
    assert world.records[0].record.attempts[0].heard is None


def test_dead_air_is_no_talk() -> None:
    """Fourteen seconds on the wire, and nobody ever heard: the carrier bills them, the advertiser does not."""
    world, leg = talking(ms=1_000 + 14_000)
    world.quiet(0)
    world.leave(leg)
    world.run(5_000)
    (judged,) = world.records
    assert judged.record.connected_ms == 0
    assert 13_000 <= judged.record.total_ms <= 14_000
    assert not judged.verdict.billable


def test_talk_ends_with_the_last_that_was_heard() -> None:
    world, leg = talking(ms=9_000)
    world.hear(world.bridge.a, both=True)
    last_ns = world.now_ns
    world.run(10_000)
    world.quiet(last_ns)
    world.leave(leg)
    world.run(5_000)
    (judged,) = world.records
    assert judged.record.attempts[0].talk_ended_us == 1_772_463_600_000_000 + last_ns // 1_000
    assert not judged.verdict.billable  # 10 s are asked for, and 8 were talk


def test_who_is_heard_again_has_talked_all_the_time() -> None:
    world, leg = talking(ms=9_000)
    world.quiet(3 * SECOND_NS)
    world.hear(world.bridge.b)
    world.run(10_000)
    world.leave(leg)
    world.run(5_000)
    assert world.records[0].record.connected_ms >= 16_000
    assert world.records[0].verdict.billable


def test_a_crash_in_dead_air_leaves_no_more_talk_than_was_heard() -> None:
    world, _ = talking(ms=2_000)
    world.quiet(1_100 * 1_000_000)
    world.run(20_000)
    record = recover_call([payload for _, payload in world.journal]).record
    assert record.connected_ms <= 100
    assert not recover_call([payload for _, payload in world.journal]).verdict.billable


def test_where_both_must_be_heard_money_waits_for_the_second() -> None:
    world, leg = talking(heard_both(), ms=13_000)
    world.hear(world.bridge.a)
    assert owed(world) == 0
    world.hear(world.bridge.b, both=True)
    assert owed(world) == 25_000_000
    world.leave(leg)
    world.run(5_000)
    assert world.records[0].verdict.revenue_micros == 25_000_000


def test_where_both_must_be_heard_one_is_not_enough() -> None:
    world, leg = talking(heard_both(), ms=13_000)
    world.hear(world.bridge.a)
    world.leave(leg)
    world.run(5_000)
    assert not world.records[0].verdict.billable
