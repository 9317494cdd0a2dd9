"""Talk is what somebody could hear (the media rule, `docs/billing.md` §3): who was heard, and when talk that nobody heard ended."""

from dataclasses import replace

import pytest
from engine_world import EAST, WEST, World, line, plan

from media import control as mc
from routing.cap import Cap, Counts, Per
from switch.billing.verdict import MoneyKind
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


def test_a_line_that_hangs_up_after_long_dead_air_did_not_hang_up_soon() -> None:
    """Recovery asks when the line hung up, not how much was talked."""
    world = Listening(plan(line("east", EAST), line("west", WEST), recover_ms=6_000))
    world.line_phone(EAST, talk_ms=30_000)
    west = world.line_phone(WEST)
    world.call()
    world.run(9_000)
    world.quiet(0)
    world.run(40_000)
    assert west.facts == []
    assert [attempt.line for attempt in world.records[0].record.attempts] == ["east"]
    assert world.records[0].record.connected_ms == 0


def test_a_line_that_hangs_up_soon_in_dead_air_is_followed_by_the_next_one_and_owes_nothing() -> None:
    world = Listening(plan(line("east", EAST), line("west", WEST), recover_ms=30_000))
    world.line_phone(EAST, talk_ms=20_000)
    world.line_phone(WEST)
    leg = world.call()
    world.run(9_000)
    world.quiet(0)
    world.run(20_000)
    world.hear(world.bridge.b)
    world.run(12_000)
    world.leave(leg)
    world.run(5_000)
    (judged,) = world.records
    assert [(tried.line, tried.heard, tried.connected_ms > 0) for tried in judged.record.attempts] == [
        ("east", Heard.NONE, False),
        ("west", Heard.LINE, True),
    ]
    assert [row.line for row in judged.verdict.rows if row.kind is MoneyKind.REVENUE] == ["west"]


@pytest.mark.parametrize("is_quiet", [True, False])
def test_a_threshold_that_passes_in_silence_counts_towards_caps_once_somebody_is_heard_again(is_quiet: bool) -> None:  # noqa: FBT001
    """Not with the end of the call only: caps would let too many calls through. Silence of both, or of one by its worker's sign of life."""
    world, leg = talking(ms=6_000)
    silent_ns = world.now_ns
    if is_quiet:
        world.quiet(silent_ns)
    caller = world.bridge.a
    world.report(mc.Heartbeat(at_ns=silent_ns + SECOND_NS, last={caller: silent_ns}) if not is_quiet else mc.Ready(pid=1))
    world.run(9_000)
    assert owed(world) == 0, "as far as anybody knows, talk ended at 5 s"
    world.hear(caller)
    world.report(mc.Heartbeat(at_ns=world.now_ns, last={caller: world.now_ns}))
    world.run(5_000)
    assert owed(world) == 25_000_000
    world.leave(leg)
    world.run(5_000)
    assert world.records[0].verdict.revenue_micros == owed(world) == 25_000_000


def test_a_threshold_that_passes_in_dead_air_to_the_end_owes_nothing() -> None:
    world, leg = talking(ms=6_000)
    world.quiet(world.now_ns)
    world.run(30_000)
    world.leave(leg)
    world.run(5_000)
    assert world.records[0].verdict.revenue_micros == owed(world) == 0


def test_dead_air_that_goes_on_with_the_target_of_a_transfer_began_before_it() -> None:
    """The worker counts anew with every bridge."""
    world, leg = talking(ms=20_000)
    world.quiet(4 * SECOND_NS)
    world.quiet(15 * SECOND_NS)
    world.leave(leg)
    world.run(5_000)
    assert world.records[0].record.attempts[0].talk_ended_us == 1_772_463_600_000_000 + 4_000_000


def test_both_have_been_heard_also_where_that_was_in_two_bridges() -> None:
    """The line by the caller, then, after a transfer, the caller by its target."""
    world, _ = talking(heard_both(), ms=13_000)
    world.hear(world.bridge.b)
    assert owed(world) == 0
    world.hear(world.bridge.a)
    assert owed(world) == 25_000_000


def test_what_was_heard_before_the_line_answered_was_not_heard_in_talk() -> None:
    """A report of early media that comes late."""
    world, leg = talking()
    world.report(mc.Heard(port=world.bridge.b, at_ns=SECOND_NS // 2, both=True))
    world.leave(leg)
    world.run(5_000)
    assert world.records[0].record.attempts[0].heard is Heard.NONE


@pytest.mark.parametrize("end", ["bye", "media is lost", "crash"])
def test_keys_in_dead_air_are_no_talk_however_it_ends(end: str) -> None:
    """The caller presses keys at 30 s that nobody answers: packets that are heard, and no conversation."""
    world, leg = talking(ms=6_000)
    world.quiet(0)
    world.run(24_000)
    caller = world.bridge.a
    world.report(mc.DigitReceived(port=caller, digit="1", at_ns=world.now_ns))
    pressed_ns = world.now_ns
    world.report(mc.Heartbeat(at_ns=world.now_ns + SECOND_NS, last={caller: pressed_ns}))
    world.run(10_000)
    match end:
        case "bye":
            world.leave(leg)
        case "media is lost":
            world.report(mc.MediaTimeout(port=caller, last_ns=pressed_ns))
        case _:
            record = recover_call([payload for _, payload in world.journal]).record
            assert record.connected_ms <= 10
            return
    world.run(6_000)
    assert world.records[0].record.connected_ms <= 10
