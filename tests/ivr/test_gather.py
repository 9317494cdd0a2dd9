"""Digits that are kept: how an answer ends, which are valid, and the read-back."""

from dataclasses import replace

import pytest

from ivr.menu import Gather, GoTo, HangUp, KnownZip, Matching, Menu, MenuPlan, ReadBack, RouteOn, TransferTo, Within
from ivr.step import Digit, ExitMenu, ExitReason, InputTimeout, MenuContext, MenuInput, PromptDone, RouteCaller, Turn, start, step
from routing.expression import Kind

SCENE = MenuContext(utc_us=0, tags={})
ENDED, SILENCE = PromptDone(), InputTimeout()
AGE = Gather(
    name="age",
    tag="age",
    kind=Kind.NUMBER,
    prompt="how-old",
    invalid="sorry",
    min_digits=2,
    max_digits=3,
    timeout_ms=5_000,
    between_ms=3_000,
    retries=1,
    valid=Within(low=18, high=99),
    then=RouteOn(tags={"interest": "quote"}),
    failed=HangUp(prompt="bye"),
)
ZIP = Gather(
    name="zip",
    tag="zip",
    prompt="enter-zip",
    invalid="sorry",
    min_digits=5,
    max_digits=5,
    valid=KnownZip(),
    read_back=ReadBack(lead_in="you-typed", confirm="one-if-right"),
    retries=1,
    then=TransferTo(line="desk", tags={"interest": "quote"}),
    failed=RouteOn(tags={"zip": "none"}),
)
TYPED = ("you-typed", "digit-1", "digit-0", "digit-0", "digit-0", "digit-1", "one-if-right")
RIGHT = RouteCaller(tags={"zip": "10001", "interest": "quote"}, line="desk")
NONE = RouteCaller(tags={"zip": "none"})


def talk(node: Gather, *heard: MenuInput | str) -> Turn:
    """The turn after the last thing heard; a string is digits pressed one by one."""
    plan = MenuPlan(start=node.name, nodes={node.name: node})
    turn = start(plan, SCENE)
    for each in heard:
        for one in [Digit(digit=char) for char in each] if isinstance(each, str) else [each]:
            turn = step(plan, turn.session, one, SCENE)
    return turn


def answer(node: Gather, *heard: MenuInput | str) -> object:
    """What was kept, None if nothing was."""
    outcome = talk(node, *heard).outcome
    return outcome.tags.get(node.tag) if isinstance(outcome, RouteCaller) else None


def test_each_silence_has_its_own_length() -> None:
    assert talk(AGE).say == ("how-old",)
    assert talk(AGE, ENDED).wait_ms == 5_000
    first = talk(AGE, ENDED, "4")
    assert (first.wait_ms, first.stop_play, first.session.digits, first.session.playing) == (3_000, False, "4", False)
    assert talk(AGE, ENDED, "4", ENDED) == Turn(session=first.session)


def test_the_first_digit_cuts_the_prompt_short() -> None:
    first = talk(AGE, "4")
    assert (first.stop_play, first.wait_ms, first.session.playing) == (True, 3_000, False)


ANSWERS: list[tuple[str, Gather, tuple[MenuInput | str, ...], str | int]] = [
    ("the finish key ends it", AGE, (ENDED, "42#"), 42),
    ("silence between digits ends it", AGE, (ENDED, "42", SILENCE), 42),
    ("the last digit ends it", AGE, (ENDED, "042"), 42),
    ("barging in is no matter", AGE, ("42#",), 42),
    ("the lowest number", AGE, ("18#",), 18),
    ("the highest number", AGE, ("99#",), 99),
    ("the second try", AGE, ("17#", "42#"), 42),
    ("text keeps its zeros", replace(AGE, kind=Kind.TEXT), ("042",), "042"),
    ("another finish key", replace(AGE, finish="*"), ("42*",), 42),
    ("the finish key may be a digit", replace(AGE, finish="0"), ("420",), 42),
    ("no finish key", replace(AGE, kind=Kind.TEXT, valid=None, finish=None), ("1#", SILENCE), "1#"),
    ("anything of the right length", replace(AGE, kind=Kind.TEXT, valid=None), ("*7#",), "*7"),
    ("a pattern that all digits match", replace(AGE, kind=Kind.TEXT, valid=Matching(pattern="4.|5")), ("42#",), "42"),
]


