"""PURE. `start` and `step`: what a menu does on a digit, the end of a prompt, or silence; and how digits become an answer that is kept.

Whoever runs a menu keeps the `MenuSession` and does what each `Turn` says, in this order:

1. `stop_play`: stop what plays and forget what was still to be played.
2. `say`: play these prompts one after the other; send `PromptDone` when the last one has ended. A prompt that plays disarms the
   silence timer.
3. `wait_ms`: arm the silence timer anew, this long from now; send `InputTimeout` when it runs out. None leaves it as it is.
4. `outcome`: the caller has left the menu (an `ExitMenu.prompt` is played by whoever ends the call). Nothing is said with it.

So the timer runs only while nothing plays. What comes late may be sent all the same and changes nothing: the end of a prompt while none
plays, a timer that ran out as a prompt began, anything at all after the caller left. Only the end of a prompt that was stopped, sent
while the next one plays, can't be told apart here: whoever plays prompts numbers them.

A digit cuts short all that is said before the next node that waits for the caller, and is the first digit of the answer there. A prompt
that must be heard whole is not cut short: a digit during it, or one that cut short what precedes it, is not heard and not kept for later.
"""

import re
from typing import assert_never

from msgspec.structs import replace

from ivr.menu import (
    CONFIRM_KEY,
    CORRECT_KEY,
    DECIMAL,
    DIGIT_PROMPTS,
    DIGITS,
    Branch,
    Gather,
    GoTo,
    KnownZip,
    Matching,
    Menu,
    MenuPlan,
    Node,
    ReadBack,
    Say,
    SayAgain,
    Within,
)
from ivr.turn import (
    MAX_MENUS,
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
    fail,
    follow,
    go_on,
    is_whole,
    learned,
    say,
)
from routing.expression import Kind
from routing.geo import known_zip

__all__ = [
    "MAX_MENUS",
    "Digit",
    "ExitMenu",
    "ExitReason",
    "InputTimeout",
    "MenuContext",
    "MenuInput",
    "MenuSession",
    "PromptDone",
    "RouteCaller",
    "Turn",
    "start",
    "step",
]

TERMINATOR = "#"


def start(plan: MenuPlan, scene: MenuContext) -> Turn:
    """The caller enters the plan's first node."""
    return follow(plan, MenuSession(node=plan.start, entered=0, playing=False), GoTo(menu=plan.start), scene=scene)


def step(plan: MenuPlan, session: MenuSession, heard: MenuInput, scene: MenuContext) -> Turn:
    """What follows from `heard`. Digits that are none (`ivr.menu.DIGITS`) and events that come late change nothing."""
    node = plan.nodes[session.node]
    if session.over or _is_void(session, node, heard):
        return Turn(session=session)
    match node:
        case Menu():
            return _hear_menu(plan, session, node, heard=heard, scene=scene)
        case Gather():
            return _hear_gather(plan, session, node, heard=heard, scene=scene)
        case Say() | Branch():
            now_quiet = replace(session, playing=not isinstance(heard, PromptDone))
            return go_on(plan, now_quiet, node, scene=scene)
        case unknown:
            assert_never(unknown)


def _is_void(session: MenuSession, node: Node, heard: MenuInput) -> bool:
    match heard:
        case Digit(digit=digit):
            return digit not in DIGITS or (session.playing and is_whole(node))
        case PromptDone():
            return not session.playing
        case InputTimeout():
            return session.playing
        case unknown:
            assert_never(unknown)


def _hear_menu(plan: MenuPlan, session: MenuSession, menu: Menu, *, heard: MenuInput, scene: MenuContext) -> Turn:
    match heard:
        case PromptDone():
            return Turn(session=replace(session, playing=False), wait_ms=menu.timeout_ms)
        case InputTimeout():
            return _answer(plan, session, menu, answer=session.digits, scene=scene)
        case Digit(digit=digit):
            return _press_menu(plan, session, menu, digit=digit, scene=scene)
        case unknown:
            assert_never(unknown)


def _press_menu(plan: MenuPlan, session: MenuSession, menu: Menu, *, digit: str, scene: MenuContext) -> Turn:
    """A digit barges in, then completes an answer or is kept until one is complete."""
    if digit == TERMINATOR and TERMINATOR not in menu.keys:
        return _answer(plan, session, menu, answer=session.digits, scene=scene)
    digits = session.digits + digit
    if len(digits) >= menu.digits:
        return _answer(plan, session, menu, answer=digits, scene=scene)
    kept = replace(session, digits=digits, playing=False)
    return Turn(session=kept, stop_play=session.playing, wait_ms=menu.timeout_ms)


