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

What is said on the way to the next node that waits for the caller becomes one turn, as long as a digit may cut it short. A prompt that
must be heard whole is a turn of its own, so that a digit during it can be told from one before it; so is what precedes it, and what
precedes the way out. The caller then stays in the last node that was said, and goes on from there once it was heard (`_go_on`).
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from ivr.menu import (
    CONFIRM_KEY,
    CORRECT_KEY,
    DECIMAL,
    DIGITS,
    Branch,
    Gather,
    GoTo,
    HangUp,
    KnownZip,
    Matching,
    Menu,
    MenuAction,
    MenuPlan,
    Node,
    ReadBack,
    RouteOn,
    Say,
    SayAgain,
    SayTag,
    TransferTo,
    Within,
)
from ivr.spoken_value import pieces
from routing.expression import Kind, Scalar, holds
from routing.geo import known_zip
from routing.hours import is_open
from routing.table import Hours

TERMINATOR = "#"
MAX_MENUS = 50  # nodes entered per call, the first one included: they may lead to each other in a circle
MAX_CORRECTIONS = 3  # of what was read back, in one node; each one more is a failed try
MAX_ASKED = 2  # times whether one answer is right, before no clear reply is a failed try


class ExitReason(StrEnum):
    HANGUP = "hangup"
    FAILED = "failed"


class MenuContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a branch may look at: the time (microseconds since 1970 UTC), and what is known of the call."""

    utc_us: int
    tags: Mapping[str, Scalar]


class MenuSession(msgspec.Struct, frozen=True, kw_only=True):
    """Where a caller is in a plan.

    `node`: entered last; one that waits for nobody is gone on from once what plays has ended. `tags`: learned in this visit.
    `entered`: nodes so far. `playing`: a prompt plays, so silence is not the caller's yet. `over`: the caller has left.

    Of this node: `tries`, failed ones; `digits`, collected, not an answer yet. `answer`: read back, to be confirmed; `asked`: how often
    that was asked; `corrections`: how often the caller wanted another one.
    """

    node: str
    tags: Mapping[str, Scalar] = {}
    entered: int = 1
    playing: bool = True
    over: bool = False
    tries: int = 0
    digits: str = ""
    answer: str | None = None
    asked: int = 0
    corrections: int = 0


class Digit(msgspec.Struct, frozen=True, kw_only=True):
    digit: str


class PromptDone(msgspec.Struct, frozen=True, kw_only=True):
    """The last of the prompts of `Turn.say` has ended."""


class InputTimeout(msgspec.Struct, frozen=True, kw_only=True):
    """`Turn.wait_ms` has passed."""


MenuInput = Digit | PromptDone | InputTimeout


class RouteCaller(msgspec.Struct, frozen=True, kw_only=True):
    """The caller qualified, with all tags learned. `line`: where to; None leaves that to routing."""

    tags: Mapping[str, Scalar]
    line: str | None = None


class ExitMenu(msgspec.Struct, frozen=True, kw_only=True):
    """The call is to end, after `prompt` where one is named: an outcome says `hangup`, or the tries `failed`."""

    reason: ExitReason
    prompt: str | None = None


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from what was heard; see the top of the file."""

    session: MenuSession
    say: tuple[str, ...] = ()
    stop_play: bool = False
    wait_ms: int | None = None
    outcome: RouteCaller | ExitMenu | None = None


def start(plan: MenuPlan, context: MenuContext) -> Turn:
    """The caller enters the plan's first node."""
    return _follow(plan, MenuSession(node=plan.start, entered=0, playing=False), GoTo(menu=plan.start), context=context)


def step(plan: MenuPlan, session: MenuSession, heard: MenuInput, context: MenuContext) -> Turn:
    """What follows from `heard`. Digits that are none (`ivr.menu.DIGITS`) and events that come late change nothing."""
    node = plan.nodes[session.node]
    if session.over or _is_ignored(session, node, heard):
        return Turn(session=session)
    match node:
        case Menu():
            return _on_menu_input(plan, session, node, heard=heard, context=context)
        case Gather():
            return _on_gather_input(plan, session, node, heard=heard, context=context)
        case Say() | Branch():
            now_quiet = replace(session, playing=not isinstance(heard, PromptDone))
            return _go_on(plan, now_quiet, node, context=context)
        case unknown:
            assert_never(unknown)


def _is_ignored(session: MenuSession, node: Node, heard: MenuInput) -> bool:
    match heard:
        case Digit(digit=digit):
            return digit not in DIGITS or (session.playing and _is_whole(node))
        case PromptDone():
            return not session.playing
        case InputTimeout():
            return session.playing
        case unknown:
            assert_never(unknown)


