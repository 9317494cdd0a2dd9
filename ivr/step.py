"""Knows how a menu moves on: what was heard, what is said next, and how the caller leaves it.

Does not know clocks, audio or calls. Whoever runs a menu keeps the `Session` and does what each `Turn` says, in this order:

1. `hush`: stop what plays and forget what was still to be played.
2. `say`: play these prompts one after the other; tell `PromptEnded` when the last one has ended. A prompt that plays disarms the
   silence timer.
3. `wait_ms`: arm the silence timer anew, this long from now; tell `TimedOut` when it runs out. None leaves it as it is.
4. `outcome`: the caller has left the menu (a `Left.prompt` is played by whoever ends the call). Nothing is said with it.

The timer therefore runs only while nothing plays. What comes late may be told all the same and changes nothing: the end of a prompt
while none plays, a timer that ran out as a prompt began, anything at all after the caller left. Only the end of a prompt that was
stopped, told while the next one plays, can't be told apart here: whoever plays prompts numbers them.

A digit cuts short all that is said before the next node that waits for the caller, and is the first digit of his answer there. What is
whole is not cut short: a digit during it, or one that cut short what precedes it, is not heard and not kept for later.
"""

from typing import assert_never

from msgspec.structs import replace

from ivr import gather
from ivr.menu import DIGITS, Branch, Gather, GoTo, Menu, MenuPlan, Node, Say, SayAgain
from ivr.turn import Digit, Heard, Left, LeftBecause, PromptEnded, Routed, Scene, Session, TimedOut, Turn
from ivr.walk import MAX_MENUS, fail, follow, go_on, is_whole, say

__all__ = [
    "MAX_MENUS",
    "Digit",
    "Heard",
    "Left",
    "LeftBecause",
    "PromptEnded",
    "Routed",
    "Scene",
    "Session",
    "TimedOut",
    "Turn",
    "start",
    "step",
]

TERMINATOR = "#"


def start(plan: MenuPlan, scene: Scene) -> Turn:
    """The caller enters the plan's first node."""
    return follow(plan, Session(node=plan.start, entered=0, playing=False), GoTo(menu=plan.start), scene=scene)


def step(plan: MenuPlan, session: Session, heard: Heard, scene: Scene) -> Turn:
    """What follows from `heard`. Digits that are none (`ivr.menu.DIGITS`) and events that come late change nothing."""
    node = plan.nodes[session.node]
    if session.over or _is_void(session, node, heard):
        return Turn(session=session)
    match node:
        case Menu():
            return _hear(plan, session, node, heard=heard, scene=scene)
        case Gather():
            return gather.hear(plan, session, node, heard=heard, scene=scene)
        case Say() | Branch():
            now_quiet = replace(session, playing=not isinstance(heard, PromptEnded))
            return go_on(plan, now_quiet, node, scene=scene)
        case unknown:
            assert_never(unknown)


def _is_void(session: Session, node: Node, heard: Heard) -> bool:
    match heard:
        case Digit(digit=digit):
            return digit not in DIGITS or (session.playing and is_whole(node))
        case PromptEnded():
            return not session.playing
        case TimedOut():
            return session.playing
        case unknown:
            assert_never(unknown)


def _hear(plan: MenuPlan, session: Session, menu: Menu, *, heard: Heard, scene: Scene) -> Turn:
    match heard:
        case PromptEnded():
            return Turn(session=replace(session, playing=False), wait_ms=menu.timeout_ms)
        case TimedOut():
            return _answer(plan, session, menu, answer=session.digits, scene=scene)
        case Digit(digit=digit):
            return _press(plan, session, menu, digit=digit, scene=scene)
        case unknown:
            assert_never(unknown)


def _press(plan: MenuPlan, session: Session, menu: Menu, *, digit: str, scene: Scene) -> Turn:
    """A digit barges in, then completes an answer or is kept until one is complete."""
    if digit == TERMINATOR and TERMINATOR not in menu.keys:
        return _answer(plan, session, menu, answer=session.digits, scene=scene)
    digits = session.digits + digit
    if len(digits) >= menu.digits:
        return _answer(plan, session, menu, answer=digits, scene=scene)
    kept = replace(session, digits=digits, playing=False)
    return Turn(session=kept, hush=session.playing, wait_ms=menu.timeout_ms)


def _answer(plan: MenuPlan, session: Session, menu: Menu, *, answer: str, scene: Scene) -> Turn:
    """What a complete answer leads to. An answer that is no key, and silence (the empty one), is a failed try."""
    match menu.keys.get(answer):
        case None:
            return fail(plan, session, menu, scene=scene)
        case SayAgain():
            return say(replace(session, digits=""), (menu.prompt,))
        case onward:
            return follow(plan, session, onward, scene=scene)
