"""Commands that change something: what is longer than rows may be is refused, the rest is carried out and noted with its actor."""

from typing import Any

import pytest
from engine_world import EAST, START_US, World, line, plan

from routing.override import TargetKind
from switch.control.command import ProcessState, carry_out
from switch.control.messages import (
    MAX_DRAIN_MS,
    MAX_HUNG_UP,
    MAX_NAME,
    MAX_REASON,
    Command,
    Drain,
    Eavesdrop,
    Failed,
    GetOverrides,
    HangUp,
    HungUp,
    Lifted,
    LiftOverride,
    LimitCap,
    Overridden,
    Overrides,
    Pause,
    PauseRecording,
    decode_command,
    decode_reply,
    encode,
)
from switch.engine.effect import KeepSteering
from switch.engine.steering_rows import ActionRow
from switch.engine.usage import UsageHistory


class Desk:
    def __init__(self) -> None:
        self.world = World(plan(line("east", EAST)))
        self.world.line_phone(EAST)
        self.world.engine.load_usage(UsageHistory())
        self.drained: list[int | None] = []

    def ask(self, command: Command) -> Any:
        """By the wire's encoding, there and back."""
        again = decode_command(encode(command))
        process = ProcessState(started_us=START_US, ends_us=None)
        engine = self.world.engine
        reply = carry_out(again, engine, lambda: process, self.world.at(), drain=self.drained.append)
        self.world.flush()
        found = decode_reply(encode(reply))
        assert found.id == command.id
        return found

    def noted(self) -> list[ActionRow]:
        return [action for effect in self.world.effects if isinstance(effect, KeepSteering) for action in effect.rows.actions]


def acting(actor: str, reason: str = "") -> list[Command]:
    return [
        Drain(id=1, actor=actor, reason=reason),
        PauseRecording(id=1, call_id="a", actor=actor, reason=reason),
        HangUp(id=1, call_ids=("a",), actor=actor, reason=reason),
        Pause(id=1, target_kind=TargetKind.LINE, name="east", actor=actor, reason=reason),
        LimitCap(id=1, key="line:east", limit=1, actor=actor, reason=reason),
        LiftOverride(id=1, number=9, actor=actor, reason=reason),
    ]


@pytest.mark.parametrize("place", range(6))
def test_actor_and_reason_are_bounded(place: int) -> None:
    desk = Desk()
    longest = acting("a" * MAX_NAME, "r" * MAX_REASON)[place]
    desk.ask(longest)
    (noted,) = desk.noted()
    assert (noted.actor, noted.detail["reason"]) == ("a" * MAX_NAME, "r" * MAX_REASON)
    for beyond in (acting("a" * (MAX_NAME + 1)), acting("a", "r" * (MAX_REASON + 1)), acting("")):
        refused = desk.ask(beyond[place])
        assert isinstance(refused, Failed)
        assert "characters" in refused.why
    assert len(desk.noted()) == 1


@pytest.mark.parametrize("length", [MAX_NAME, MAX_NAME + 1])
def test_names_are_bounded(length: int) -> None:
    name = "n" * length
    for command in (
        Pause(id=1, target_kind=TargetKind.LINE, name=name, actor="a"),
        LimitCap(id=1, key=name, limit=1, actor="a"),
        HangUp(id=1, call_ids=(name,), actor="a"),
        PauseRecording(id=1, call_id=name, actor="a"),
        Eavesdrop(id=1, call_id=name, path="p", actor="a"),
    ):
        desk = Desk()
        reply = desk.ask(command)
        assert (isinstance(reply, Failed) and "a name has at most" in reply.why) is (length > MAX_NAME), reply
        assert len(desk.noted()) == (0 if length > MAX_NAME else 1)


@pytest.mark.parametrize(("calls", "is_taken"), [(0, False), (1, True), (MAX_HUNG_UP, True), (MAX_HUNG_UP + 1, False)])
def test_so_many_calls_are_hung_up_at_once_and_no_more(calls: int, is_taken: bool) -> None:  # noqa: FBT001
    desk = Desk()
    ids = tuple(f"{number:016x}" for number in range(calls))
    reply = desk.ask(HangUp(id=1, call_ids=ids, actor="cli:anna"))
    assert reply == HungUp(id=1, ended=(), unknown=ids) if is_taken else isinstance(reply, Failed)


def test_a_drain_is_noted_with_its_limit_and_one_that_is_refused_is_not_begun() -> None:
    desk = Desk()
    desk.ask(Drain(id=1, limit_ms=1_000, actor="cli:anna", reason="update"))
    assert isinstance(desk.ask(Drain(id=1, limit_ms=MAX_DRAIN_MS + 1, actor="cli:anna")), Failed)
    assert desk.drained == [1_000]
    assert [(each.action, each.target, each.detail) for each in desk.noted()] == [
        ("drain", "switch", {"reason": "update", "limit_ms": 1_000})
    ]


def test_who_listens_is_noted_and_that_there_was_no_such_call() -> None:
    desk = Desk()
    assert isinstance(desk.ask(Eavesdrop(id=1, call_id="c", path="p", actor="console:anna")), Failed)
    (noted,) = desk.noted()
    assert (noted.action, noted.actor, noted.outcome) == ("listen", "console:anna", "refused: no call c is in progress")


def test_an_override_is_made_listed_and_lifted_by_messages() -> None:
    desk = Desk()
    made = desk.ask(Pause(id=7, target_kind=TargetKind.LINE, name="east", actor="api:desk", reason="storm"))
    assert isinstance(made, Overridden)
    assert desk.ask(GetOverrides(id=8)) == Overrides(id=8, overrides=(made.override,))
    assert isinstance(desk.ask(LimitCap(id=8, key="line:east", limit=3, actor="api:desk")), Overridden)
    assert desk.ask(LiftOverride(id=9, number=1, actor="cli:bob")) == Lifted(id=9, override=made.override)
    assert [each.number for each in desk.ask(GetOverrides(id=8)).overrides] == [2]
    assert isinstance(desk.ask(LiftOverride(id=9, number=1, actor="cli:bob")), Failed)
    assert [each.limit for each in desk.world.engine.cap_status(desk.world.at())] == [3]
