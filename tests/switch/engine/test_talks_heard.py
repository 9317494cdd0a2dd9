"""Whose talks the ears listen to, from when to when, and what becomes of what they heard."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from engine_world import EAST, WEST, World, line, plan

from media import control as mc
from media.dsp.ears import Ears
from media.listening import EarsReady, EndTalk, HeardSide, ListenToTalk, TalkHeard
from switch.engine.effect import KeepHeard, TellEars
from switch.engine.plan import Plan

TAPS = "/data/ears.sock"


def with_ears(*campaigns: str) -> Plan:
    return replace(plan(line("east", EAST), line("west", WEST)), ears=frozenset(campaigns))


class Talk(World):
    def __init__(self, with_plan: Plan, *, ready: bool = True) -> None:
        super().__init__(with_plan)
        if ready:
            self.ears_come()
        self.line_phone(EAST, answer_ms=10)
        self.leg = self.call()
        self.run(1_000)

    def ears_come(self) -> None:
        self.engine.ears_report(EarsReady(pid=2, taps=TAPS), self.at())

    @property
    def to_ears(self) -> Sequence[object]:
        return [effect.order for effect in self.effects if isinstance(effect, TellEars)]

    @property
    def begun(self) -> list[ListenToTalk]:
        return [order for order in self.to_ears if isinstance(order, ListenToTalk)]

    @property
    def ended(self) -> list[EndTalk]:
        return [order for order in self.to_ears if isinstance(order, EndTalk)]

    @property
    def now_tapped(self) -> set[int]:
        return {order.tap for order in self.told(mc.Tap)} - {order.tap for order in self.told(mc.Untap)}


def test_both_sides_of_a_talk_are_listened_to_from_the_bridge_to_the_end() -> None:
    talk = Talk(with_ears("quotes"))
    (bridge,) = talk.told(mc.Bridge)
    (order,) = talk.begun
    taps = {tap.port: tap.tap for tap in talk.told(mc.Tap)}
    assert taps == {bridge.a: order.caller, bridge.b: order.line}
    assert all((tap.path, tap.received, tap.sent) == (TAPS, True, False) for tap in talk.told(mc.Tap))
    assert order.attempt == 1
    assert talk.ended == []
    talk.leave(talk.leg)
    talk.run(10_000)
    (end,) = talk.ended
    assert end.caller == order.caller
    record = talk.records[0].record
    assert order.call_id == record.call_id
    assert (end.at_ns - order.at_ns) // 1_000_000 == record.connected_ms
    assert not talk.complaints


@pytest.mark.parametrize("campaigns", [(), ("other",)])
def test_talks_of_other_campaigns_are_not(campaigns: tuple[str, ...]) -> None:
    talk = Talk(with_ears(*campaigns))
    assert (talk.to_ears, talk.told(mc.Tap)) == ([], [])


def test_ears_that_die_are_told_again_when_they_are_back() -> None:
    talk = Talk(with_ears("quotes"))
    talk.engine.ears_lost(talk.at())
    talk.run(1)
    assert talk.now_tapped == set()
    talk.ears_come()
    talk.run(1)
    assert len(talk.begun) == 2
    assert talk.now_tapped == {talk.begun[1].caller, talk.begun[1].line}
    assert talk.begun[1].started_us > talk.begun[0].started_us


def test_ears_that_are_not_there_cost_the_call_nothing() -> None:
    talk = Talk(with_ears("quotes"), ready=False)
    talk.leave(talk.leg)
    talk.run(10_000)
    assert talk.to_ears == []
    assert talk.records[0].record.connected_ms > 0


def test_what_was_heard_goes_to_the_ledger() -> None:
    talk = Talk(with_ears("quotes"))
    side = HeardSide(heard=Ears().heard(), frames_unheard=0)
    heard = TalkHeard(call_id="c", attempt=1, started_us=7, caller=side, line=side, one_way="no")
    talk.engine.ears_report(heard, talk.at())
    talk.run(1)
    assert [effect.heard for effect in talk.effects if isinstance(effect, KeepHeard)] == [heard]