def _answer(plan: MenuPlan, session: MenuSession, menu: Menu, *, answer: str, scene: MenuContext) -> Turn:
    """What a complete answer leads to. An answer that is no key, and silence (the empty one), is a failed try."""
    match menu.keys.get(answer):
        case None:
            return fail(plan, session, menu, scene=scene)
        case SayAgain():
            return say(replace(session, digits=""), (menu.prompt,))
        case onward:
            return follow(plan, session, onward, scene=scene)


MAX_CORRECTIONS = 3  # of what was read back, in one node; each one more is a failed try
MAX_ASKED = 2  # times whether one answer is right, before no clear reply is a failed try


def _hear_gather(plan: MenuPlan, session: MenuSession, node: Gather, *, heard: MenuInput, scene: MenuContext) -> Turn:
    """What follows from `heard` while the caller is asked. Silence ends the answer; to a read-back it is no clear reply."""
    match heard:
        case PromptDone():
            return Turn(session=replace(session, playing=False), wait_ms=node.timeout_ms)
        case InputTimeout() if session.answer is not None:
            return _unclear(plan, session, node, scene=scene)
        case InputTimeout():
            return _judge(plan, session, node, scene=scene)
        case Digit(digit=digit) if session.answer is not None:
            return _reply(plan, session, node, answer=session.answer, digit=digit, scene=scene)
        case Digit(digit=digit):
            return _press_gather(plan, session, node, digit=digit, scene=scene)
        case unknown:
            assert_never(unknown)


def _press_gather(plan: MenuPlan, session: MenuSession, node: Gather, *, digit: str, scene: MenuContext) -> Turn:
    """A digit barges in, then completes an answer or is kept until one is complete."""
    if digit == node.finish:
        return _judge(plan, session, node, scene=scene)
    kept = replace(session, digits=session.digits + digit)
    if len(kept.digits) >= node.max_digits:
        return _judge(plan, kept, node, scene=scene)
    return Turn(session=replace(kept, playing=False), stop_play=session.playing, wait_ms=node.between_ms)


def _judge(plan: MenuPlan, session: MenuSession, node: Gather, *, scene: MenuContext) -> Turn:
    if not _is_valid(node, session.digits):
        return fail(plan, session, node, scene=scene)
    if node.read_back is None:
        return _accept(plan, session, node, answer=session.digits, scene=scene)
    return say(replace(session, digits="", answer=session.digits, asked=1), _read_back(node.read_back, session.digits))


def _is_valid(node: Gather, digits: str) -> bool:
    if not node.min_digits <= len(digits) <= node.max_digits:
        return False
    if node.kind is Kind.NUMBER and not _is_number(digits):
        return False
    match node.valid:
        case None:
            return True
        case Within(low=low, high=high):
            return _is_number(digits) and low <= int(digits) <= high
        case Matching(pattern=pattern):
            return re.fullmatch(pattern, digits) is not None  # `re` keeps what it compiled
        case KnownZip():
            return known_zip(digits)
        case unknown:
            assert_never(unknown)


def _is_number(digits: str) -> bool:
    return bool(digits) and DECIMAL.issuperset(digits)


def _read_back(prompts: ReadBack, answer: str) -> tuple[str, ...]:
    return prompts.lead_in, *(DIGIT_PROMPTS[digit] for digit in answer if digit in DECIMAL), prompts.confirm


def _reply(plan: MenuPlan, session: MenuSession, node: Gather, *, answer: str, digit: str, scene: MenuContext) -> Turn:
    """Right, not right, or neither. The finish key is pressed by habit after an answer that was complete without it: no reply."""
    if digit == CONFIRM_KEY:
        return _accept(plan, session, node, answer=answer, scene=scene)
    if digit == CORRECT_KEY and session.corrections < MAX_CORRECTIONS:
        again = replace(session, answer=None, asked=0, corrections=session.corrections + 1)
        return say(again, (node.prompt,))
    if digit == CORRECT_KEY:
        return fail(plan, session, node, scene=scene)
    if digit == node.finish:
        return Turn(session=session)
    return _unclear(plan, session, node, scene=scene)


def _unclear(plan: MenuPlan, session: MenuSession, node: Gather, *, scene: MenuContext) -> Turn:
    if session.asked >= MAX_ASKED or node.read_back is None:
        return fail(plan, session, node, scene=scene)
    return say(replace(session, asked=session.asked + 1), (node.read_back.confirm,))


def _accept(plan: MenuPlan, session: MenuSession, node: Gather, *, answer: str, scene: MenuContext) -> Turn:
    value = int(answer) if node.kind is Kind.NUMBER else answer
    return follow(plan, learned(session, {node.tag: value}), node.then, scene=scene)
