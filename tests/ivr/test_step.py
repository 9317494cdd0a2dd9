"""Menus as conversations: what the caller does, and what the menu says to it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.menu import DIGITS, GoTo, HangUp, Menu, MenuPlan, Outcome, RouteOn, SayAgain
from ivr.step import MAX_MENUS, Digit, Heard, Left, LeftBecause, PromptEnded, Routed, Session, TimedOut, Turn, start, step

QUOTE = RouteOn(tags={"interest": "quote"})
ENDED, SILENCE = PromptEnded(), TimedOut()
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
PLAN = MenuPlan(start="main", menus={"main": MAIN, "zip": ZIP})


def keys(**more: Outcome) -> Menu:
    return Menu(name="main", prompt="welcome", keys=more)


def talk(plan: MenuPlan, *heard: Heard | str) -> Turn:
    """The turn after the last thing heard; a string is digits pressed one by one."""
    turn = start(plan)
    for each in heard:
        for one in [Digit(digit=char) for char in each] if isinstance(each, str) else [each]:
            turn = step(plan, turn.session, one)
    return turn


def test_start_says_the_prompt_and_waits_for_its_end() -> None:
    assert start(PLAN) == Turn(session=Session(menu="main"), say=("welcome",))
    assert talk(PLAN, ENDED) == Turn(session=Session(menu="main", playing=False), wait_ms=5_000)


def test_a_key_leads_on() -> None:
    turn = talk(PLAN, ENDED, "1")
    assert (turn.outcome, turn.hush, turn.say, turn.wait_ms) == (Routed(tags={"interest": "quote"}), False, (), None)
    assert turn.session.over


def test_a_key_barges_in() -> None:
    turn = talk(PLAN, "1")
    assert (turn.outcome, turn.hush) == (Routed(tags={"interest": "quote"}), True)


def test_a_key_may_end_the_call() -> None:
    assert talk(PLAN, ENDED, "0").outcome == Left(reason=LeftBecause.HANGUP, prompt="goodbye")


def test_say_again_is_no_failed_try() -> None:
    turn = talk(PLAN, ENDED, "5", ENDED, "9")
    assert turn == Turn(session=Session(menu="main", tries=1), say=("welcome",))
    assert talk(PLAN, "9").hush


def test_a_wrong_key_and_silence_use_up_tries() -> None:
    again = ("sorry", "welcome")
    assert talk(PLAN, ENDED, "5") == Turn(session=Session(menu="main", tries=1), say=again)
    assert talk(PLAN, ENDED, SILENCE) == Turn(session=Session(menu="main", tries=1), say=again)
    assert talk(PLAN, ENDED, "5", ENDED, SILENCE) == Turn(session=Session(menu="main", tries=2), say=again)
    assert talk(PLAN, ENDED, "5", ENDED, SILENCE, ENDED, "6").outcome == Left(reason=LeftBecause.FAILED, prompt="failed")


def test_the_last_try_may_succeed() -> None:
    assert talk(PLAN, ENDED, "5", ENDED, SILENCE, ENDED, "1").outcome == Routed(tags={"interest": "quote"})


def test_a_wrong_key_during_the_prompt_stops_it() -> None:
    turn = talk(PLAN, "5")
    assert (turn.hush, turn.say, turn.session.playing) == (True, ("sorry", "welcome"), True)


def test_without_an_invalid_prompt_only_the_menus_is_said() -> None:
    assert talk(MenuPlan(start="main", menus={"main": keys()}), ENDED, "5").say == ("welcome",)


def test_failing_may_route_on() -> None:
    turn = talk(PLAN, "2", ENDED, SILENCE)
    assert turn.outcome == Routed(tags={"zip": "none"})


def test_goto_enters_afresh() -> None:
    turn = talk(PLAN, ENDED, "5", ENDED, "2")
    assert turn == Turn(session=Session(menu="zip", entered=2), say=("enter-zip",))
    assert talk(PLAN, "2").hush


def test_digits_are_collected_and_each_restarts_the_silence() -> None:
    assert talk(PLAN, "2", "1") == Turn(session=Session(menu="zip", digits="1", playing=False, entered=2), hush=True, wait_ms=3_000)
    assert talk(PLAN, "2", "12") == Turn(session=Session(menu="zip", digits="12", playing=False, entered=2), wait_ms=3_000)
    assert talk(PLAN, "2", "123").outcome == Routed(tags={"interest": "quote"})


@pytest.mark.parametrize("end", ["#", SILENCE])
def test_a_short_answer_ends_with_hash_or_silence(end: Heard | str) -> None:
    assert talk(PLAN, "2", "12", end).outcome == Left(reason=LeftBecause.HANGUP)
    assert talk(PLAN, "2", "*", end).session.menu == "main"
    assert talk(PLAN, "2", "13", end).outcome == Routed(tags={"zip": "none"})


def test_hash_alone_is_a_wrong_answer() -> None:
    assert talk(PLAN, ENDED, "#") == Turn(session=Session(menu="main", tries=1), say=("sorry", "welcome"))


def test_hash_that_is_a_key_is_an_answer_or_part_of_one() -> None:
    one = MenuPlan(start="main", menus={"main": Menu(name="main", prompt="welcome", keys={"#": QUOTE})})
    assert talk(one, "#").outcome == Routed(tags={"interest": "quote"})
    two = MenuPlan(start="main", menus={"main": Menu(name="main", prompt="welcome", digits=2, keys={"#": HangUp(), "1#": QUOTE})})
    assert talk(two, "1#").outcome == Routed(tags={"interest": "quote"})
    assert talk(two, "#").outcome is None
    assert talk(two, "#", SILENCE).outcome == Left(reason=LeftBecause.HANGUP)


def test_what_was_typed_wrong_is_forgotten() -> None:
    menu = Menu(name="main", prompt="welcome", digits=2, keys={"12": QUOTE})
    assert talk(MenuPlan(start="main", menus={"main": menu}), "34", "12").outcome == Routed(tags={"interest": "quote"})


def test_menus_that_lead_in_a_circle_are_bounded() -> None:
    circle = MenuPlan(start="main", menus={"main": keys(**{"1": GoTo(menu="main")})})
    assert talk(circle, "1" * (MAX_MENUS - 1)).session == Session(menu="main", entered=MAX_MENUS)
    assert talk(circle, "1" * MAX_MENUS).outcome == Left(reason=LeftBecause.FAILED)


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
def test_what_comes_late_or_is_no_digit_changes_nothing(before: tuple[Heard | str, ...], late: Heard) -> None:
    session = talk(PLAN, *before).session
    assert step(PLAN, session, late) == Turn(session=session)


HEARD = st.one_of(st.builds(Digit, digit=st.sampled_from([*sorted(DIGITS), "x"])), st.just(ENDED), st.just(SILENCE))


@settings(deadline=None)
@given(st.lists(HEARD, max_size=60))
def test_whatever_is_heard_the_turn_is_sound(heard: list[Heard]) -> None:
    turn = start(PLAN)
    for each in heard:
        before = turn.session
        turn = step(PLAN, before, each)
        after = turn.session
        menu = PLAN.menus[after.menu]
        assert after.tries <= menu.retries
        assert len(after.digits) < menu.digits
        assert after.entered <= MAX_MENUS
        assert (turn.outcome is not None) == (after.over and not before.over)
        assert turn.wait_ms is None or not after.playing  # the timer never runs against a prompt
        assert bool(turn.say) <= after.playing
        assert turn.hush <= before.playing  # only what plays is stopped
        assert turn.hush or not before.playing or after.playing or isinstance(each, PromptEnded)


def test_a_silent_caller_always_leaves() -> None:
    turn, told = start(PLAN), 0
    while turn.outcome is None:
        turn = step(PLAN, turn.session, ENDED if turn.session.playing else SILENCE)
        told += 1
    assert told == 2 * (MAIN.retries + 1)
