"""Who listens in to a call: what the worker is told, and that the call and its record know nothing of it."""

import pytest
from engine_world import EAST, World, line, plan

from media import control as mc
from switch.engine.eavesdropping import MAX_LISTENERS, CannotListen

PATH = "/run/listen"


class Listened(World):
    """A call in talk; `call_id`: its id, of which the journal tells."""

    def __init__(self) -> None:
        super().__init__(plan(line("east", EAST)))
        self.line_phone(EAST, answer_ms=1_000)
        self.call(hang_up_ms=20_000)
        self.run(10_000)
        (self.call_id,) = {call_id for call_id, _ in self.journal}
        self.caller_port = next(order.a for order in self.orders if isinstance(order, mc.Bridge))

    def listen(self) -> int:
        tap = self.engine.listen_in(self.call_id, PATH)
        self.flush()
        return tap

    def taps(self) -> list[mc.Order]:
        return [order for order in self.orders if isinstance(order, mc.Tap | mc.Untap)]


def test_the_callers_leg_is_tapped_both_ways_until_nobody_listens() -> None:
    world = Listened()
    tap = world.listen()
    world.engine.stop_listening_in(tap)
    world.engine.stop_listening_in(tap)
    world.flush()
    assert world.taps() == [
        mc.Tap(port=world.caller_port, tap=tap, path=PATH, received=True, sent=True),
        mc.Untap(port=world.caller_port, tap=tap),
    ]


def test_the_record_is_that_of_a_call_nobody_listens_to() -> None:
    worlds = Listened(), Listened()
    worlds[0].listen()
    for world in worlds:
        world.run(60_000)
    assert worlds[0].records == worlds[1].records
    assert len(worlds[0].records) == 1


def test_only_so_many_listen_to_one_call() -> None:
    world = Listened()
    taps = [world.listen() for _ in range(MAX_LISTENERS)]
    with pytest.raises(CannotListen, match="4 others"):
        world.listen()
    world.engine.stop_listening_in(taps[1])
    assert world.listen() not in taps


def test_a_call_that_is_over_or_has_no_audio_is_not_listened_to() -> None:
    world = Listened()
    tap = world.listen()
    world.run(60_000)
    with pytest.raises(CannotListen, match=f"no call {world.call_id} is in progress"):
        world.listen()
    world.engine.stop_listening_in(tap)
    world.flush()
    assert len(world.taps()) == 1, "its tap has ended with its leg"
