"""Days of calls drawn from a seed, on a bad network: no call without one record, no cap exceeded, nothing left over."""

from engine_world import EAST, MENU, WEST, World, line, plan
from hypothesis import given, note, settings
from hypothesis import strategies as st

from media import control as mc
from switch.engine.effect import TellWorker
from switch.engine.journal_line import recover_call
from switch.sip.fact import InviteReceived
from switch.sip.flow import Flow

LIMITS = {EAST: 3, WEST: 2}


class Guarded(World):
    """A world whose lines count the calls they have on, ringing ones included, as their owners would."""

    def watch(self, address: Flow, *, answer_ms: int | None, talk_ms: int | None) -> None:
        phone = self.line_phone(address, answer_ms=answer_ms, talk_ms=talk_ms)
        on: set[int] = set()
        behave = phone.on_fact

        def on_fact(fact: object) -> None:
            if isinstance(fact, InviteReceived):
                on.add(fact.leg)
                assert len(on) <= LIMITS[address], f"{address} has {len(on)} calls"
            elif type(fact).__name__ == "LegTerminated":
                on.discard(fact.leg)  # type: ignore[attr-defined]
            behave(fact)  # type: ignore[arg-type]

        phone.on_fact = on_fact


@settings(max_examples=25, deadline=None, print_blob=True)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.05, 0.2]),
    calls=st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 40_000), st.sampled_from("109#-")), min_size=1, max_size=12),
    answer_ms=st.sampled_from([None, 10, 2_500]),
    talk_ms=st.sampled_from([None, 1, 12_000]),
    dies=st.sampled_from([None, None, 2_000]),
)
def test_every_call_has_one_record_and_leaves_nothing(
    *,
    seed: int,
    loss: float,
    calls: list[tuple[int, int, str]],
    answer_ms: int | None,
    talk_ms: int | None,
    dies: int | None,
) -> None:
    note(f"seed {seed}")
    east, west = line("east", EAST, limit=3, ring_ms=4_000, silence_ms=2_000), line("west", WEST, limit=2, ring_ms=4_000)
    world = World(plan(east, west, menu=MENU), seed=seed, loss=loss, doubling=loss, delay_ms=(1, 120))
    world.line_phone(EAST, answer_ms=answer_ms, talk_ms=talk_ms)
    world.line_phone(WEST, status=486)
    if dies is not None:
        world.after(dies, lambda: world.engine.worker_lost(1, world.at()))
    for gap_ms, hang_up_ms, digit in calls:
        world.call(hang_up_ms=hang_up_ms)
        world.run(gap_ms)
        if digit != "-" and world.told(mc.Play):
            world.press(digit)
    world.run(600_000)
    assert not world.complaints
    assert world.engine.live_calls == 0
    assert set(world.sip.live_counts().values()) == {0}
    ids = [judged.record.call_id for judged in world.records]
    assert len(ids) == len(set(ids))
    assert set(ids) == {call_id for call_id, _ in world.journal}
    for judged in world.records:
        lines = [payload for call_id, payload in world.journal if call_id == judged.record.call_id]
        assert recover_call(lines) == judged


@settings(max_examples=15, deadline=None, print_blob=True)
@given(seed=st.integers(0, 2**32), answer_ms=st.sampled_from([None, 5, 900]), talk_ms=st.sampled_from([None, 50, 3_000]))
def test_no_line_ever_has_more_calls_than_its_cap(seed: int, answer_ms: int | None, talk_ms: int | None) -> None:
    """Seen from the line: a call counts from its INVITE until its BYE, CANCEL or refusal has come through."""
    note(f"seed {seed}")
    lines = [line("east", EAST, limit=3, ring_ms=3_000, silence_ms=2_000), line("west", WEST, limit=2, ring_ms=3_000)]
    world = Guarded(plan(*lines), seed=seed)
    world.watch(EAST, answer_ms=answer_ms, talk_ms=talk_ms)
    world.watch(WEST, answer_ms=answer_ms, talk_ms=talk_ms)
    for _ in range(20):
        world.call(hang_up_ms=world.random.randint(0, 8_000))
        world.run(world.random.choice([0, 0, 40, 700]))
    world.run(200_000)
    assert len(world.records) == 20


def test_a_thousand_calls_at_once_fill_the_caps_to_the_last_slot_and_no_further() -> None:
    lines = [line("east", EAST, limit=300), line("west", WEST, limit=200)]
    world = World(plan(*lines))
    world.line_phone(EAST)
    world.line_phone(WEST)
    for _ in range(1_000):
        world.call(hang_up_ms=15_000)
    world.run(10_000)
    bridges = [effect for effect in world.effects if isinstance(effect, TellWorker) and isinstance(effect.order, mc.Bridge)]
    assert len(bridges) == 500
    world.run(120_000)
    states = [judged.record.final_state.value for judged in world.records]
    assert (states.count("converted"), states.count("capped")) == (500, 500)
    world.call(hang_up_ms=15_000)
    world.run(120_000)
    assert world.records[-1].record.final_state.value == "converted"  # and all slots are free again