@pytest.mark.parametrize(("node", "heard", "kept"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_an_answer_is_kept(node: Gather, heard: tuple[MenuInput | str, ...], kept: str | int) -> None:
    assert talk(node, *heard).outcome == RouteCaller(tags={"interest": "quote", "age": kept})


FAILED_TRIES: list[tuple[str, Gather, tuple[MenuInput | str, ...]]] = [
    ("nothing at all", AGE, (ENDED, SILENCE)),
    ("only the finish key", AGE, (ENDED, "#")),
    ("too few digits", replace(AGE, valid=None), (ENDED, "4#")),
    ("too few digits, then silence", replace(AGE, valid=None), (ENDED, "4", SILENCE)),
    ("below the range", AGE, (ENDED, "17#")),
    ("above the range", AGE, (ENDED, "100")),
    ("a number with a star", replace(AGE, valid=None), (ENDED, "4*#")),
    ("a text with a star is in no range", replace(AGE, kind=Kind.TEXT), (ENDED, "4*#")),
    ("a pattern that only some digits match", replace(AGE, valid=Matching(pattern="4|5.")), (ENDED, "42#")),
    ("no place has that ZIP", replace(ZIP, prompt="how-old", read_back=None), (ENDED, "00000")),
]


@pytest.mark.parametrize(("node", "heard"), [row[1:] for row in FAILED_TRIES], ids=[row[0] for row in FAILED_TRIES])
def test_a_failed_try_is_asked_again(node: Gather, heard: tuple[MenuInput | str, ...]) -> None:
    turn = talk(node, *heard)
    assert (turn.say, turn.stop_play, turn.outcome, turn.session.tries, turn.session.digits) == (
        ("sorry", "how-old"),
        False,
        None,
        1,
        "",
    )


def test_a_failed_try_stops_the_prompt() -> None:
    assert talk(AGE, "#").stop_play
    assert talk(replace(AGE, invalid=None), "#").say == ("how-old",)


def test_tries_are_used_up() -> None:
    assert talk(AGE, ENDED, SILENCE, ENDED, "17#").outcome == ExitMenu(reason=ExitReason.FAILED, prompt="bye")
    assert talk(replace(AGE, retries=0), "17#").outcome == ExitMenu(reason=ExitReason.FAILED, prompt="bye")


def test_an_answer_is_known_in_the_next_node() -> None:
    menu = Menu(name="next", prompt="next", keys={"1": RouteOn()})
    plan = MenuPlan(start="age", nodes={"age": replace(AGE, then=GoTo(menu="next", tags={"asked": True})), "next": menu})
    turn = start(plan, SCENE)
    for digit in "42#":
        turn = step(plan, turn.session, Digit(digit=digit), SCENE)
    assert (turn.say, turn.stop_play, turn.session.tags) == (("next",), False, {"age": 42, "asked": True})
    assert step(plan, turn.session, Digit(digit="1"), SCENE).outcome == RouteCaller(tags={"age": 42, "asked": True})


# the read-back


def test_what_was_typed_is_read_back() -> None:
    turn = talk(ZIP, ENDED, "10001")
    assert (turn.say, turn.stop_play, turn.outcome, turn.session.playing) == (TYPED, False, None, True)
    assert talk(ZIP, ENDED, "10001", ENDED).wait_ms == ZIP.timeout_ms


def test_what_is_no_zip_is_not_read_back() -> None:
    assert talk(ZIP, ENDED, "00000").say == ("sorry", "enter-zip")


@pytest.mark.parametrize("before", [(), (ENDED,)], ids=["while it is read", "after it was read"])
def test_one_says_it_is_right(before: tuple[MenuInput, ...]) -> None:
    turn = talk(ZIP, ENDED, "10001", *before, "1")
    assert (turn.outcome, turn.stop_play) == (RIGHT, not before)


def test_two_asks_once_more_and_is_no_failed_try() -> None:
    turn = talk(ZIP, ENDED, "10002", ENDED, "2")
    assert (turn.say, turn.session.tries) == (("enter-zip",), 0)
    assert (turn.session.answer, turn.session.asked, turn.session.digits) == (None, 0, "")
    assert talk(ZIP, ENDED, "10002", "2", "10001", "1").outcome == RIGHT


def test_correcting_is_bounded() -> None:
    often = ("10002", "2") * 3
    assert talk(ZIP, *often).session.tries == 0
    assert talk(ZIP, *often, "10002", "2").session.tries == 1
    assert talk(ZIP, *often, "10002", "2", "10002", "2").outcome == NONE


@pytest.mark.parametrize("reply", [SILENCE, "7", "*"])
def test_without_a_clear_reply_the_question_is_repeated_once(reply: MenuInput | str) -> None:
    typed = (ENDED, "10001", ENDED)
    turn = talk(ZIP, *typed, reply)
    assert (turn.say, turn.session.tries, turn.session.playing) == (("one-if-right",), 0, True)
    assert talk(ZIP, *typed, reply, ENDED).wait_ms == ZIP.timeout_ms
    assert talk(ZIP, *typed, reply, ENDED, "1").outcome == RIGHT
    assert talk(ZIP, *typed, reply, ENDED, "2").say == ("enter-zip",)
    again = talk(ZIP, *typed, reply, ENDED, reply)
    assert (again.say, again.session.tries, again.session.answer) == (("sorry", "enter-zip"), 1, None)


def test_each_answer_may_be_asked_about_twice() -> None:
    unclear = ("10001", ENDED, SILENCE, ENDED)
    assert talk(ZIP, *unclear, "2", *unclear, "1").outcome == RIGHT
    assert talk(ZIP, *unclear, SILENCE, *unclear, "1").outcome == RIGHT
    assert talk(ZIP, *unclear, SILENCE, *unclear, SILENCE).outcome == NONE


def test_the_finish_key_after_a_full_answer_is_no_reply() -> None:
    before = talk(ZIP, "10001")
    assert talk(ZIP, "10001", "#") == Turn(session=before.session)


def test_only_what_has_a_prompt_is_read_back() -> None:
    node = replace(ZIP, valid=None, min_digits=1)
    assert talk(node, "1*2#").say == ("you-typed", "digit-1", "digit-2", "one-if-right")
    assert answer(node, "1*2#", "1") == "1*2"
