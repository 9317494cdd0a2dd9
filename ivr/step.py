"""Knows how a menu moves on: what was heard, what is said next, and how the caller leaves it.

Does not know clocks, audio or calls. Whoever runs a menu keeps the `Session` and does what each `Turn` says, in this order:

1. `hush`: stop what plays and forget what was still to be played.
2. `say`: play these prompts one after the other; tell `PromptEnded` when the last one has ended. A prompt that plays disarms the
   silence timer.
3. `wait_ms`: arm the silence timer anew, this long from now; tell `TimedOut` when it runs out. None leaves it as it is.
4. `outcome`: the caller has left the menu (a `Left.prompt` is played by whoever ends the call).

The timer therefore runs only while nothing plays. What comes late may be told all the same and changes nothing: the end of a prompt
while none plays, a timer that ran out as a prompt began, anything at all after the caller left. Only the end of a prompt that was
stopped, told while the next one plays, can't be told apart here: whoever plays prompts numbers them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from ivr.menu import DIGITS, GoTo, HangUp, Menu, MenuPlan, RouteOn, SayAgain

MAX_MENUS = 50  # entered per call, the first one included: menus may lead to each other in a circle
TERMINATOR = "#"


class LeftBecause(StrEnum):
    HANGUP = "hangup"
    FAILED = "failed"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Where a caller is in a plan.

    `tries`: failed ones in this menu. `digits`: collected, not an answer yet. `entered`: menus so far.
    `playing`: a prompt plays, so silence is not the caller's yet. `over`: the caller has left.
    """

    menu: str
    tries: int = 0
    digits: str = ""
    playing: bool = True
    entered: int = 1
    over: bool = False


class Digit(msgspec.Struct, frozen=True, kw_only=True):
    digit: str


class PromptEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The last of the prompts of `Turn.say` has ended."""


class TimedOut(msgspec.Struct, frozen=True, kw_only=True):
    """`Turn.wait_ms` has passed."""


Heard = Digit | PromptEnded | TimedOut


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """The caller qualified, with these tags."""

    tags: Mapping[str, str]


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """The call is to end, after `prompt` where one is named: the key pressed says `hangup`, or the tries `failed`."""

    reason: LeftBecause
    prompt: str | None = None


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from what was heard; see the top of this file."""

    session: Session
    say: tuple[str, ...] = ()
    hush: bool = False
    wait_ms: int | None = None
    outcome: Routed | Left | None = None


def start(plan: MenuPlan) -> Turn:
    """The caller enters the plan's first menu."""
    return Turn(session=Session(menu=plan.start), say=(plan.menus[plan.start].prompt,))


def step(plan: MenuPlan, session: Session, heard: Heard) -> Turn:
    """What follows from `heard`. Digits that are none (`ivr.menu.DIGITS`) and events that come late change nothing."""
    if session.over:
        return Turn(session=session)
    menu = plan.menus[session.menu]
    match heard:
        case Digit(digit=digit):
            return _press(plan, session, menu=menu, digit=digit)
        case PromptEnded():
            if not session.playing:
                return Turn(session=session)
            return Turn(session=replace(session, playing=False), wait_ms=menu.timeout_ms)
        case TimedOut():
            if session.playing:
                return Turn(session=session)
            return _answer(plan, session, menu=menu, answer=session.digits)
        case unknown:
            assert_never(unknown)


def _press(plan: MenuPlan, session: Session, *, menu: Menu, digit: str) -> Turn:
    """A digit barges in, then completes an answer or is kept until one is complete."""
    if digit not in DIGITS:
        return Turn(session=session)
    if digit == TERMINATOR and TERMINATOR not in menu.keys:
        return _answer(plan, session, menu=menu, answer=session.digits)
    digits = session.digits + digit
    if len(digits) >= menu.digits:
        return _answer(plan, session, menu=menu, answer=digits)
    kept = replace(session, digits=digits, playing=False)
    return Turn(session=kept, hush=session.playing, wait_ms=menu.timeout_ms)


def _answer(plan: MenuPlan, session: Session, *, menu: Menu, answer: str) -> Turn:
    """What a complete answer leads to. An answer that is no key, and silence (the empty one), is a failed try."""
    match menu.keys.get(answer):
        case None:
            return _fail(session, menu)
        case RouteOn(tags=tags):
            return _leave(session, Routed(tags=tags))
        case HangUp(prompt=prompt):
            return _leave(session, Left(reason=LeftBecause.HANGUP, prompt=prompt))
        case SayAgain():
            return _say(session, (menu.prompt,), then=replace(session, digits="", playing=True))
        case GoTo(menu=name):
            if session.entered >= MAX_MENUS:
                return _leave(session, Left(reason=LeftBecause.FAILED))
            return _say(session, (plan.menus[name].prompt,), then=Session(menu=name, entered=session.entered + 1))
        case unknown:
            assert_never(unknown)


def _fail(session: Session, menu: Menu) -> Turn:
    """One more failed try: say so and ask again, or give up when that was the last one."""
    tries = session.tries + 1
    if tries <= menu.retries:
        prompts = (menu.prompt,) if menu.invalid is None else (menu.invalid, menu.prompt)
        return _say(session, prompts, then=replace(session, tries=tries, digits="", playing=True))
    match menu.failed:
        case HangUp(prompt=prompt):
            return _leave(session, Left(reason=LeftBecause.FAILED, prompt=prompt))
        case RouteOn(tags=tags):
            return _leave(session, Routed(tags=tags))
        case unknown:
            assert_never(unknown)


def _say(session: Session, prompts: tuple[str, ...], *, then: Session) -> Turn:
    return Turn(session=then, say=prompts, hush=session.playing)


def _leave(session: Session, outcome: Routed | Left) -> Turn:
    left = replace(session, digits="", playing=False, over=True)
    return Turn(session=left, hush=session.playing, outcome=outcome)
