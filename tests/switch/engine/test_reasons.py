"""Reason both ways (RFC 3326): what one far end says of its hang-up is what the other one is told."""

import pytest
from engine_world import EAST, WEST, World, line, plan

from switch.sip.fact import AnswerReceived, Fact, InviteReceived, LegTerminated

NORMAL = 16
BUSY = 17


def endings(facts: list[Fact]) -> list[LegTerminated]:
    return [fact for fact in facts if isinstance(fact, LegTerminated)]


@pytest.mark.parametrize(("said", "told"), [(31, 31), (None, NORMAL)])
def test_the_line_is_told_why_the_caller_hung_up(said: int | None, told: int) -> None:
    world = World(plan(line("east", EAST)))
    phone = world.line_phone(EAST)
    leg = world.call()
    world.after(5_000, lambda: world.caller.agent.hangup(leg, world.now_ns, q850=said))
    world.run(20_000)
    assert [end.q850 for end in endings(phone.facts)] == [told]


@pytest.mark.parametrize(("said", "told"), [(27, 27), (None, NORMAL)])
def test_the_caller_is_told_why_the_line_hung_up(said: int | None, told: int) -> None:
    world = World(plan(line("east", EAST)))
    phone = world.line_phone(EAST)
    world.call()

    def hang_up() -> None:
        (invited,) = [fact.leg for fact in phone.facts if isinstance(fact, InviteReceived)]
        phone.agent.hangup(invited, world.now_ns, q850=said)

    world.after(5_000, hang_up)
    world.run(20_000)
    assert [end.q850 for end in world.endings()] == [told]


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [(480, 18, (480, 18)), (480, None, (480, 19)), (486, 34, (486, 34)), (500, 38, (480, 38)), (500, None, (480, 41))],
)
def test_the_caller_is_told_why_the_last_line_refused(status: int, said: int | None, told: tuple[int, int]) -> None:
    world = World(plan(line("east", EAST)))

    def refuse(fact: Fact) -> None:
        if isinstance(fact, InviteReceived):
            phone.agent.refuse(fact.leg, status, world.now_ns, q850=said)

    phone = world.phone(EAST, refuse)
    world.call()
    world.run(20_000)
    assert [(end.status, end.q850) for end in world.endings()] == [told]


def test_the_reason_of_a_line_that_refused_is_not_that_of_a_later_hang_up() -> None:
    world = World(plan(line("east", EAST), line("west", WEST)))

    def refuse(fact: Fact) -> None:
        if isinstance(fact, InviteReceived):
            busy.agent.refuse(fact.leg, 486, world.now_ns, q850=BUSY)

    busy = world.phone(EAST, refuse)
    phone = world.line_phone(WEST)
    world.call(hang_up_ms=5_000)
    world.run(20_000)
    assert any(isinstance(fact, AnswerReceived) for fact in world.caller.facts)
    assert [end.q850 for end in endings(phone.facts)] == [NORMAL]
