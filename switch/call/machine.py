"""Knows how a call moves on: `advance(call, event) -> Step`, pure and total.

Every event has a row for every phase it can come in. Late but legal ones (a 200 that crossed our CANCEL, an end that crossed our
hang-up, a prompt's end after the digit) change only what they must. How a call is let go of is in `release`; does not know SIP, audio
or money.
"""

from collections.abc import Callable
from typing import Any, assert_never

from msgspec.structs import replace

import ivr.step as menu
from routing.ruling import Announce, Attempt, EnterMenu, NotRouted
from switch.call.cause import Cause
from switch.call.command import Answer, AskRoute, Bridge, Command, Dial, HangUp, Hush, Play, PlayRingback, Ring, Secure
from switch.call.event import (
    AnswerSecured,
    CallerAcknowledged,
    DeadlinePassed,
    DigitHeard,
    Event,
    InviteArrived,
    LegAnswered,
    LegEnded,
    LegRang,
    MediaFailed,
    MediaLost,
    PromptEnded,
    Ruled,
    Stopped,
)
from switch.call.leg import CALLER, LegMove, LegState, moved
from switch.call.moment import Moment
from switch.call.phase import Announcing, Bridged, Call, Hunting, InMenu, Over, Releasing, Routing, Securing
from switch.call.record import EndedBy
from switch.call.release import CAUSE_OF, NO_ANSWER_LEG, Step, finish, let_go, overflow_of
from switch.call.story import MenuVisit, Story, Tried

HEARTBEAT_MS = 5_000
ANNOUNCEMENT_MS = 120_000
SECURE_MS = 5_000


class Impossible(Exception):
    """An event that no order of happenings explains. The engine ends that one call with a record."""


def begin(event: InviteArrived) -> Step:
    """A new call: routing is asked, unless there is an objection to it."""
    story = Story(
        call_id=event.call_id,
        did=event.did,
        ani=event.ani,
        trunk=event.trunk,
        seed=event.seed,
        version=event.version,
        invited=event.at,
    )
    call = Call(story=story, phase=Routing(), legs=(LegState.INVITED,), expires=event.at.plus_ms(event.max_call_ms))
    if event.objection is not None:
        return let_go(call, event.at, by=EndedBy.SWITCH, cause=event.objection)
    return _ask(call)


def advance(call: Call, event: Event) -> Step:
    """The call after `event`, and what is to be done. A call that is over stays so. Raises Impossible, changing nothing."""
    if isinstance(call.phase, Over):
        return Step(call)
    return _ROWS[type(event)](call, event)


# routing


def _ask(call: Call) -> Step:
    tried = tuple((t.line, overflow_of(t.cause)) for t in call.story.attempts)
    ask = AskRoute(tags=call.story.tags, menu_done=bool(call.story.menus), tried=tried)
    return Step(replace(call, phase=Routing()), (ask,))


def _ruled(call: Call, event: Ruled) -> Step:
    if not isinstance(call.phase, Routing):
        raise Impossible(f"a ruling in {type(call.phase).__name__}")
    ruling = event.ruling
    story = replace(call.story, publisher=ruling.publisher, campaign=ruling.campaign)
    call = replace(call, story=story, trail=call.trail + ruling.trail)
    match ruling.choice:
        case EnterMenu(plan=plan):
            call, answer = _answered(call, event.at)
            call = replace(call, story=replace(call.story, menus=(*call.story.menus, MenuVisit(entered=event.at))))
            turn = menu.start(plan)
            return _turned(call, InMenu(plan=plan, session=turn.session, play=None, queue=(), deadline=None), turn, event.at).after(
                answer
            )
        case Attempt() as attempt:
            return _dial(call, attempt, event)
        case Announce(prompt=prompt, because=because):
            call, answer = _answered(call, event.at)
            return _announce(call, prompt, cause=CAUSE_OF[because], at=event.at).after(answer)
        case NotRouted(because=because):
            return let_go(call, event.at, by=EndedBy.SWITCH, cause=CAUSE_OF[because])
        case choice:
            assert_never(choice)


