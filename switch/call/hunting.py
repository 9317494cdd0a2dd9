"""Knows how lines are rung: dialled alone or together, given up, answered, secured, asked to accept. Ends where two people talk.

The first line to answer gets the call, the others are cancelled. Its answer is made durable; then the advertiser hears who calls and
may have to press a key, while the caller still hears ringing. Who declines is followed by the next line.
"""

from msgspec.structs import replace

from routing.ruling import Attempt, Dial
from switch.call import command as do
from switch.call.asking import ask, retold
from switch.call.cause import Cause
from switch.call.event import AnswerSecured, DigitHeard, LegAnswered, LegEnded, LegRang, Ruled
from switch.call.leg import CALLER, LegMove, LegState, moved
from switch.call.moment import Moment
from switch.call.phase import Call, Hunting, Offer, Ringing, Securing, Whispering
from switch.call.release import NO_ANSWER_LEG, Step
from switch.call.story import Tried
from switch.call.talk import bridge

SECURE_MS = 5_000
WHISPER_MS = 30_000
"""A whisper that goes on for longer than this is cut: the caller waits."""


def dial(call: Call, choice: Dial, event: Ruled) -> Step:
    """Every line of the ruling rings; the caller hears it ring."""
    commands: list[do.Command] = []
    if call.story.answered is not None:
        commands.append(do.PlayRingback())
    elif call.legs[CALLER] is LegState.INVITED:
        call = replace(call, legs=moved(call.legs, CALLER, LegMove.RINGS))
        commands.append(do.Ring())
    rings: list[Ringing] = []
    for attempt, marks_ms in zip(choice.attempts, event.marks_ms, strict=True):
        leg = len(call.legs)
        story = replace(call.story, attempts=(*call.story.attempts, _tried(leg, attempt, event.at)))
        call = replace(call, story=story, legs=(*call.legs, LegState.INVITED))
        offer = Offer(accept=attempt.accept, marks_ms=marks_ms, total_marks_ms=event.total_marks_ms, recover_ms=attempt.recover_ms)
        rings.append(_ringing(leg, attempt, offer=offer, at=event.at))
        commands.append(do.Dial(leg=leg, attempt=attempt))
    return Step(replace(call, phase=Hunting(rings=tuple(rings))), tuple(commands))


def rang(call: Call, event: LegRang) -> Step:
    """An 18x of a line."""
    if call.legs[event.leg] is not LegState.INVITED:  # it rang already, or more has happened since
        return Step(call)
    story = retold(call.story, event.leg, lambda t: replace(t, rang=t.rang or event.at))
    call = replace(call, story=story, legs=moved(call.legs, event.leg, LegMove.RINGS))
    match call.phase:
        case Hunting(rings=rings):
            heard = tuple(replace(ring, silence=None) if ring.leg == event.leg else ring for ring in rings)
            return Step(replace(call, phase=Hunting(rings=heard)))
        case _:  # the leg was given up in the meantime
            return Step(call)


def answered(call: Call, event: LegAnswered) -> Step:
    """A line's 200. The first one wins."""
    before = call.legs[event.leg]
    call = replace(call, legs=moved(call.legs, event.leg, LegMove.ANSWERS))
    won = _ring_of(call, event.leg)
    if won is not None:
        story = retold(call.story, event.leg, lambda t: replace(t, answered=event.at, sip_code=200))
        call, cancels = _cancelled(replace(call, story=story), but=event.leg)
        securing = Securing(leg=event.leg, offer=won.offer, deadline=event.at.plus_ms(SECURE_MS))
        return Step(replace(call, phase=securing), (*cancels, do.Secure(leg=event.leg)))
    if before is LegState.LEAVING:  # the 200 crossed our CANCEL: end it again, with a BYE (RFC 3261 §9.1, §15)
        return Step(call, (do.HangUp(leg=event.leg, cause=NO_ANSWER_LEG),))
    return Step(call)  # told twice, or after its end


def secured(call: Call, event: AnswerSecured) -> Step:
    """The answer is on disk: the whisper, or talk."""
    match call.phase:
        case Securing(leg=leg, offer=Offer(accept=None) as offer) if leg == event.leg:
            return bridge(call, leg, offer, talk=call.story.attempts[leg - 1].answered or event.at, at=event.at)
        case Securing(leg=leg, offer=Offer(accept=accept) as offer) if leg == event.leg and accept is not None:
            play = call.plays + 1
            answered_at = call.story.attempts[leg - 1].answered or event.at
            deadline = event.at.plus_ms(WHISPER_MS) if accept.key is None else answered_at.plus_ms(accept.wait_ms)
            phase = Whispering(leg=leg, offer=offer, accept=accept, play=play, deadline=deadline)
            return Step(replace(call, phase=phase, plays=play), (do.Play(leg=leg, play=play, prompt=accept.prompt),))
        case _:  # one of the two hung up while it was written
            return Step(call)


