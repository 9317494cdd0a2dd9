"""Nodes that wait for nobody: what is said on the way, what cuts it short, and where branches lead."""

from dataclasses import replace

import pytest

from ivr.menu import Branch, BranchCase, GoTo, HangUp, Menu, MenuPlan, Node, RouteOn, Say, TransferTo
from ivr.step import (
    Digit,
    ExitMenu,
    ExitReason,
    InputTimeout,
    MenuContext,
    MenuInput,
    MenuSession,
    PromptDone,
    RouteCaller,
    Turn,
    start,
    step,
)
from routing.expression import Scalar, parse
from routing.table import Block, Hours

MONDAY_NINE_US = 4 * 86_400_000_000 + 9 * 3_600_000_000  # 1970-01-05 09:00 UTC
SCENE = MenuContext(utc_us=MONDAY_NINE_US, tags={"state": "TX"})
ENDED, SILENCE = PromptDone(), InputTimeout()
OFFICE = Hours(zone="UTC", blocks=(Block(weekday=0, start_minute=9 * 60, end_minute=17 * 60),))
QUOTE = RouteOn(tags={"interest": "quote"})
HELLO = Say(name="hello", prompts=("hello", "world"), tags={"greeted": True}, then=GoTo(menu="news"))
NEWS = Say(name="news", prompts=("news",), then=GoTo(menu="main"))
LAW = Say(name="law", prompts=("recorded",), whole=True, tags={"consent": True}, then=GoTo(menu="main"))
MAIN = Menu(name="main", prompt="main", keys={"1": QUOTE})
BYE = Say(name="bye", prompts=("bye",), then=HangUp(prompt="beep"))
WHERE = Branch(
    name="where",
    cases=(
        BranchCase(when=parse("age >= 65 and state in [TX, OK]"), then=GoTo(menu="main")),
        BranchCase(when=OFFICE, then=TransferTo(line="desk")),
    ),
    otherwise=HangUp(prompt="closed"),
)


def plan_of(*nodes: Node) -> MenuPlan:
    return MenuPlan(start=nodes[0].name, nodes={node.name: node for node in nodes})


def talk(plan: MenuPlan, *heard: MenuInput | str, scene: MenuContext = SCENE) -> Turn:
    """The turn after the last thing heard; a string is digits pressed one by one."""
    turn = start(plan, scene)
    for each in heard:
        for one in [Digit(digit=char) for char in each] if isinstance(each, str) else [each]:
            turn = step(plan, turn.session, one, scene)
    return turn


GREETING = plan_of(HELLO, NEWS, MAIN)


def test_what_is_said_in_a_row_is_one_turn_with_the_question() -> None:
    turn = talk(GREETING)
    assert turn == Turn(session=MenuSession(node="main", tags={"greeted": True}, entered=3), say=("hello", "world", "news", "main"))
    assert talk(GREETING, ENDED).wait_ms == MAIN.timeout_ms


def test_a_digit_cuts_it_all_short_and_is_the_first_of_the_answer() -> None:
    turn = talk(GREETING, "1")
    assert (turn.stop_play, turn.outcome) == (True, RouteCaller(tags={"greeted": True, "interest": "quote"}))


def test_asked_again_only_the_question_is_said() -> None:
    assert talk(GREETING, ENDED, SILENCE).say == ("main",)


def test_the_way_out_waits_until_it_was_said() -> None:
    turn = talk(plan_of(BYE))
    assert (turn.say, turn.outcome, turn.session.playing) == (("bye",), None, True)
    assert talk(plan_of(BYE), SILENCE) == Turn(session=turn.session)
    assert talk(plan_of(BYE), ENDED).outcome == ExitMenu(reason=ExitReason.HANGUP, prompt="beep")
    cut = talk(plan_of(BYE), "1")
    assert (cut.stop_play, cut.outcome) == (True, ExitMenu(reason=ExitReason.HANGUP, prompt="beep"))


@pytest.mark.parametrize("heard", [ENDED, "1"])
def test_it_is_learned_before_routing(heard: MenuInput | str) -> None:
    plan = plan_of(replace(HELLO, then=RouteOn(tags={"interest": "quote"})))
    assert talk(plan, heard).outcome == RouteCaller(tags={"greeted": True, "interest": "quote"})


# whole


LEGAL = plan_of(replace(HELLO, then=GoTo(menu="law")), LAW, MAIN)


def test_what_is_whole_is_a_turn_of_its_own() -> None:
    assert talk(LEGAL).say == ("hello", "world")
    law = talk(LEGAL, ENDED)
    assert (law.say, law.stop_play, law.wait_ms) == (("recorded",), False, None)
    assert talk(LEGAL, ENDED, ENDED).say == ("main",)


def test_a_digit_before_it_leads_to_it_and_is_gone() -> None:
    turn = talk(LEGAL, "1")
    assert (turn.stop_play, turn.say, turn.session.node, turn.session.digits) == (True, ("recorded",), "law", "")


def test_a_digit_during_it_changes_nothing() -> None:
    before = talk(LEGAL, ENDED)
    assert talk(LEGAL, ENDED, "1") == Turn(session=before.session)
    main = talk(LEGAL, ENDED, "1", ENDED)
    assert (main.say, main.session.digits) == (("main",), "")


