"""Knows the steps that many rows of the machine end in: ask routing, answer the caller, tell him something. Does not know events."""

from collections.abc import Callable

from msgspec.structs import replace

from switch.call.cause import Cause
from switch.call.command import Answer, AskRoute, Command, Play
from switch.call.leg import CALLER, LegMove, moved
from switch.call.moment import Moment, ms_between
from switch.call.phase import Announcing, Call, Routing
from switch.call.release import Step, overflow_of
from switch.call.story import Story, Tried

ANNOUNCEMENT_MS = 120_000


def ask(call: Call, at: Moment) -> Step:
    """Routing is asked, and rules in the same step."""
    story = call.story
    question = AskRoute(
        menu_done=any(visit.qualified for visit in story.menus),
        tried=tuple((tried.line, overflow_of(tried.cause)) for tried in story.attempts),
        held_ms=None if story.held is None else ms_between(story.held, at),
    )
    return Step(replace(call, phase=Routing()), (question,))


def answered(call: Call, at: Moment) -> tuple[Call, tuple[Command, ...]]:
    """The caller answered, where that is still to be done."""
    if call.story.answered is not None:
        return call, ()
    story = replace(call.story, answered=at, sip_code=200)
    return replace(call, story=story, legs=moved(call.legs, CALLER, LegMove.ANSWERS)), (Answer(),)


def announce(call: Call, prompt: str, *, cause: Cause, at: Moment) -> Step:
    """The caller, who is answered already, hears why nobody takes the call."""
    play = call.plays + 1
    phase = Announcing(play=play, cause=cause, deadline=at.plus_ms(ANNOUNCEMENT_MS))
    return Step(replace(call, phase=phase, plays=play), (Play(leg=CALLER, play=play, prompt=prompt),))


def retold(story: Story, leg: int, change: Callable[[Tried], Tried]) -> Story:
    """`story` with the attempt on leg number `leg` changed."""
    attempts = story.attempts
    return replace(story, attempts=(*attempts[: leg - 1], change(attempts[leg - 1]), *attempts[leg:]))
