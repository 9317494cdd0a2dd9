"""Knows the way from one node that waits for the caller to the next, through those that wait for nobody, or out of the plan.

What is said on the way becomes one turn, as long as a digit may cut it short. What is whole is a turn of its own, so that a digit
during it can be told from one before it; so is what precedes it, and what precedes the way out. The caller then stays in the last
node that was said, and goes on from there once it was heard (`go_on`). Does not know what an answer is.
"""

from collections.abc import Mapping
from typing import assert_never

from msgspec.structs import replace

from ivr.menu import Branch, Gather, GoTo, HangUp, Menu, MenuPlan, Node, Onward, RouteOn, Say, TransferTo
from ivr.turn import Left, LeftBecause, Routed, Scene, Session, Turn
from routing.expression import Scalar, holds
from routing.hours import is_open
from routing.table import Hours

MAX_MENUS = 50  # nodes entered per call, the first one included: they may lead to each other in a circle


def follow(plan: MenuPlan, session: Session, onward: Onward, *, scene: Scene, because: LeftBecause = LeftBecause.HANGUP) -> Turn:
    """Where `onward` leads. What plays is stopped. `because`: the reason, should it lead straight out of the call."""
    hush = session.playing
    said: tuple[str, ...] = ()
    while isinstance(onward, GoTo):
        if session.entered >= MAX_MENUS:
            return _leave(session, Left(reason=LeftBecause.FAILED), hush=hush)
        node = plan.nodes[onward.menu]
        if said and is_whole(node):
            return Turn(session=session, say=said, hush=hush)
        session = _entered(session, onward)
        match node:
            case Menu() | Gather():
                return Turn(session=session, say=(*said, node.prompt), hush=hush)
            case Say(whole=True):
                return Turn(session=session, say=node.prompts, hush=hush)
            case Say():
                session, said, onward = learned(session, node.tags), (*said, *node.prompts), node.then
            case Branch():
                onward = _choice(node, session, scene)
            case unknown:
                assert_never(unknown)
    if said:
        return Turn(session=session, say=said, hush=hush)
    return _leave(session, _outcome(session, onward, because), hush=hush)


def go_on(plan: MenuPlan, session: Session, node: Say | Branch, *, scene: Scene) -> Turn:
    """What was said has been heard, or cut short. A branch is chosen anew: time has passed."""
    match node:
        case Say(tags=tags, then=then):
            return follow(plan, learned(session, tags), then, scene=scene)
        case Branch():
            return follow(plan, session, _choice(node, session, scene), scene=scene)
        case unknown:
            assert_never(unknown)


def fail(plan: MenuPlan, session: Session, node: Menu | Gather, *, scene: Scene) -> Turn:
    """One more failed try: say so and ask again, or give up when that was the last one."""
    tries = session.tries + 1
    if tries > node.retries:
        return follow(plan, session, node.failed, scene=scene, because=LeftBecause.FAILED)
    prompts = (node.prompt,) if node.invalid is None else (node.invalid, node.prompt)
    return say(replace(session, tries=tries, digits="", answer=None, asked=0), prompts)


def say(session: Session, prompts: tuple[str, ...]) -> Turn:
    """Stop what plays, and say this to a caller who stays in his node."""
    return Turn(session=replace(session, playing=True), say=prompts, hush=session.playing)


def learned(session: Session, tags: Mapping[str, Scalar]) -> Session:
    return replace(session, tags={**session.tags, **tags})


def is_whole(node: Node) -> bool:
    """Whether digits are not heard while its prompts play."""
    return isinstance(node, Menu | Say) and node.whole


def _entered(session: Session, goto: GoTo) -> Session:
    return Session(node=goto.menu, tags={**session.tags, **goto.tags}, entered=session.entered + 1)


def _choice(branch: Branch, session: Session, scene: Scene) -> Onward:
    tags = {**scene.tags, **session.tags}
    for case in branch.cases:
        if is_open(case.when, scene.utc_us) if isinstance(case.when, Hours) else holds(case.when, tags):
            return case.then
    return branch.otherwise


def _outcome(session: Session, onward: RouteOn | TransferTo | HangUp, because: LeftBecause) -> Routed | Left:
    match onward:
        case RouteOn(tags=tags):
            return Routed(tags={**session.tags, **tags})
        case TransferTo(line=line, tags=tags):
            return Routed(tags={**session.tags, **tags}, line=line)
        case HangUp(prompt=prompt):
            return Left(reason=because, prompt=prompt)
        case unknown:
            assert_never(unknown)


def _leave(session: Session, outcome: Routed | Left, *, hush: bool) -> Turn:
    left = replace(session, digits="", answer=None, playing=False, over=True)
    return Turn(session=left, hush=hush, outcome=outcome)