def test_it_is_learned_only_once_heard() -> None:
    assert talk(LEGAL, ENDED).session.tags == {"greeted": True}
    assert talk(LEGAL, ENDED, ENDED).session.tags == {"greeted": True, "consent": True}


def test_a_whole_question_follows_what_is_said() -> None:
    plan = plan_of(NEWS, replace(MAIN, whole=True))
    assert talk(plan).say == ("news",)
    for asked, stop_play in ((talk(plan, ENDED), False), (talk(plan, "1"), True)):
        assert (asked.say, asked.stop_play, asked.session.node, asked.session.entered) == (("main",), stop_play, "main", 2)
    assert talk(plan, "1", "1").outcome is None
    assert talk(plan, "1", ENDED, "1").outcome == QUOTE_ROUTED


QUOTE_ROUTED = RouteCaller(tags={"interest": "quote"})

# branches


def at(utc_us: int, **tags: Scalar) -> MenuContext:
    return MenuContext(utc_us=utc_us, tags=tags)


BRANCHES: list[tuple[str, MenuContext, tuple[str, ...], RouteCaller | ExitMenu | None]] = [
    ("tags decide", at(MONDAY_NINE_US, age=65, state="TX"), ("main",), None),
    ("the first case that holds is taken", at(MONDAY_NINE_US, age=64, state="TX"), (), RouteCaller(tags={}, line="desk")),
    ("a tag nobody knows", at(MONDAY_NINE_US, state="TX"), (), RouteCaller(tags={}, line="desk")),
    ("one microsecond early", at(MONDAY_NINE_US - 1), (), ExitMenu(reason=ExitReason.HANGUP, prompt="closed")),
]


@pytest.mark.parametrize(("scene", "said", "outcome"), [row[1:] for row in BRANCHES], ids=[row[0] for row in BRANCHES])
def test_a_branch_is_decided_unheard(scene: MenuContext, said: tuple[str, ...], outcome: RouteCaller | ExitMenu | None) -> None:
    turn = talk(plan_of(WHERE, MAIN), scene=scene)
    assert (turn.say, turn.stop_play, turn.outcome) == (said, False, outcome)


def test_a_branch_sees_what_was_learned_over_what_was_known() -> None:
    ask = Menu(
        name="ask",
        prompt="ask",
        keys={"1": GoTo(menu="where", tags={"age": 70}), "2": GoTo(menu="where", tags={"age": 70, "state": "NY"})},
    )
    plan = plan_of(ask, WHERE, MAIN)
    assert talk(plan, ENDED, "1").session.node == "main"
    assert talk(plan, ENDED, "2").outcome == RouteCaller(tags={"age": 70, "state": "NY"}, line="desk")


def test_what_is_known_of_the_call_is_not_said_to_be_learned() -> None:
    assert talk(plan_of(replace(WHERE, otherwise=QUOTE, cases=()))).outcome == QUOTE_ROUTED


def test_a_branch_after_something_whole_sees_what_it_taught() -> None:
    consented = Branch(name="if", cases=(BranchCase(when=parse("consent"), then=QUOTE),), otherwise=HangUp())
    turn = talk(plan_of(replace(LAW, then=GoTo(menu="if")), consented), ENDED)
    assert turn.outcome == RouteCaller(tags={"consent": True, "interest": "quote"})


def test_a_branch_out_is_chosen_when_what_precedes_it_was_said() -> None:
    plan = plan_of(replace(NEWS, then=GoTo(menu="where")), WHERE)
    turn = start(plan, at(MONDAY_NINE_US - 1))
    assert (turn.say, turn.outcome) == (("news",), None)
    assert step(plan, turn.session, ENDED, at(MONDAY_NINE_US)).outcome == RouteCaller(tags={}, line="desk")


# ways


def test_a_transfer_names_the_line() -> None:
    plan = plan_of(replace(MAIN, keys={"1": TransferTo(line="desk", tags={"vip": True})}))
    assert talk(plan, "1").outcome == RouteCaller(tags={"vip": True}, line="desk")


def test_goto_teaches_and_later_lessons_win() -> None:
    plan = plan_of(
        replace(MAIN, keys={"1": GoTo(menu="law", tags={"consent": False, "age": 5})}), replace(LAW, then=RouteOn(tags={"age": 6}))
    )
    assert talk(plan, "1").session.tags == {"consent": False, "age": 5}
    assert talk(plan, "1", ENDED).outcome == RouteCaller(tags={"consent": True, "age": 6})


@pytest.mark.parametrize(
    "circle", [Say(name="a", prompts=("a",), then=GoTo(menu="a")), Branch(name="a", cases=(), otherwise=GoTo(menu="a"))]
)
def test_a_circle_without_input_is_bounded(circle: Node) -> None:
    assert talk(plan_of(circle)).outcome == ExitMenu(reason=ExitReason.FAILED)


def test_a_whole_circle_is_bounded() -> None:
    plan = plan_of(replace(LAW, then=GoTo(menu="law")))
    assert talk(plan, *[ENDED] * 49).say == ("recorded",)
    assert talk(plan, *[ENDED] * 50).outcome == ExitMenu(reason=ExitReason.FAILED)