def _on_menu_input(plan: MenuPlan, session: MenuSession, menu: Menu, *, heard: MenuInput, context: MenuContext) -> Turn:
    match heard:
        case PromptDone():
            return Turn(session=replace(session, playing=False), wait_ms=menu.timeout_ms)
        case InputTimeout():
            return _answer(plan, session, menu, answer=session.digits, context=context)
        case Digit(digit=digit):
            return _press_menu(plan, session, menu, digit=digit, context=context)
        case unknown:
            assert_never(unknown)


def _press_menu(plan: MenuPlan, session: MenuSession, menu: Menu, *, digit: str, context: MenuContext) -> Turn:
    """A digit barges in, then completes an answer or is kept until one is complete."""
    if digit == TERMINATOR and TERMINATOR not in menu.keys:
        return _answer(plan, session, menu, answer=session.digits, context=context)
    digits = session.digits + digit
    if len(digits) >= menu.digits:
        return _answer(plan, session, menu, answer=digits, context=context)
    kept = replace(session, digits=digits, playing=False)
    return Turn(session=kept, stop_play=session.playing, wait_ms=menu.timeout_ms)


def _answer(plan: MenuPlan, session: MenuSession, menu: Menu, *, answer: str, context: MenuContext) -> Turn:
    """What a complete answer leads to. An answer that is no key, and silence (the empty one), is a failed try."""
    match menu.keys.get(answer):
        case None:
            return _fail(plan, session, menu, context=context)
        case SayAgain():
            return _say(replace(session, digits=""), (menu.prompt,))
        case onward:
            return _follow(plan, session, onward, context=context)


def _on_gather_input(plan: MenuPlan, session: MenuSession, node: Gather, *, heard: MenuInput, context: MenuContext) -> Turn:
    """What follows from `heard` while the caller is asked. Silence ends the answer; to a read-back it is no clear reply."""
    match heard:
        case PromptDone():
            return Turn(session=replace(session, playing=False), wait_ms=node.timeout_ms)
        case InputTimeout() if session.answer is not None:
            return _unclear(plan, session, node, context=context)
        case InputTimeout():
            return _complete(plan, session, node, context=context)
        case Digit(digit=digit) if session.answer is not None:
            return _reply(plan, session, node, answer=session.answer, digit=digit, context=context)
        case Digit(digit=digit):
            return _press_gather(plan, session, node, digit=digit, context=context)
        case unknown:
            assert_never(unknown)


def _press_gather(plan: MenuPlan, session: MenuSession, node: Gather, *, digit: str, context: MenuContext) -> Turn:
    """A digit barges in, then completes an answer or is kept until one is complete."""
    if digit == node.finish:
        return _complete(plan, session, node, context=context)
    kept = replace(session, digits=session.digits + digit)
    if len(kept.digits) >= node.max_digits:
        return _complete(plan, kept, node, context=context)
    return Turn(session=replace(kept, playing=False), stop_play=session.playing, wait_ms=node.between_ms)


def _complete(plan: MenuPlan, session: MenuSession, node: Gather, *, context: MenuContext) -> Turn:
    if not _is_valid(node, session.digits):
        return _fail(plan, session, node, context=context)
    if node.read_back is None:
        return _accept(plan, session, node, answer=session.digits, context=context)
    return _say(replace(session, digits="", answer=session.digits, asked=1), _read_back(node.read_back, session.digits))


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
    return prompts.lead_in, *(prompts.digits[digit] for digit in answer if digit in prompts.digits), prompts.confirm


def _reply(plan: MenuPlan, session: MenuSession, node: Gather, *, answer: str, digit: str, context: MenuContext) -> Turn:
    """Right, not right, or neither. The finish key is pressed by habit after an answer that was complete without it: no reply."""
    if digit == CONFIRM_KEY:
        return _accept(plan, session, node, answer=answer, context=context)
    if digit == CORRECT_KEY and session.corrections < MAX_CORRECTIONS:
        again = replace(session, answer=None, asked=0, corrections=session.corrections + 1)
        return _say(again, (node.prompt,))
    if digit == CORRECT_KEY:
        return _fail(plan, session, node, context=context)
    if digit == node.finish:
        return Turn(session=session)
    return _unclear(plan, session, node, context=context)


def _unclear(plan: MenuPlan, session: MenuSession, node: Gather, *, context: MenuContext) -> Turn:
    if session.asked >= MAX_ASKED or node.read_back is None:
        return _fail(plan, session, node, context=context)
    return _say(replace(session, asked=session.asked + 1), (node.read_back.confirm,))


