"""Menus as conversations: what the caller does, and what the menu says to it."""

from dataclasses import replace

import pytest

from ivr.menu import GoTo, HangUp, Menu, MenuPlan, Outcome, RouteOn, SayAgain, TransferTo
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

QUOTE = RouteOn(tags={"interest": "quote"})
SCENE = MenuContext(utc_us=0, tags={})
ENDED, SILENCE = PromptDone(), InputTimeout()
MAIN = Menu(
    name="main",
    prompt="welcome",
    invalid="sorry",
    timeout_ms=5_000,
    retries=2,
    keys={"1": QUOTE, "2": GoTo(menu="zip"), "9": SayAgain(), "0": HangUp(prompt="goodbye")},
    failed=HangUp(prompt="failed"),
)
ZIP = Menu(
    name="zip",
    prompt="enter-zip",
    timeout_ms=3_000,
    retries=0,
    digits=3,
    keys={"123": QUOTE, "12": HangUp(), "*": GoTo(menu="main"), "1*#": QUOTE},
    failed=RouteOn(tags={"zip": "none"}),
)
PLAN = MenuPlan(start="main", nodes={"main": MAIN, "zip": ZIP})


def keys(**more: Outcome) -> Menu:
    return Menu(name="main", prompt="welcome", keys=more)


def talk(plan: MenuPlan, *heard: MenuInput | str) -> Turn:
    """The turn after the last thing heard; a string is digits pressed one by one."""
    turn = start(plan, SCENE)
    for each in heard:
        for one in [Digit(digit=char) for char in each] if isinstance(each, str) else [each]:
            turn = step(plan, turn.session, one, SCENE)
    return turn


def test_start_says_the_prompt_and_waits_for_its_end() -> None:
    assert start(PLAN, SCENE) == Turn(session=MenuSession(node="main"), say=("welcome",))
    assert talk(PLAN, ENDED) == Turn(session=MenuSession(node="main", playing=False), wait_ms=5_000)


def test_a_key_leads_on() -> None:
    turn = talk(PLAN, ENDED, "1")
    assert (turn.outcome, turn.stop_play, turn.say, turn.wait_ms) == (RouteCaller(tags={"interest": "quote"}), False, (), None)
    assert turn.session.over


def test_a_key_barges_in() -> None:
    turn = talk(PLAN, "1")
    assert (turn.outcome, turn.stop_play) == (RouteCaller(tags={"interest": "quote"}), True)


def test_a_key_may_end_the_call() -> None:
    assert talk(PLAN, ENDED, "0").outcome == ExitMenu(reason=ExitReason.HANGUP, prompt="goodbye")


def test_say_again_is_no_failed_try() -> None:
    turn = talk(PLAN, ENDED, "5", ENDED, "9")
    assert turn == Turn(session=MenuSession(node="main", tries=1), say=("welcome",))
    assert talk(PLAN, "9").stop_play


def test_a_wrong_key_and_silence_use_up_tries() -> None:
    again = ("sorry", "welcome")
    assert talk(PLAN, ENDED, "5") == Turn(session=MenuSession(node="main", tries=1), say=again)
    assert talk(PLAN, ENDED, SILENCE) == Turn(session=MenuSession(node="main", tries=1), say=again)
    assert talk(PLAN, ENDED, "5", ENDED, SILENCE) == Turn(session=MenuSession(node="main", tries=2), say=again)
    assert talk(PLAN, ENDED, "5", ENDED, SILENCE, ENDED, "6").outcome == ExitMenu(reason=ExitReason.FAILED, prompt="failed")


def test_the_last_try_may_succeed() -> None:
    assert talk(PLAN, ENDED, "5", ENDED, SILENCE, ENDED, "1").outcome == RouteCaller(tags={"interest": "quote"})


def test_a_wrong_key_during_the_prompt_stops_it() -> None:
    turn = talk(PLAN, "5")
    assert (turn.stop_play, turn.say, turn.session.playing) == (True, ("sorry", "welcome"), True)


def test_without_an_invalid_prompt_only_the_menus_is_said() -> None:
    assert talk(MenuPlan(start="main", nodes={"main": keys()}), ENDED, "5").say == ("welcome",)


def test_failing_may_route_on() -> None:
    turn = talk(PLAN, "2", ENDED, SILENCE)
    assert turn.outcome == RouteCaller(tags={"zip": "none"})


def test_failing_may_transfer() -> None:
    plan = MenuPlan(start="main", nodes={"main": replace(MAIN, retries=0, failed=TransferTo(line="desk", tags={"lost": True}))})
    assert talk(plan, ENDED, SILENCE).outcome == RouteCaller(tags={"lost": True}, line="desk")


def test_failing_may_lead_on() -> None:
    plan = MenuPlan(start="main", nodes={"main": replace(MAIN, retries=0, failed=GoTo(menu="zip")), "zip": ZIP})
    assert talk(plan, "5") == Turn(session=MenuSession(node="zip", entered=2), say=("enter-zip",), stop_play=True)


def test_goto_enters_afresh() -> None:
    turn = talk(PLAN, ENDED, "5", ENDED, "2")
    assert turn == Turn(session=MenuSession(node="zip", entered=2), say=("enter-zip",))
    assert talk(PLAN, "2").stop_play