def _answered(call: Call, at: Moment) -> tuple[Call, tuple[Command, ...]]:
    """The caller answered, where that is still to be done."""
    if call.story.answered is not None:
        return call, ()
    story = replace(call.story, answered=at, sip_code=200)
    return replace(call, story=story, legs=moved(call.legs, CALLER, LegMove.ANSWERS)), (Answer(),)


def _dial(call: Call, attempt: Attempt, event: Ruled) -> Step:
    leg = len(call.legs)
    tried = Tried(
        number=leg,
        line=attempt.line,
        advertiser=attempt.advertiser,
        campaign=attempt.campaign,
        timer_offset_ms=attempt.timer_offset_ms,
        invited=event.at,
    )
    hunting = Hunting(
        leg=leg,
        silence=event.at.plus_ms(attempt.silence_ms),
        ring=event.at.plus_ms(attempt.ring_ms),
        mark_ms=event.mark_ms,
    )
    sound: tuple[Command, ...] = ()
    legs = (*call.legs, LegState.INVITED)
    if call.story.answered is not None:
        sound = (PlayRingback(),)
    elif legs[CALLER] is LegState.INVITED:
        legs, sound = moved(legs, CALLER, LegMove.RINGS), (Ring(),)
    story = replace(call.story, attempts=(*call.story.attempts, tried))
    return Step(replace(call, story=story, phase=hunting, legs=legs), (*sound, Dial(leg=leg, attempt=attempt)))


def _announce(call: Call, prompt: str, *, cause: Cause, at: Moment) -> Step:
    play = call.plays + 1
    phase = Announcing(play=play, cause=cause, deadline=at.plus_ms(ANNOUNCEMENT_MS))
    return Step(replace(call, phase=phase, plays=play), (Play(play=play, prompt=prompt),))


# the menu


def _turned(call: Call, phase: InMenu, turn: menu.Turn, at: Moment) -> Step:
    """`turn` carried out: the next prompt, the next silence, or the way out of the menu."""
    hush: tuple[Command, ...] = (Hush(),) if turn.hush else ()
    match turn.outcome:
        case menu.Routed(tags=tags):
            call = _menu_left(call, at)
            return _ask(replace(call, story=replace(call.story, tags={**call.story.tags, **tags}))).after(hush)
        case menu.Left(reason=reason, prompt=prompt):
            call = _menu_left(call, at)
            cause = Cause.MENU_ENDED if reason is menu.LeftBecause.HANGUP else Cause.MENU_FAILED
            if prompt is not None:
                return _announce(call, prompt, cause=cause, at=at).after(hush)
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
    return Step(replace(call, phase=phase, plays=play), (Play(play=play, prompt=prompts[0]),))


def _menu_left(call: Call, at: Moment) -> Call:
    *earlier, visit = call.story.menus
    return replace(call, story=replace(call.story, menus=(*earlier, replace(visit, left=at))))


def _digit(call: Call, event: DigitHeard) -> Step:
    match call.phase:
        case InMenu() as phase:
            call = replace(call, story=replace(call.story, digits=call.story.digits + event.digit))
            return _turned(call, phase, menu.step(phase.plan, phase.session, menu.Digit(digit=event.digit)), event.at)
        case _:  # pressed outside a menu: the two talk, or it came late
            return Step(call)


def _prompt_ended(call: Call, event: PromptEnded) -> Step:
    match call.phase:
        case InMenu(play=play, queue=queue) as phase if play == event.play:
            if queue:
                return _say(call, phase, queue)
            phase = replace(phase, play=None)
            return _turned(call, phase, menu.step(phase.plan, phase.session, menu.PromptEnded()), event.at)
        case Announcing(play=play, cause=cause) if play == event.play:
            return let_go(call, event.at, by=EndedBy.SWITCH, cause=cause)
        case _:  # a newer prompt, a digit or a hang-up overtook it
            return Step(call)


# the legs


def _rang(call: Call, event: LegRang) -> Step:
    if call.legs[event.leg] is not LegState.INVITED:  # it rang already, or more has happened since
        return Step(call)
    story = _tried(call.story, event.leg, lambda t: replace(t, rang=t.rang or event.at))
    call = replace(call, story=story, legs=moved(call.legs, event.leg, LegMove.RINGS))
    match call.phase:
        case Hunting(leg=leg) as phase if leg == event.leg:
            return Step(replace(call, phase=replace(phase, silence=None)))
        case _:  # the leg was given up in the meantime
            return Step(call)