def _accept(plan: MenuPlan, session: MenuSession, node: Gather, *, answer: str, context: MenuContext) -> Turn:
    value = int(answer) if node.kind is Kind.NUMBER else answer
    return _follow(plan, _learned(session, {node.tag: value}), node.then, context=context)


def _follow(
    plan: MenuPlan, session: MenuSession, onward: MenuAction, *, context: MenuContext, because: ExitReason = ExitReason.HANGUP
) -> Turn:
    """Where `onward` leads. What plays is stopped. `because`: the reason, if it leads straight out of the call."""
    stop_play = session.playing
    said: tuple[str, ...] = ()
    while isinstance(onward, GoTo):
        if session.entered >= MAX_MENUS:
            return _leave(session, ExitMenu(reason=ExitReason.FAILED), stop_play=stop_play)
        node = plan.nodes[onward.menu]
        if said and _is_whole(node):
            return Turn(session=session, say=said, stop_play=stop_play)
        session = MenuSession(node=onward.menu, tags={**session.tags, **onward.tags}, entered=session.entered + 1)
        match node:
            case Menu() | Gather():
                return Turn(session=session, say=(*said, node.prompt), stop_play=stop_play)
            case Say():
                here = prompts_of(node.prompts, {**context.tags, **session.tags})
                if node.whole and here:
                    return Turn(session=session, say=here, stop_play=stop_play)
                session, said, onward = _learned(session, node.tags), (*said, *here), node.then
            case Branch():
                onward = _choice(node, session, context)
            case unknown:
                assert_never(unknown)
    if said:
        return Turn(session=session, say=said, stop_play=stop_play)
    return _leave(session, _outcome(session, onward, because), stop_play=stop_play)


def _go_on(plan: MenuPlan, session: MenuSession, node: Say | Branch, *, context: MenuContext) -> Turn:
    """What was said has been heard, or cut short. A branch is chosen anew: time has passed."""
    match node:
        case Say(tags=tags, then=then):
            return _follow(plan, _learned(session, tags), then, context=context)
        case Branch():
            return _follow(plan, session, _choice(node, session, context), context=context)
        case unknown:
            assert_never(unknown)


def _fail(plan: MenuPlan, session: MenuSession, node: Menu | Gather, *, context: MenuContext) -> Turn:
    """One more failed try: say so and ask again, or give up when that was the last one."""
    tries = session.tries + 1
    if tries > node.retries:
        return _follow(plan, session, node.failed, context=context, because=ExitReason.FAILED)
    prompts = (node.prompt,) if node.invalid is None else (node.invalid, node.prompt)
    return _say(replace(session, tries=tries, digits="", answer=None, asked=0), prompts)


def _say(session: MenuSession, prompts: tuple[str, ...]) -> Turn:
    """Stop what plays, and say this to a caller who stays in the node."""
    return Turn(session=replace(session, playing=True), say=prompts, stop_play=session.playing)


def prompts_of(parts: tuple[str | SayTag, ...], tags: Mapping[str, Scalar]) -> tuple[str, ...]:
    """The prompts of what is said, with those that the values of tags are said by."""
    found: list[str] = []
    for part in parts:
        if isinstance(part, str):
            found.append(part)
        elif part.tag in tags:
            found += (part.names[piece] for piece in pieces(tags[part.tag], part.way, part.language))
    return tuple(found)


def _learned(session: MenuSession, tags: Mapping[str, Scalar]) -> MenuSession:
    return replace(session, tags={**session.tags, **tags})


def _is_whole(node: Node) -> bool:
    """Whether digits are not heard while its prompts play."""
    return isinstance(node, Menu | Say) and node.whole


def _choice(branch: Branch, session: MenuSession, context: MenuContext) -> MenuAction:
    tags = {**context.tags, **session.tags}
    for case in branch.cases:
        if is_open(case.when, context.utc_us) if isinstance(case.when, Hours) else holds(case.when, tags):
            return case.then
    return branch.otherwise


def _outcome(session: MenuSession, onward: RouteOn | TransferTo | HangUp, because: ExitReason) -> RouteCaller | ExitMenu:
    match onward:
        case RouteOn(tags=tags):
            return RouteCaller(tags={**session.tags, **tags})
        case TransferTo(line=line, tags=tags):
            return RouteCaller(tags={**session.tags, **tags}, line=line)
        case HangUp(prompt=prompt):
            return ExitMenu(reason=because, prompt=prompt)
        case unknown:
            assert_never(unknown)


def _leave(session: MenuSession, outcome: RouteCaller | ExitMenu, *, stop_play: bool) -> Turn:
    left = replace(session, digits="", answer=None, playing=False, over=True)
    return Turn(session=left, stop_play=stop_play, outcome=outcome)
