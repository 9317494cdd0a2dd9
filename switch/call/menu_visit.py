"""Knows how a call is in a menu: prompts one after the other, digits, silence, the ways out. Does not know what a menu asks: `ivr`."""

from typing import assert_never

from msgspec.structs import replace

import ivr.step as menu
from ivr.menu import MenuPlan
from routing.expression import Scalar
from switch.call.asking import announce, answered, ask
from switch.call.cause import Cause
from switch.call.command import Command, Hush, Play
from switch.call.leg import CALLER
from switch.call.moment import Moment
from switch.call.phase import Call, InMenu
from switch.call.record import EndedBy
from switch.call.release import Step, let_go
from switch.call.story import MenuVisit


def enter(call: Call, plan: MenuPlan, *, tags: dict[str, Scalar], at: Moment) -> Step:
    """The caller, answered now, hears the first prompt."""
    call, answer = answered(call, at)
    call = replace(call, story=replace(call.story, menus=(*call.story.menus, MenuVisit(entered=at))))
    turn = menu.start(plan, menu.Scene(utc_us=at.utc_us, tags=tags))
    phase = InMenu(plan=plan, session=turn.session, tags=tags, play=None, queue=(), deadline=None)
    return _turned(call, phase, turn, at).after(answer)


def heard(call: Call, phase: InMenu, what: menu.Heard, at: Moment) -> Step:
    """A digit, the end of the last prompt, or silence for too long."""
    scene = menu.Scene(utc_us=at.utc_us, tags=phase.tags)
    return _turned(call, phase, menu.step(phase.plan, phase.session, what, scene), at)


def prompt_ended(call: Call, phase: InMenu, at: Moment) -> Step:
    """The prompt that plays has ended: the next one, or the menu's turn."""
    if phase.queue:
        return _say(call, phase, phase.queue)
    return heard(call, replace(phase, play=None), menu.PromptEnded(), at)


def _turned(call: Call, phase: InMenu, turn: menu.Turn, at: Moment) -> Step:
    """`turn` carried out: the next prompt, the next silence, or the way out of the menu."""
    hush: tuple[Command, ...] = (Hush(leg=CALLER),) if turn.hush else ()
    match turn.outcome:
        case menu.Routed(tags=tags, line=line):
            call = _left(call, at, qualified=True)
            story = replace(call.story, tags={**call.story.tags, **tags}, wanted=line)
            return ask(replace(call, story=story), at).after(hush)
        case menu.Left(reason=reason, prompt=prompt):
            call = _left(call, at, qualified=False)
            cause = Cause.MENU_ENDED if reason is menu.LeftBecause.HANGUP else Cause.MENU_FAILED
            if prompt is not None:
                return announce(call, prompt, cause=cause, at=at).after(hush)
            return let_go(call, at, by=EndedBy.SWITCH, cause=cause).after(hush)
        case None:
            deadline = phase.deadline if turn.wait_ms is None else at.plus_ms(turn.wait_ms)
            play = None if turn.hush else phase.play
            phase = replace(phase, session=turn.session, play=play, deadline=deadline)
            return _say(replace(call, phase=phase), phase, turn.say).after(hush)
        case outcome:
            assert_never(outcome)


def _say(call: Call, phase: InMenu, prompts: tuple[str, ...]) -> Step:
    """The first of `prompts` plays, the rest are queued; none: nothing changes."""
    if not prompts:
        return Step(call)
    play = call.plays + 1
    phase = replace(phase, play=play, queue=prompts[1:], deadline=None)
    return Step(replace(call, phase=phase, plays=play), (Play(leg=CALLER, play=play, prompt=prompts[0]),))


def _left(call: Call, at: Moment, *, qualified: bool) -> Call:
    *earlier, visit = call.story.menus
    return replace(call, story=replace(call.story, menus=(*earlier, replace(visit, left=at, qualified=qualified))))
