"""Knows how a call moves on: `advance(call, event) -> Step`, pure and total.

Every event has a row for every phase it can come in. Late but legal ones (a 200 that crossed our CANCEL, an end that crossed our
hang-up, a prompt's end after the digit) change only what they must. The rows of menus, of ringing and of talk are in `menu_visit`,
`hunting` and `talk`; how a call is let go of is in `release`. Does not know SIP, audio or money.
"""

from collections.abc import Callable
from typing import Any, assert_never

from msgspec.structs import replace

import ivr.step as menu
from routing.ruling import Announce, Dial, EnterMenu, NotRouted, Wait
from switch.call import hunting, menu_visit, talk
from switch.call.asking import announce, answered, ask, retold
from switch.call.cause import Cause
from switch.call.command import PlayRingback
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
from switch.call.phase import (
    Announcing,
    Bridged,
    Call,
    Holding,
    Hunting,
    InMenu,
    Over,
    Releasing,
    Routing,
    Securing,
    Whispering,
)
from switch.call.record import EndedBy
from switch.call.release import CAUSE_OF, Step, finish, let_go
from switch.call.story import Story


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
        tags=event.tags,
    )
    call = Call(story=story, phase=Routing(), legs=(LegState.INVITED,), expires=event.at.plus_ms(event.max_call_ms))
    if event.objection is not None:
        return let_go(call, event.at, by=EndedBy.SWITCH, cause=event.objection)
    return ask(call, event.at)


def advance(call: Call, event: Event) -> Step:
    """The call after `event`, and what is to be done. A call that is over stays so. Raises Impossible, changing nothing."""
    if isinstance(call.phase, Over):
        return Step(call)
    return _ROWS[type(event)](call, event)


# routing


def _ruled(call: Call, event: Ruled) -> Step:
    if not isinstance(call.phase, Routing):
        raise Impossible(f"a ruling in {type(call.phase).__name__}")
    ruling = event.ruling
    story = replace(call.story, publisher=ruling.publisher, campaign=ruling.campaign)
    call = replace(call, story=story, trail=call.trail + ruling.trail, known=ruling.tags or call.known)
    match ruling.choice:
        case EnterMenu(menu=name, tags=tags):
            if event.menu is None:
                raise Impossible(f"menu {name} without its plan")
            return menu_visit.enter(call, event.menu, tags=dict(tags), at=event.at)
        case Dial() as choice:
            return hunting.dial(call, choice, event)
        case Wait() as choice:
            return _hold(call, choice, event)
        case Announce(prompt=prompt, because=because):
            call, answer = answered(call, event.at)
            return announce(call, prompt, cause=CAUSE_OF[because], at=event.at).after(answer)
        case NotRouted(because=because):
            return let_go(call, event.at, by=EndedBy.SWITCH, cause=CAUSE_OF[because])
        case choice:
            assert_never(choice)


def _hold(call: Call, choice: Wait, event: Ruled) -> Step:
    """The caller waits, and hears it ring."""
    first = call.story.held is None
    call, answer = answered(call, event.at)
    story = replace(call.story, held=call.story.held or event.at)
    phase = Holding(because=choice.because, deadline=event.at.plus_ms(choice.again_ms))
    sound = (PlayRingback(),) if first else ()
    return Step(replace(call, story=story, phase=phase), (*answer, *sound))


# what is heard


def _digit(call: Call, event: DigitHeard) -> Step:
    match call.phase:
        case InMenu() as phase if event.leg == CALLER:
            call = replace(call, story=replace(call.story, digits=call.story.digits + event.digit))
            return menu_visit.heard(call, phase, menu.Digit(digit=event.digit), event.at)
        case Whispering() as phase:
            return hunting.key_pressed(call, phase, event)
        case _:  # pressed outside a menu: the two talk, or it came late
            return Step(call)


def _prompt_ended(call: Call, event: PromptEnded) -> Step:
    match call.phase:
        case InMenu(play=play) as phase if play == event.play:
            return menu_visit.prompt_ended(call, phase, event.at)
        case Announcing(play=play, cause=cause) if play == event.play:
            return let_go(call, event.at, by=EndedBy.SWITCH, cause=cause)
        case Whispering(play=play) as phase if play == event.play:
            return hunting.whispered(call, phase, event.at)
        case _:  # a newer prompt, a digit or a hang-up overtook it
            return Step(call)