def key_pressed(call: Call, phase: Whispering, event: DigitHeard) -> Step:
    """The advertiser pressed a key while he is told who calls."""
    if event.leg != phase.leg or phase.accept.key is None:
        return Step(call)
    if event.digit != phase.accept.key:
        return declined(call, phase, event.at)
    story = retold(call.story, phase.leg, lambda t: replace(t, accepted=event.at))
    return bridge(replace(call, story=story), phase.leg, phase.offer, talk=event.at, at=event.at)


def whispered(call: Call, phase: Whispering, at: Moment) -> Step:
    """The whisper has ended. Where a key is asked for, the wait goes on."""
    if phase.accept.key is not None:
        return Step(call)
    return bridge(call, phase.leg, phase.offer, talk=at, at=at)


def whisper_expired(call: Call, phase: Whispering, at: Moment) -> Step:
    return declined(call, phase, at) if phase.accept.key is not None else whispered(call, phase, at)


def declined(call: Call, phase: Whispering, at: Moment) -> Step:
    """He does not take the call: the next line."""
    story = retold(call.story, phase.leg, lambda t: replace(t, cause=Cause.DECLINED))
    call = replace(call, story=story, legs=moved(call.legs, phase.leg, LegMove.IS_TOLD_TO_END))
    return ask(call, at).after((do.HangUp(leg=phase.leg, cause=Cause.DECLINED),))


def expired(call: Call, phase: Hunting, at: Moment) -> Step:
    """Lines that rang for too long, or never rang, are given up; the next one when none is left."""
    late = [ring for ring in phase.rings if at.mono_ns >= ring.deadline.mono_ns]
    commands: list[do.Command] = []
    for ring in late:
        silent = ring.silence is not None and at.mono_ns >= ring.silence.mono_ns
        call, command = _given_up(call, ring.leg, cause=Cause.SILENT if silent else Cause.NO_ANSWER)
        commands.append(command)
    return left(call, phase, [ring.leg for ring in late], at).after(tuple(commands))


def left(call: Call, phase: Hunting, legs: list[int], at: Moment) -> Step:
    """These legs ring no more."""
    rings = tuple(ring for ring in phase.rings if ring.leg not in legs)
    return Step(replace(call, phase=Hunting(rings=rings))) if rings else ask(call, at)


def ended(tried: Tried, event: LegEnded) -> Tried:
    """The attempt after its leg's end."""
    return replace(
        tried,
        ended=event.at,
        cause=tried.cause or event.cause,
        sip_code=tried.sip_code or event.sip_code,
        q850=tried.q850 or event.q850,
    )


def _ring_of(call: Call, leg: int) -> Ringing | None:
    match call.phase:
        case Hunting(rings=rings):
            return next((ring for ring in rings if ring.leg == leg), None)
        case _:
            return None


def _cancelled(call: Call, *, but: int) -> tuple[Call, list[do.Command]]:
    """Every line that still rings is told to stop, since `but` answered."""
    commands: list[do.Command] = []
    if isinstance(call.phase, Hunting):
        for ring in call.phase.rings:
            if ring.leg != but:
                call, command = _given_up(call, ring.leg, cause=Cause.LOST_RACE)
                commands.append(command)
    return call, commands


def _given_up(call: Call, leg: int, *, cause: Cause) -> tuple[Call, do.Command]:
    story = retold(call.story, leg, lambda t: replace(t, cause=cause))
    return replace(call, story=story, legs=moved(call.legs, leg, LegMove.IS_TOLD_TO_END)), do.HangUp(leg=leg, cause=cause)


def _tried(leg: int, attempt: Attempt, at: Moment) -> Tried:
    return Tried(
        number=leg,
        line=attempt.line,
        advertiser=attempt.advertiser,
        campaign=attempt.campaign,
        timer_offset_ms=attempt.timer_offset_ms,
        invited=at,
        priority=attempt.priority,
        repeat=attempt.repeat,
        needs_key=attempt.accept is not None and attempt.accept.key is not None,
    )


def _ringing(leg: int, attempt: Attempt, *, offer: Offer, at: Moment) -> Ringing:
    return Ringing(
        leg=leg,
        silence=at.plus_ms(attempt.silence_ms),
        ring=at.plus_ms(attempt.ring_ms),
        offer=offer,
    )
