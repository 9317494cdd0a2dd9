"""PURE. What goes in and out of a menu step, and how a menu moves to the next node that waits for the caller.

What is said on the way becomes one turn, as long as a digit may cut it short. A prompt that must be heard whole is a turn of its own, so
that a digit during it can be told from one before it; so is what precedes it, and what precedes the way out. The caller then stays in
the last node that was said, and goes on from there once it was heard (`go_on`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from ivr.menu import Branch, Gather, GoTo, HangUp, Menu, MenuAction, MenuPlan, Node, RouteOn, Say, TransferTo
from routing.expression import Scalar, holds
from routing.hours import is_open
from routing.table import Hours


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
    """What follows from what was heard; see the top of `ivr.step`."""

    session: MenuSession
    say: tuple[str, ...] = ()
    stop_play: bool = False
    wait_ms: int | None = None
    outcome: RouteCaller | ExitMenu | None = None


MAX_MENUS = 50  # nodes entered per call, the first one included: they may lead to each other in a circle


def follow(
    plan: MenuPlan, session: MenuSession, onward: MenuAction, *, scene: MenuContext, because: ExitReason = ExitReason.HANGUP
) -> Turn:
    """Where `onward` leads. What plays is stopped. `because`: the reason, if it leads straight out of the call."""
    stop_play = session.playing
    said: tuple[str, ...] = ()
    while isinstance(onward, GoTo):
        if session.entered >= MAX_MENUS:
            return _leave(session, ExitMenu(reason=ExitReason.FAILED), stop_play=stop_play)
        node = plan.nodes[onward.menu]
        if said and is_whole(node):
            return Turn(session=session, say=said, stop_play=stop_play)
        session = _entered(session, onward)
        match node:
            case Menu() | Gather():
                return Turn(session=session, say=(*said, node.prompt), stop_play=stop_play)
            case Say(whole=True):
                return Turn(session=session, say=node.prompts, stop_play=stop_play)
            case Say():
                session, said, onward = learned(session, node.tags), (*said, *node.prompts), node.then
            case Branch():
                onward = _choice(node, session, scene)
            case unknown:
                assert_never(unknown)
    if said:
        return Turn(session=session, say=said, stop_play=stop_play)
    return _leave(session, _outcome(session, onward, because), stop_play=stop_play)


def go_on(plan: MenuPlan, session: MenuSession, node: Say | Branch, *, scene: MenuContext) -> Turn:
    """What was said has been heard, or cut short. A branch is chosen anew: time has passed."""
    match node:
        case Say(tags=tags, then=then):
            return follow(plan, learned(session, tags), then, scene=scene)
        case Branch():
            return follow(plan, session, _choice(node, session, scene), scene=scene)
        case unknown:
            assert_never(unknown)


def fail(plan: MenuPlan, session: MenuSession, node: Menu | Gather, *, scene: MenuContext) -> Turn:
    """One more failed try: say so and ask again, or give up when that was the last one."""
    tries = session.tries + 1
    if tries > node.retries:
        return follow(plan, session, node.failed, scene=scene, because=ExitReason.FAILED)
    prompts = (node.prompt,) if node.invalid is None else (node.invalid, node.prompt)
    return say(replace(session, tries=tries, digits="", answer=None, asked=0), prompts)


def say(session: MenuSession, prompts: tuple[str, ...]) -> Turn:
    """Stop what plays, and say this to a caller who stays in the node."""
    return Turn(session=replace(session, playing=True), say=prompts, stop_play=session.playing)


def learned(session: MenuSession, tags: Mapping[str, Scalar]) -> MenuSession:
    return replace(session, tags={**session.tags, **tags})


def is_whole(node: Node) -> bool:
    """Whether digits are not heard while its prompts play."""
    return isinstance(node, Menu | Say) and node.whole


def _entered(session: MenuSession, goto: GoTo) -> MenuSession:
    return MenuSession(node=goto.menu, tags={**session.tags, **goto.tags}, entered=session.entered + 1)


def _choice(branch: Branch, session: MenuSession, scene: MenuContext) -> MenuAction:
    tags = {**scene.tags, **session.tags}
    for case in branch.cases:
        if is_open(case.when, scene.utc_us) if isinstance(case.when, Hours) else holds(case.when, tags):
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
