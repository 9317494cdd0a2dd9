"""Forms that steer the switch: who may, what the switch is asked, and what becomes of a refusal."""

from typing import Any

import pytest
from console_world import USERS, ConsoleWorld, view

from routing.override import Override, OverrideKind, TargetKind
from switch.control.client import ControlError
from switch.control.messages import MAX_HUNG_UP, HangUp, HungUp, Lifted, LiftOverride, LimitCap, Overridden, Pause
from switch.ledger.steering import ActionFilter
from switch.web import steering
from switch.web.actions_page import MAX_HUNG_UP_AT_ONCE

FORMS = {
    "/hangup": {"calls": "one,two"},
    "/pause": {"target": "line:line-golf"},
    "/cap": {"key": "line:line-golf", "limit": "2"},
    "/lift": {"number": "7"},
}
OVERRIDE = Override(
    number=7,
    kind=OverrideKind.PAUSE,
    target_kind=TargetKind.LINE,
    target="line-golf",
    made_us=1,
    until_us=None,
    actor="console:anna",
    reason="a test",
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the switch is asked; it does all of it."""
    found: list[Any] = []

    async def ask(_site: object, command: Any, kind: type) -> object:
        found.append(command)
        match command:
            case HangUp(call_ids=call_ids):
                return HungUp(ended=call_ids[:-1], unknown=call_ids[-1:])
            case LiftOverride():
                return Lifted(override=OVERRIDE)
            case _:
                return Overridden(override=OVERRIDE)

    monkeypatch.setattr(steering, "ask", ask)
    return found


@pytest.mark.parametrize("address", sorted(FORMS))
@pytest.mark.parametrize("user", sorted(USERS))
def test_only_operators_steer(world: ConsoleWorld, asked: list[Any], user: str, address: str) -> None:
    answer = world.user(user).post(address, data=FORMS[address])
    if user == "anna":
        assert answer.status_code in {200, 303}
        assert [each.actor for each in asked] == ["console:anna"]
    else:
        assert answer.status_code == 403
        assert asked == []


@pytest.mark.parametrize(("calls", "commands", "code"), [(1, [1], 200), (51, [MAX_HUNG_UP, 1], 200), (0, [], 422)])
def test_calls_are_hung_up_so_many_at_a_time(
    world: ConsoleWorld, asked: list[Any], calls: int, commands: list[int], code: int
) -> None:
    ids = [f"call{number}" for number in range(calls)]
    answer = world.user("anna").post("/hangup", data={"calls": ",".join(ids), "reason": "why"})
    assert answer.status_code == code
    assert [len(each.call_ids) for each in asked] == commands
    assert [call_id for each in asked for call_id in each.call_ids] == ids
    if commands:
        assert answer.json() == {"ended": calls - len(commands), "unknown": len(commands)}


@pytest.mark.parametrize(("calls", "code"), [(MAX_HUNG_UP_AT_ONCE, 200), (MAX_HUNG_UP_AT_ONCE + 1, 422)])
def test_so_many_calls_one_form_hangs_up(world: ConsoleWorld, asked: list[Any], calls: int, code: int) -> None:
    answer = world.user("anna").post("/hangup", data={"calls": ",".join(map(str, range(calls)))})
    assert answer.status_code == code
    assert bool(asked) == (code == 200)


def test_a_pause_and_a_cap_say_until_when(world: ConsoleWorld, asked: list[Any]) -> None:
    client = world.user("anna")
    client.post("/pause", data={"target": "number: +18005550101 ", "span": "1h", "reason": "quiet"})
    client.post("/cap", data={"key": "campaign:camp-alfa/revenue/day", "limit": "12.50"})
    pause, cap = asked
    assert isinstance(pause, Pause)
    assert (pause.target_kind, pause.name, pause.reason) == ("number", "+18005550101", "quiet")
    assert pause.until_us == world.now_us + 3_600_000_000
    assert isinstance(cap, LimitCap)
    assert (cap.key, cap.limit, cap.until_us) == ("campaign:camp-alfa/revenue/day", 12_500_000, None)


@pytest.mark.parametrize("form", [{"target": "cap:line-golf"}, {"target": "line-golf"}, {"target": "line:line-golf", "span": "1y"}])
def test_what_can_not_be_paused_is_told(world: ConsoleWorld, asked: list[Any], form: dict[str, str]) -> None:
    assert world.user("anna").post("/pause", data=form).status_code == 422
    assert asked == []


@pytest.mark.parametrize("limit", ["-1", "2.5", "", "many", "9999999999"])
def test_what_is_no_limit_is_told(world: ConsoleWorld, asked: list[Any], limit: str) -> None:
    answer = world.user("anna").post("/cap", data={"key": "line:line-golf", "limit": limit})
    assert answer.status_code == 422
    assert asked == []


def test_a_refusal_of_the_switch_is_told(world: ConsoleWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(*_: object) -> object:
        raise ControlError("no line 'line-gulf'; did you mean \"line-golf\"?")

    monkeypatch.setattr(steering, "ask", ask)
    answer = world.user("anna").post("/pause", data={"target": "line:line-gulf"})
    assert answer.status_code == 409
    assert "did you mean" in answer.text


def test_a_switch_that_is_away_is_told(world: ConsoleWorld) -> None:
    answer = world.user("anna").post("/hangup", data={"calls": "one"})
    assert answer.status_code == 503
    assert "no switch is running" in answer.json()["why"]


def test_log_ins_and_failed_ones_are_actions(world: ConsoleWorld) -> None:
    client = world.visitor()
    client.post("/login", data={"name": "anna", "password": "wrong"})
    client.post("/login", data={"name": "anna", "password": "correct horse"})
    rows = world.ledger.actions(ActionFilter(), limit=10)
    assert [(row.actor, row.action, row.outcome) for row in rows] == [
        ("console:anna", "login", "done"),
        ("console:anna", "login", "wrong password"),
    ]
    assert rows[0].detail == {"address": "testclient"}
    text = world.user("vic").get("/actions").text
    assert "wrong password" in text
    assert 'action="/pause"' not in text  # a viewer has no forms


def test_overrides_are_told_to_operators_alone(world: ConsoleWorld) -> None:
    world.live([view("onex", "alfa", ["line-golf"], ani="+12125550001")])
    world.watcher.state.overrides = (OVERRIDE,)
    assert "line-golf" in world.user("vic").get("/actions").text
    assert world.user("golf").get("/actions").status_code == 403
