"""A line learns the call's id, and the record holds the SIP Call-IDs of both legs."""

from dataclasses import replace

import pytest
from engine_world import EAST, WEST, World, line, plan

from switch.engine.journal_line import recover_call
from switch.sip.fact import InviteReceived


def invited(world: World) -> list[InviteReceived]:
    """The INVITEs that lines got, in the order of the lines' phones."""
    return [fact for phone in world._phones.values() for fact in phone.facts if isinstance(fact, InviteReceived)]


def over(world: World, *, call_id: str | None = None) -> World:
    world.call(hang_up_ms=20_000, call_id=call_id)
    world.run(120_000)
    return world


def test_each_leg_has_a_call_id_of_its_own_and_the_record_holds_all() -> None:
    world = World(plan(line("east", EAST), line("west", WEST)))
    world.line_phone(EAST, status=486)
    world.line_phone(WEST)
    over(world, call_id="843817637684230@198.51.100.8")
    (judged,) = world.records
    record = judged.record
    assert record.sip_call_id == "843817637684230@198.51.100.8"
    ids = [attempt.sip_call_id for attempt in record.attempts]
    assert ids == [invite.call_id for invite in invited(world)]
    assert ids == [f"{record.call_id}-1", f"{record.call_id}-2"]


def test_the_journal_has_both_before_the_line_hears_of_the_call() -> None:
    """A crash at any moment after the INVITE leaves a record that names the line's leg."""
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call(call_id="from-the-carrier")
    world.run(6)  # the caller's INVITE has come, ours is on its way
    assert invited(world) == []
    record = recover_call([payload for _, payload in world.journal]).record
    assert record.sip_call_id == "from-the-carrier"
    assert [attempt.sip_call_id for attempt in record.attempts] == [f"{record.call_id}-1"]


@pytest.mark.parametrize("header", ["X-Call-Ref", None])
def test_a_line_is_told_the_calls_id_where_a_header_is_named(header: str | None) -> None:
    world = World(replace(plan(line("east", EAST)), call_id_header=header))
    world.line_phone(EAST)
    over(world)
    (judged,) = world.records
    (invite,) = invited(world)
    told = [name for name, value in invite.headers if value == judged.record.call_id]
    assert told == ([] if header is None else [header])


@pytest.mark.parametrize("length", [256, 257])
def test_of_a_callers_call_id_so_much_is_kept(length: int) -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    over(world, call_id="i" * length)
    (judged,) = world.records
    assert judged.record.sip_call_id == "i" * 256