def test_digits_are_collected_and_each_restarts_the_silence() -> None:
    assert talk(PLAN, "2", "1") == Turn(
        session=MenuSession(node="zip", digits="1", playing=False, entered=2), stop_play=True, wait_ms=3_000
    )
    assert talk(PLAN, "2", "12") == Turn(session=MenuSession(node="zip", digits="12", playing=False, entered=2), wait_ms=3_000)
    assert talk(PLAN, "2", "123").outcome == RouteCaller(tags={"interest": "quote"})


@pytest.mark.parametrize("end", ["#", SILENCE])
def test_a_short_answer_ends_with_hash_or_silence(end: MenuInput | str) -> None:
    assert talk(PLAN, "2", "12", end).outcome == ExitMenu(reason=ExitReason.HANGUP)
    assert talk(PLAN, "2", "*", end).session.node == "main"
    assert talk(PLAN, "2", "13", end).outcome == RouteCaller(tags={"zip": "none"})


def test_hash_alone_is_a_wrong_answer() -> None:
    assert talk(PLAN, ENDED, "#") == Turn(session=MenuSession(node="main", tries=1), say=("sorry", "welcome"))


def test_hash_that_is_a_key_is_an_answer_or_part_of_one() -> None:
    one = MenuPlan(start="main", nodes={"main": Menu(name="main", prompt="welcome", keys={"#": QUOTE})})
    assert talk(one, "#").outcome == RouteCaller(tags={"interest": "quote"})
    two = MenuPlan(start="main", nodes={"main": Menu(name="main", prompt="welcome", digits=2, keys={"#": HangUp(), "1#": QUOTE})})
    assert talk(two, "1#").outcome == RouteCaller(tags={"interest": "quote"})
    assert talk(two, "#").outcome is None
    assert talk(two, "#", SILENCE).outcome == ExitMenu(reason=ExitReason.HANGUP)


def test_what_was_typed_wrong_is_forgotten() -> None:
    menu = Menu(name="main", prompt="welcome", digits=2, keys={"12": QUOTE})
    assert talk(MenuPlan(start="main", nodes={"main": menu}), "34", "12").outcome == RouteCaller(tags={"interest": "quote"})


def test_menus_that_lead_in_a_circle_are_bounded() -> None:
    circle = MenuPlan(start="main", nodes={"main": keys(**{"1": GoTo(menu="main")})})
    assert talk(circle, "1" * 49).session == MenuSession(node="main", entered=50)
    assert talk(circle, "1" * 50).outcome == ExitMenu(reason=ExitReason.FAILED)


CONSENT = Menu(name="consent", prompt="notice", whole=True, retries=1, invalid="sorry", keys={"1": RouteOn(tags={"consent": True})})
NOTICE = MenuPlan(start="consent", nodes={"consent": CONSENT})


def test_a_whole_prompt_is_not_cut_short() -> None:
    assert talk(NOTICE, "1") == Turn(session=MenuSession(node="consent"))
    assert talk(NOTICE, "1", ENDED) == Turn(session=MenuSession(node="consent", playing=False), wait_ms=5_000)
    assert talk(NOTICE, "1", ENDED, "1").outcome == RouteCaller(tags={"consent": True})


def test_a_whole_prompt_is_whole_again_after_a_failed_try() -> None:
    assert talk(NOTICE, ENDED, "2") == Turn(session=MenuSession(node="consent", tries=1), say=("sorry", "notice"))
    assert talk(NOTICE, ENDED, "2", "1") == Turn(session=MenuSession(node="consent", tries=1))
    assert talk(NOTICE, ENDED, SILENCE, ENDED, SILENCE).outcome == ExitMenu(reason=ExitReason.FAILED)


LATE = [
    ("a prompt's end after a digit barged in", ("2", "1"), ENDED),
    ("a second end of the same prompt", (ENDED,), ENDED),
    ("a timer that ran out as a prompt began", (), SILENCE),
    ("a timer that ran out as a wrong key was pressed", (ENDED, "5"), SILENCE),
    ("a character that is no digit", (ENDED,), Digit(digit="x")),
    ("two digits at once", (ENDED,), Digit(digit="12")),
    ("no digit at all", (ENDED,), Digit(digit="")),
    ("a digit after leaving", ("1",), Digit(digit="2")),
    ("a prompt's end after leaving", ("1",), ENDED),
    ("a timer after leaving", (ENDED, "0"), SILENCE),
]


@pytest.mark.parametrize(("before", "late"), [row[1:] for row in LATE], ids=[row[0] for row in LATE])
def test_what_comes_late_or_is_no_digit_changes_nothing(before: tuple[MenuInput | str, ...], late: MenuInput) -> None:
    session = talk(PLAN, *before).session
    assert step(PLAN, session, late, SCENE) == Turn(session=session)


def test_a_silent_caller_always_leaves() -> None:
    turn, told = start(PLAN, SCENE), 0
    while turn.outcome is None:
        turn = step(PLAN, turn.session, ENDED if turn.session.playing else SILENCE, SCENE)
        told += 1
    assert told == 2 * (MAIN.retries + 1)
