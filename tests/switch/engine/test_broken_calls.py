"""A call that breaks, wherever it does, ends with one record and gives everything back."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, MENU, WEST, World, line, plan

import switch.engine.call_control as control_module
import switch.sip.core as core_module
from media import control as mc
from switch.call import command as do
from switch.call import machine
from switch.call.moment import Moment
from switch.engine import call_runner, call_setup
from switch.engine.executor import CommandExecutor
from switch.engine.live import LiveCall
from switch.engine.media import MediaController
from switch.sip.agent import UserAgent
from switch.sip.flow import Flow, SendFailure
from switch.sip.message import Headers, Request, serialize

INVITE = Request(
    method="INVITE",
    uri="sip:18005550100@192.0.2.1",
    headers=Headers(
        [
            ("Via", "SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK1"),
            ("From", "<sip:1@c>;tag=a"),
            ("To", "<sip:18005550100@s>"),
            ("Call-ID", "x"),
            ("CSeq", "1 INVITE"),
            ("Contact", "<sip:198.51.100.7:5080>"),
        ]
    ),
)


@pytest.mark.parametrize("kind", [do.HangUp, do.Unbridge])
def test_a_command_that_breaks_while_the_call_is_released_still_ends_it(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    carry_out = CommandExecutor.carry_out

    def breaks(self: CommandExecutor, live: LiveCall, command: do.Command, at: Moment) -> object:
        if isinstance(command, kind):
            raise ZeroDivisionError
        return carry_out(self, live, command, at)

    monkeypatch.setattr(CommandExecutor, "carry_out", breaks)
    world = World(plan(line("east", EAST, limit=1)))
    world.line_phone(EAST)
    world.call(hang_up_ms=15_000)
    world.run(200_000)
    assert len(world.records) == 1
    assert world.engine.live_calls == 0
    assert set(world.sip.live_counts().values()) == {0}


def test_a_call_that_breaks_at_its_ruling_gives_back_the_caps_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    advance = machine.advance

    def breaks(call: object, event: object) -> object:
        if type(event).__name__ == "Ruled":
            raise ZeroDivisionError
        return advance(call, event)  # type: ignore[arg-type]

    monkeypatch.setattr(call_runner, "advance", breaks)
    world = World(plan(line("east", EAST, limit=1)))
    world.line_phone(EAST)
    world.call()
    world.run(60_000)
    monkeypatch.undo()
    world.call(hang_up_ms=15_000)
    world.run(60_000)
    assert [judged.record.final_state.value for judged in world.records] == ["failed", "converted"]


def test_an_invite_that_can_not_be_written_leaves_no_port_and_no_cap_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(plan(line("east", EAST, limit=1)))
    world.line_phone(EAST)

    def breaks(*_: object, **__: object) -> int:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(UserAgent, "invite", breaks)
        world.engine.datagram(serialize(INVITE), CARRIER, world.at())
        world.run(60_000)
    assert [judged.record.final_state.value for judged in world.records] == ["failed"]
    assert {order.port for order in world.told(mc.Open)} == {order.port for order in world.told(mc.Close)}
    world.call(hang_up_ms=15_000)
    world.run(60_000)
    assert world.records[-1].record.final_state.value == "converted"


def test_a_record_that_can_not_be_made_is_said_and_costs_no_other_call(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(control_module, "judge_call", breaks)
        world.call(hang_up_ms=15_000)
        world.run(60_000)
    assert world.records == []
    assert world.engine.live_calls == 0
    assert "has no record but its journal" in world.complaints[-1].what
    world.call(hang_up_ms=15_000)
    world.run(60_000)
    assert world.records[-1].record.final_state.value == "converted"


def test_a_call_cut_off_in_its_menu_never_connected() -> None:

    world = World(replace(plan(line("east", EAST), menu=MENU), max_call_ms=3_000))
    world.call()
    world.run(60_000)
    assert world.records[0].record.final_state.value != "connected_short"


def test_a_call_the_agent_has_no_room_for_has_a_record_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_module, "MAX_LEGS", 1)
    world = World(plan(line("east", EAST), menu=MENU))
    world.call()
    world.call()
    world.run(500)
    assert [ended.status for ended in world.endings()] == [503]
    assert len(world.records) == 1


def test_the_bye_reaches_a_caller_whose_contact_is_ipv6() -> None:
    """Our only socket speaks IPv4: such a target is as unreachable as a name, and the address the INVITE came from is the next hop."""

    class Modern(World):
        def fly(self, data: bytes, source: Flow, target: Flow) -> None:
            if source == CARRIER:
                data = data.replace(b"Contact: <sip:198.51.100.7:5080>", b"Contact: <sip:[2001:db8::7]:5080>")
            if ":" in target[0]:
                self.engine.send_failed(target, self.at())  # as the transport does
                return
            super().fly(data, source, target)

    world = Modern(plan(line("east", EAST)))
    world.line_phone(EAST, talk_ms=3_000)
    world.call()
    world.run(60_000)
    assert [ended.why.value for ended in world.endings()] == ["bye"]


def test_a_line_whose_certificate_is_refused_is_followed_by_the_next() -> None:
    class Verifying(World):
        def fly(self, data: bytes, source: Flow, target: Flow) -> None:
            if target == EAST:
                self.engine.send_failed(target, self.at(), why=SendFailure.CERTIFICATE_REFUSED)
                return
            super().fly(data, source, target)

    world = Verifying(plan(line("east", EAST), line("west", WEST)))
    world.line_phone(WEST, talk_ms=3_000)
    world.call()
    world.run(60_000)
    (judged,) = world.records
    assert [(tried.line, tried.outcome.value) for tried in judged.record.attempts] == [
        ("east", "certificate_refused"),
        ("west", "answered"),
    ]


def test_deadlines_that_were_replaced_do_not_pile_up_behind_live_ones() -> None:
    """A menu's deadline moves with every key; the heap keeps one entry for the call."""
    world = World(plan(line("east", EAST), menu=MENU))
    world.call()
    world.run(10)
    for _ in range(300):
        world.press("*")
    assert len(world.engine._runner._deadlines) == 1


