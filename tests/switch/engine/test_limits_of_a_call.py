"""The named limits of a call, each at the limit and one past it: the whole engine over simulated SIP."""

from functools import partial

import pytest
from engine_world import EAST, START_US, WEST, World, line, plan

from media import control as mc
from routing.table import Accept, NoRoute, ToMessage
from switch.call.moment import NS_PER_MS
from switch.call.record import EndedBy, FinalState, Outcome
from switch.engine.effect import SendSip, TellWorker
from switch.engine.journal_line import recover_call
from switch.engine.plan import Plan
from switch.sip.flow import Flow

HEARTBEAT_MS = 5_000
SILENT_NS = 500_000_000

DROPS_MS = 1_000
RECOVER_MS = 5_000
ANSWER_MS = 500
SYNC_MS = 1


def call(world: World, *, hang_up_ms: int) -> None:
    world.call(hang_up_ms=hang_up_ms)


def dropping(number: int) -> tuple[str, Flow]:
    return f"line-{number}", Flow(f"198.51.100.{30 + number}", 5060)


@pytest.mark.parametrize(
    ("lines", "last_serves", "attempts"),
    [
        pytest.param(6, True, 6, id="at the limit the last line has the caller for good"),
        pytest.param(7, False, 6, id="one past it nobody is tried any more"),
    ],
)
def test_a_caller_is_recovered_so_often(lines: int, last_serves: bool, attempts: int) -> None:  # noqa: FBT001 a column of the table
    phones = [dropping(number) for number in range(lines)]
    world = World(plan(*(line(name, address) for name, address in phones), recover_ms=RECOVER_MS))
    for number, (_, address) in enumerate(phones, 1):
        serves = last_serves and number == lines
        world.line_phone(address, answer_ms=ANSWER_MS, talk_ms=None if serves else DROPS_MS)
    world.call(hang_up_ms=40_000)
    world.run(90_000)
    (judged,) = world.records
    assert [attempt.outcome for attempt in judged.record.attempts] == [Outcome.ANSWERED] * attempts
    assert judged.record.ended_by is (EndedBy.CALLER if last_serves else EndedBy.LINE)


class EndlessWorld(World):
    """A world whose media worker never tells the end of a prompt."""

    def _obey(self, order: mc.Order) -> None:
        if not isinstance(order, mc.Play):
            super()._obey(order)


def test_a_whisper_without_end_is_cut_and_the_two_talk() -> None:
    world = EndlessWorld(plan(line("east", EAST, accept=Accept(prompt="who-calls"))))
    world.line_phone(EAST, answer_ms=ANSWER_MS)
    world.call(hang_up_ms=60_000)
    world.run(90_000)
    (attempt,) = world.records[0].record.attempts
    assert attempt.answered_us is not None
    assert attempt.talk_us == attempt.answered_us + 1_000 * (30_000 + SYNC_MS)  # it begins once the answer is durable


def test_an_announcement_without_end_is_cut_and_the_caller_let_go() -> None:
    world = EndlessWorld(plan(line("east", EAST, limit=0), overflow={NoRoute.CAPPED: ToMessage(prompt="all-busy")}))
    world.call()
    world.run(200_000)
    (judged,) = world.records
    assert (judged.record.final_state, judged.record.ended_by) == (FinalState.CAPPED, EndedBy.SWITCH)
    assert judged.record.total_ms == 120_000


def test_an_answer_that_does_not_become_durable_is_waited_for_so_long() -> None:
    world = World(plan(line("east", EAST), line("west", WEST)))
    world.sync_ms = None
    world.line_phone(EAST, answer_ms=ANSWER_MS)
    world.call()
    world.run(60_000)
    (judged,) = world.records
    (attempt,) = judged.record.attempts
    assert attempt.answered_us is not None
    assert judged.record.ended_us == attempt.answered_us + 5_000_000


@pytest.mark.parametrize(("sync_ms", "bridged"), [(5_000, True), (5_001, False)])
def test_an_answer_that_is_durable_in_time_is_bridged(sync_ms: int, bridged: bool) -> None:  # noqa: FBT001 a column of the table
    world = World(plan(line("east", EAST)))
    world.sync_ms = sync_ms
    world.line_phone(EAST, answer_ms=ANSWER_MS)
    world.call(hang_up_ms=30_000)
    world.run(60_000)
    assert bool(world.told(mc.Bridge)) is bridged


class TwoWorkers(World):
    """A world with the media workers 1 and 2."""

    def __init__(self, with_plan: Plan) -> None:
        super().__init__(with_plan)
        self.engine.report(2, mc.Ready(pid=2), self.at())

    def served_by(self) -> list[int]:
        """The worker of each call, in their order: who was told of the caller's port."""
        told = [effect for effect in self.effects if isinstance(effect, TellWorker) and isinstance(effect.order, mc.Bridge)]
        return [effect.worker for effect in told]


def test_calls_go_to_the_worker_that_has_fewest() -> None:
    world = TwoWorkers(plan(line("east", EAST)))
    world.line_phone(EAST, answer_ms=ANSWER_MS)
    for place, hang_up_ms in enumerate((60_000, 5_000, 60_000, 60_000, 60_000)):
        world.after(10_000 * place, partial(call, world, hang_up_ms=hang_up_ms))
    world.run(120_000)
    #  1 has none: 1. 1 has one: 2. The second call is over: 2 has none, 1 has one. And so on.
    assert world.served_by() == [1, 2, 2, 1, 2]


def test_what_strangers_make_the_switch_keep_is_bounded() -> None:
    world = World(plan(line("east", EAST)))
    for number in range(10_000):
        world.engine.datagram(b"noise", Flow(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5060), world.at())
    assert len(world.engine._trunks) == 10_000
    world.engine.datagram(b"noise", Flow("11.0.0.1", 5060), world.at())
    assert len(world.engine._trunks) == 1


@pytest.mark.parametrize(
    ("silent_ns", "talk_ms"), [(SILENT_NS, HEARTBEAT_MS), (SILENT_NS + 1, HEARTBEAT_MS - SILENT_NS // NS_PER_MS - 2)]
)
def test_after_a_crash_a_side_that_was_silent_for_longer_than_this_has_talked_up_to_its_last_packet(
    silent_ns: int, talk_ms: int
) -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST, answer_ms=ANSWER_MS)
    world.call()
    world.run(2_000)
    (bridge,) = world.told(mc.Bridge)
    (attempt,) = recover_call([payload for _, payload in world.journal]).record.attempts
    assert attempt.talk_us is not None
    beat_ns = (attempt.talk_us - START_US) * 1_000 + HEARTBEAT_MS * NS_PER_MS
    world.run((beat_ns - world.now_ns) / NS_PER_MS - 1)
    world.report(mc.Heartbeat(at_ns=world.now_ns, last={bridge.a: world.now_ns, bridge.b: world.now_ns - silent_ns}))
    world.run(2)
    assert recover_call([payload for _, payload in world.journal]).record.connected_ms == talk_ms


def test_who_is_refused_for_the_moment_is_told_when_to_try_again() -> None:
    world = World(plan(line("east", EAST)))
    world.engine.ledger_writable(writable=False)
    world.call()
    world.run(1_000)
    refusals = [effect.data for effect in world.effects if isinstance(effect, SendSip) and effect.data.startswith(b"SIP/2.0 503")]
    assert [b"Retry-After: 5\r\n" in refusal for refusal in refusals] == [True]