def _line_answered(call: Call, event: LegAnswered) -> Step:
    before = call.legs[event.leg]
    call = replace(call, legs=moved(call.legs, event.leg, LegMove.ANSWERS))
    match call.phase:
        case Hunting(leg=leg) as phase if leg == event.leg:
            story = _tried(call.story, leg, lambda t: replace(t, answered=event.at, sip_code=200))
            offset = story.attempts[leg - 1].timer_offset_ms
            mark = None if phase.mark_ms is None else event.at.plus_ms(phase.mark_ms + offset)
            securing = Securing(leg=leg, mark=mark, deadline=event.at.plus_ms(SECURE_MS))
            return Step(replace(call, story=story, phase=securing), (Secure(leg=leg),))
        case _ if before is LegState.LEAVING:  # the 200 crossed our CANCEL: end it again, with a BYE (RFC 3261 §9.1, §15)
            return Step(call, (HangUp(leg=event.leg, cause=NO_ANSWER_LEG),))
        case _:  # told twice, or after its end
            return Step(call)


def _secured(call: Call, event: AnswerSecured) -> Step:
    match call.phase:
        case Securing(leg=leg, mark=mark) if leg == event.leg:
            story = _tried(call.story, leg, lambda t: replace(t, bridged=event.at))
            start = story.attempts[leg - 1].answered or event.at
            bridged = Bridged(leg=leg, mark=mark, beat=start.plus_ms(HEARTBEAT_MS))
            call, answer = _answered(replace(call, story=story, phase=bridged), event.at)
            return Step(call, (*answer, Bridge(leg=leg)))
        case _:  # one of the two hung up while it was written
            return Step(call)


def _acknowledged(call: Call, event: CallerAcknowledged) -> Step:
    return Step(replace(call, story=replace(call.story, acknowledged=call.story.acknowledged or event.at)))


def _leg_ended(call: Call, event: LegEnded) -> Step:
    if call.legs[event.leg] is LegState.ENDED:  # told twice
        return Step(call)
    call = replace(call, legs=moved(call.legs, event.leg, LegMove.ENDS))
    if event.leg == CALLER:
        return _caller_ended(call, event)
    story = _tried(call.story, event.leg, lambda t: _ended(t, event))
    call = replace(call, story=story)
    match call.phase:
        case Hunting(leg=leg) if leg == event.leg:
            return _ask(call)
        case Securing(leg=leg) | Bridged(leg=leg) if leg == event.leg:
            return let_go(call, event.at, by=EndedBy.LINE if event.by_peer else EndedBy.SWITCH, cause=event.cause)
        case Releasing():
            return finish(call)
        case _:  # a line given up earlier has wound down
            return Step(call)


def _ended(tried: Tried, event: LegEnded) -> Tried:
    return replace(
        tried,
        ended=event.at,
        cause=tried.cause or event.cause,
        sip_code=tried.sip_code or event.sip_code,
        q850=tried.q850 or event.q850,
    )


def _caller_ended(call: Call, event: LegEnded) -> Step:
    if isinstance(call.phase, Releasing):
        return finish(call)
    if call.story.sip_code is None:
        call = replace(call, story=replace(call.story, sip_code=event.sip_code))
    if event.by_peer and call.story.answered is not None:  # his BYE says that he has our 200, as his ACK would have
        call = replace(call, story=replace(call.story, acknowledged=call.story.acknowledged or event.at))
    return let_go(call, event.at, by=EndedBy.CALLER if event.by_peer else EndedBy.SWITCH, cause=event.cause)


def _tried(story: Story, leg: int, change: Callable[[Tried], Tried]) -> Story:
    """`story` with the attempt on leg number `leg` changed."""
    attempts = story.attempts
    return replace(story, attempts=(*attempts[: leg - 1], change(attempts[leg - 1]), *attempts[leg:]))


# media, time, and the switch's own will