# the legs


def _acknowledged(call: Call, event: CallerAcknowledged) -> Step:
    return Step(replace(call, story=replace(call.story, acknowledged=call.story.acknowledged or event.at)))


def _leg_ended(call: Call, event: LegEnded) -> Step:
    if call.legs[event.leg] is LegState.ENDED:  # told twice
        return Step(call)
    call = replace(call, legs=moved(call.legs, event.leg, LegMove.ENDS))
    if event.leg == CALLER:
        return _caller_ended(call, event)
    phase = call.phase
    if isinstance(phase, Whispering) and phase.leg == event.leg:  # he heard who calls, and went
        event = replace(event, cause=Cause.DECLINED)
    story = retold(call.story, event.leg, lambda tried: hunting.ended(tried, event))
    call = replace(call, story=story)
    match call.phase:
        case Hunting() as phase:
            if all(ring.leg != event.leg for ring in phase.rings):
                return Step(call)
            return hunting.left(call, phase, [event.leg], event.at)
        case Securing(leg=leg) | Whispering(leg=leg) if leg == event.leg:  # gone before a word was said: the next line
            return ask(call, event.at)
        case Bridged(leg=leg) as phase if leg == event.leg:
            return talk.line_ended(call, phase, event)
        case Releasing():
            return finish(call)
        case _:  # a line given up earlier has wound down
            return Step(call)


def _caller_ended(call: Call, event: LegEnded) -> Step:
    if isinstance(call.phase, Releasing):
        return finish(call)
    if call.story.sip_code is None:
        call = replace(call, story=replace(call.story, sip_code=event.sip_code))
    if event.by_peer and call.story.answered is not None:  # his BYE says that he has our 200, as his ACK would have
        call = replace(call, story=replace(call.story, acknowledged=call.story.acknowledged or event.at))
    return let_go(call, event.at, by=EndedBy.CALLER if event.by_peer else EndedBy.SWITCH, cause=event.cause)


# media, time, and the switch's own will


def _media_lost(call: Call, event: MediaLost) -> Step:
    match call.phase:
        case Releasing():
            return Step(call)
        case Bridged(leg=leg) if event.leg not in {CALLER, leg}:
            return Step(call)
        case Bridged(leg=leg):
            start = call.story.attempts[leg - 1].talk or event.at
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
            return menu_visit.heard(call, phase, menu.TimedOut(), event.at)
        case Announcing(cause=cause):
            return let_go(call, event.at, by=EndedBy.SWITCH, cause=cause)
        case Holding():
            return ask(call, event.at)
        case Hunting() as phase:
            return hunting.expired(call, phase, event.at)
        case Securing():
            return let_go(call, event.at, by=EndedBy.SWITCH, cause=Cause.LEDGER_UNAVAILABLE)
        case Whispering() as phase:
            return hunting.whisper_expired(call, phase, event.at)
        case Bridged() as phase:
            return talk.heartbeat(call, phase, event)
        case Releasing():
            return finish(replace(call, legs=(LegState.ENDED,) * len(call.legs)))
        case phase:
            raise Impossible(f"a deadline in {type(phase).__name__}")


def _invited_again(call: Call, event: InviteArrived) -> Step:
    raise Impossible(f"a second INVITE for {call.story.call_id} at {event.at.mono_ns}")


_ROWS: dict[type[Any], Callable[[Call, Any], Step]] = {
    InviteArrived: _invited_again,
    Ruled: _ruled,
    LegRang: hunting.rang,
    LegAnswered: hunting.answered,
    AnswerSecured: hunting.secured,
    CallerAcknowledged: _acknowledged,
    LegEnded: _leg_ended,
    DigitHeard: _digit,
    PromptEnded: _prompt_ended,
    MediaLost: _media_lost,
    MediaFailed: _media_failed,
    DeadlinePassed: _deadline,
    Stopped: _stopped,
}
