"""PURE. Transitions of a call in a hold queue: what the caller hears there, and when routing is asked again.

A caller is told its place on entering and then every so often; in between music plays, or ringback. Each time that routing is asked, its
ruling has the place. Whoever leaves the queue, for a line or otherwise, hears what comes next in place of that.
"""

from msgspec.structs import replace

from ivr.step import prompts_of
from routing.ruling import Wait
from switch.call.command import Command, Play, PlayMusic, PlayRingback
from switch.call.event import Ruled
from switch.call.hold_terms import POSITION
from switch.call.moment import Moment
from switch.call.state import CALLER, Call, Holding, Routing
from switch.call.steps import Step, answer_caller


def hold(call: Call, choice: Wait, event: Ruled) -> Step:
    """The caller waits. What plays in this queue goes on, unless it is time to tell the place."""
    held = call.phase.held if isinstance(call.phase, Routing) else None
    call, answer = answer_caller(call, event.at)
    call = replace(call, history=replace(call.history, held=call.history.held or event.at))
    again = event.at.plus_ms(choice.again_ms)
    if held is None or held.terms != event.hold:
        phase = Holding(because=choice.because, again=again, terms=event.hold)
        return _announce(call, phase, choice.position, otherwise=_sound(phase)).after(answer)
    phase = replace(held, because=choice.because, again=again)
    if phase.tell is None or event.at < phase.tell:
        return Step(replace(call, phase=phase), answer)
    return _announce(call, phase, choice.position, otherwise=()).after(answer)


def on_prompt_ended(call: Call, phase: Holding, at: Moment) -> Step:
    """A part of the announcement has ended: the next one, or music."""
    if phase.queue:
        return _play(call, phase, phase.queue)
    phase = replace(phase, play=None, tell=at.plus_ms(phase.terms.every_ms))
    return Step(replace(call, phase=phase), _sound(phase))


def _announce(call: Call, phase: Holding, position: int, *, otherwise: tuple[Command, ...]) -> Step:
    """Tells the caller its place. `otherwise`: what is done where there is nothing to be said."""
    said = prompts_of(phase.terms.announce, {POSITION: position})
    return _play(call, phase, said) if said else Step(replace(call, phase=replace(phase, tell=None)), otherwise)


def _play(call: Call, phase: Holding, prompts: tuple[str, ...]) -> Step:
    play = call.plays + 1
    phase = replace(phase, play=play, queue=prompts[1:], tell=None)
    return Step(replace(call, phase=phase, plays=play), (Play(leg=CALLER, play=play, prompt=prompts[0]),))


def _sound(phase: Holding) -> tuple[Command, ...]:
    return (PlayRingback(),) if phase.terms.music is None else (PlayMusic(prompt=phase.terms.music),)