def _media_lost(call: Call, event: MediaLost) -> Step:
    match call.phase:
        case Releasing():
            return Step(call)
        case Bridged(leg=leg) if event.leg not in {CALLER, leg}:
            return Step(call)
        case Bridged(leg=leg):
            start = call.story.attempts[leg - 1].answered or event.at
            heard = start if event.last is None else max(start, event.last)
            return let_go(call, event.at, by=EndedBy.MEDIA_TIMEOUT, cause=Cause.MEDIA_TIMEOUT, ended=heard)
        case _ if event.leg != CALLER:
            return Step(call)
        case _:  # nobody talks: what plays to the caller played until now
            return let_go(call, event.at, by=EndedBy.MEDIA_TIMEOUT, cause=Cause.MEDIA_TIMEOUT)


def _media_failed(call: Call, event: MediaFailed) -> Step:
    if isinstance(call.phase, Releasing):
        return Step(call)
    return let_go(call, event.at, by=EndedBy.SWITCH, cause=Cause.MEDIA_FAILED)


def _stopped(call: Call, event: Stopped) -> Step:
    if isinstance(call.phase, Releasing):
        return Step(call)
    return let_go(call, event.at, by=EndedBy.SWITCH, cause=event.cause)


def _deadline(call: Call, event: DeadlinePassed) -> Step:
    deadline = call.deadline
    if deadline is None or event.at.mono_ns < deadline.mono_ns:  # it has moved since
        return Step(call)
    if event.at.mono_ns >= call.expires.mono_ns and not isinstance(call.phase, Releasing):
        return let_go(call, event.at, by=EndedBy.SWITCH, cause=Cause.MAX_CALL)
    match call.phase:
        case InMenu() as phase:
            return _turned(call, phase, menu.step(phase.plan, phase.session, menu.TimedOut()), event.at)
        case Announcing(cause=cause):
            return let_go(call, event.at, by=EndedBy.SWITCH, cause=cause)
        case Hunting() as phase:
            return _give_up(call, phase, event.at)
        case Securing():
            return let_go(call, event.at, by=EndedBy.SWITCH, cause=Cause.LEDGER_UNAVAILABLE)
        case Bridged() as phase:
            return _heartbeat(call, phase, event)
        case Releasing():
            return finish(replace(call, legs=(LegState.ENDED,) * len(call.legs)))
        case phase:
            raise Impossible(f"a deadline in {type(phase).__name__}")


def _give_up(call: Call, phase: Hunting, at: Moment) -> Step:
    """The line rang for too long, or never rang: the next one."""
    silent = phase.silence is not None and at.mono_ns >= phase.silence.mono_ns
    cause = Cause.SILENT if silent else Cause.NO_ANSWER
    story = _tried(call.story, phase.leg, lambda t: replace(t, cause=cause))
    call = replace(call, story=story, legs=moved(call.legs, phase.leg, LegMove.IS_TOLD_TO_END))
    return _ask(call).after((HangUp(leg=phase.leg, cause=cause),))


def _heartbeat(call: Call, phase: Bridged, event: DeadlinePassed) -> Step:
    """The bridge still stands. The journal keeps the moment, and so keeps what it is worth should we die now.

    A side that has fallen silent may be dead already: then talk is known up to its last packet only, as the media rule has it.
    """
    at = event.at
    start = call.story.attempts[phase.leg - 1].bridged or at
    known = at if event.silent_since is None else min(at, max(start, event.silent_since))
    mark = None if phase.mark is not None and at.mono_ns >= phase.mark.mono_ns else phase.mark
    beat = phase.beat if at.mono_ns < phase.beat.mono_ns else at.plus_ms(HEARTBEAT_MS)
    return Step(replace(call, story=replace(call.story, heartbeat=known), phase=replace(phase, mark=mark, beat=beat)))


def _invited_again(call: Call, event: InviteArrived) -> Step:
    raise Impossible(f"a second INVITE for {call.story.call_id} at {event.at.mono_ns}")


_ROWS: dict[type[Any], Callable[[Call, Any], Step]] = {
    InviteArrived: _invited_again,
    Ruled: _ruled,
    LegRang: _rang,
    LegAnswered: _line_answered,
    AnswerSecured: _secured,
    CallerAcknowledged: _acknowledged,
    LegEnded: _leg_ended,
    DigitHeard: _digit,
    PromptEnded: _prompt_ended,
    MediaLost: _media_lost,
    MediaFailed: _media_failed,
    DeadlinePassed: _deadline,
    Stopped: _stopped,
}