def test_a_prompt_that_can_not_be_played_is_told_to_somebody() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.call()
    world.run(10)
    port = next(order.port for order in world.orders if isinstance(order, mc.Play))
    world.report(mc.PlayFinished(port=port, play=1, at_ns=world.now_ns, why="welcome.wav: no such file"))
    world.flush()
    assert [(told.what, told.call_id) for told in world.complaints] == [
        ("prompt can't be played: welcome.wav: no such file", world.journal[0][0])
    ]


def test_an_invite_that_no_call_can_be_made_of_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(call_setup, "arrival_of", breaks)
    world = World(plan(line("east", EAST)))
    world.call()
    world.run(200_000)
    assert [ended.status for ended in world.endings()] == [500]
    assert set(world.sip.live_counts().values()) == {0}
    assert [complaint.what for complaint in world.complaints] == ["InviteReceived of leg 1 was not heard"]  # nor at the leg's end


@pytest.mark.parametrize(
    ("where", "what"), [(call_setup, "arrival_of"), (call_setup, "begin"), (MediaController, "prepare_answer")]
)
def test_an_invite_that_no_call_can_be_made_of_leaves_no_port_behind(
    where: object, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    world = World(plan(line("east", EAST)))
    with monkeypatch.context() as broken:
        broken.setattr(where, what, breaks)
        for _ in range(3):
            world.call()
        world.run(200_000)
    assert [ended.status for ended in world.endings()] == [500, 500, 500]
    world.call(hang_up_ms=1_000)
    world.line_phone(EAST, answer_ms=10)
    world.run(100)
    assert {order.port for order in world.told(mc.Open)} == {20_000, 20_002}  # the first two: none is missing


@pytest.mark.parametrize(("where", "what"), [(MediaController, "_open"), (MediaController, "_offer"), (UserAgent, "invite")])
def test_a_line_that_no_invite_can_be_made_for_leaves_no_port_behind(
    where: object, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    world = World(plan(line("east", EAST)))
    ports = world.engine._media._ports
    free = len(ports._free)
    world.call()
    with monkeypatch.context() as broken:
        broken.setattr(where, what, breaks)
        world.run(200_000)
    assert [judged.record.ended_detail for judged in world.records] == ["broken"]
    assert len(ports._free) + len(ports._quiet) == free
