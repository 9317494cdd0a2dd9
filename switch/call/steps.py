"""PURE. The steps that many transitions share: ask routing, answer the caller, play an announcement, release the call.

`switch.call.machine` decides when they are taken.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from routing.ruling import RejectReason
from routing.table import NoRoute
from switch.call.cause import CALLER_LEFT, TREATMENT, Cause
from switch.call.command import Answer, AskRoute, Command, Finish, HangUp, Play, Refuse, ReleaseCallCaps, StopPlay, Unbridge
from switch.call.moment import Moment, ms_between
from switch.call.record import EndedBy, FinalState
from switch.call.state import (
    CALLER,
    Announcing,
    AttemptState,
    Bridged,
    Call,
    CallHistory,
    Ended,
    Greeting,
    Holding,
    Hunting,
    InMenu,
    LegMove,
    Legs,
    LegState,
    Phase,
    Releasing,
    Routing,
    TakingMessage,
    Transferring,
    Whispering,
    all_ended,
    move_leg,
)

RELEASE_MS = 5_000
"""How long the record waits for legs to end. A leg whose far end does not answer takes 64*T1, or twice that (RFC 3261 §9.1, §17);
the record can't change any more, so it does not wait for that. The leg's caps and port do."""

LATE_ANSWER_CAUSE = Cause.NO_ANSWER
"""The cause sent to a line that answered after it was hung up."""

CAUSE_OF_REASON: dict[NoRoute | RejectReason, Cause] = {
    NoRoute.NO_MATCH: Cause.NO_MATCH,
    NoRoute.CLOSED: Cause.CLOSED,
    NoRoute.CAPPED: Cause.CAPPED,
    NoRoute.NO_ANSWER: Cause.NO_ANSWER,
    NoRoute.BUSY: Cause.BUSY,
    NoRoute.FAILED: Cause.LINE_FAILED,
    NoRoute.QUEUE_FULL: Cause.QUEUE_FULL,
    NoRoute.WAITED_TOO_LONG: Cause.WAITED_TOO_LONG,
    RejectReason.UNKNOWN_NUMBER: Cause.UNKNOWN_NUMBER,
    RejectReason.NUMBER_NOT_IN_SERVICE: Cause.NUMBER_NOT_IN_SERVICE,
    RejectReason.PUBLISHER_PAUSED: Cause.PUBLISHER_PAUSED,
    RejectReason.REPEAT: Cause.REPEAT,
}


class Step(msgspec.Struct, frozen=True):
    """The call after a transition, and the commands to carry out, in order."""

    call: Call
    commands: tuple[Command, ...] = ()

    def after(self, earlier: tuple[Command, ...]) -> "Step":
        """Returns the same step with `earlier` carried out first."""
        return Step(self.call, earlier + self.commands)


def overflow_reason(cause: Cause | None) -> NoRoute:
    """Returns why a line that was tried did not take the call, as the key of overflow."""
    return NoRoute.FAILED if cause is None else TREATMENT[cause].overflow or NoRoute.FAILED


def why_ended(call: Call, leg: int, *, by_peer: bool, cause: Cause) -> Cause:
    """Returns why a leg has ended. `cause`: from SIP, valid where the far end ended it; where we did, our own reason is returned."""
    if by_peer:
        return cause
    hung_up = None if leg == CALLER else call.history.attempts[leg - 1].cause
    return hung_up or call.history.cause or cause


def release(call: Call, at: Moment, *, by: EndedBy, cause: Cause, talk_ended: Moment | None = None) -> Step:
    """Ends the call on all legs at `at`, when its BYE goes out. `talk_ended`: when talk ended, where that is earlier (the last packet
    that somebody could hear): the carrier bills until the BYE, the advertiser does not (`docs/billing.md` §3, media rule). A line that
    left a transfer behind which nobody took has ended talk by its own BYE."""
    talk_ended, talk_by = talk_ended or talk_end(call.phase, at), by
    if isinstance(call.phase, Transferring):
        left = call.phase.left
        talk_ended, talk_by = talk_end(call.phase.talk, left.at), EndedBy.LINE if left.by_peer else EndedBy.SWITCH
    legs, hang_ups, sip_code = _end_legs(call.legs, cause=cause)
    history = replace(
        call.history,
        ended=at,
        ended_by=by,
        cause=cause,
        final_state=_final_state(call, cause=cause),
        sip_code=call.history.sip_code or sip_code,
        menus=tuple(replace(visit, left=visit.left or at) for visit in call.history.menus),
        attempts=tuple(_close_attempt(tried, talk_ended, by=talk_by, cause=cause) for tried in call.history.attempts),
    )
    releasing = Releasing(deadline=at.plus_ms(RELEASE_MS))
    return end_if_released(replace(call, history=history, legs=legs, phase=releasing)).after(_stop_sound(call) + hang_ups)


def talk_end(phase: Phase, at: Moment) -> Moment:
    """Returns when talk ended that stops at `at`: with the last that somebody could hear, where both sides have been quiet since."""
    return at if not isinstance(phase, Bridged) or phase.quiet_since is None else min(at, phase.quiet_since)


def end_if_released(call: Call) -> Step:
    """Ends the call once every leg has ended; until then nothing changes."""
    if not all_ended(call.legs):
        return Step(call)
    return Step(replace(call, phase=Ended()), (Finish(),))


_UNANSWERED = frozenset({LegState.INVITED, LegState.RINGING, LegState.EARLY})
_ENDING = frozenset({LegState.LEAVING, LegState.ENDED})


def _end_legs(legs: Legs, *, cause: Cause) -> tuple[Legs, tuple[Command, ...], int | None]:
    """Hangs up every live leg; a caller without a final answer is refused, with the SIP code that is returned."""
    commands: list[Command] = []
    sip_code = None
    for leg, state in enumerate(legs):
        if leg == CALLER and state in _UNANSWERED:
            commands.append(Refuse(cause=cause))
            sip_code = TREATMENT[cause].sip
        elif state not in _ENDING:
            commands.append(HangUp(leg=leg, cause=cause))
            if leg != CALLER:
                commands.append(ReleaseCallCaps(leg=leg))
        legs = move_leg(legs, leg, LegMove.IS_TOLD_TO_END)
    return legs, tuple(commands), sip_code


def _stop_sound(call: Call) -> tuple[Command, ...]:
    match call.phase:
        case Bridged():
            return (Unbridge(),)
        case InMenu() | Announcing() | Greeting() | Holding() | Transferring():
            return (StopPlay(leg=CALLER),)
        case Hunting(heard=int()):
            return (Unbridge(),)
        case Hunting() | Whispering() if call.history.answered is not None or call.legs[CALLER] is LegState.EARLY:
            return (StopPlay(leg=CALLER),)
        case _:
            return ()


def _final_state(call: Call, *, cause: Cause) -> FinalState:
    """Returns the final state from the call's progress, then from the cause. Billing may still turn `connected_short` into `converted`."""
    if any(tried.bridged is not None for tried in call.history.attempts):
        return FinalState.CONNECTED_SHORT
    match call.phase:
        case Announcing(cause=why) | Greeting(cause=why) | TakingMessage(cause=why):
            return TREATMENT[why].state
        case InMenu() if cause in CALLER_LEFT:
            return FinalState.CALLER_LEFT_IN_MENU
        case Holding() if cause in CALLER_LEFT:
            return FinalState.CALLER_LEFT_ON_HOLD
        case _:
            return TREATMENT[cause].state


def _close_attempt(tried: AttemptState, at: Moment, *, by: EndedBy, cause: Cause) -> AttemptState:
    """Closes an attempt that was live when the call ended: ringing (abandoned) or talking (its talk ends now)."""
    if tried.bridged is None or tried.talk_ended is not None:
        return replace(tried, cause=tried.cause or cause)
    return replace(tried, cause=tried.cause or cause, talk_ended=at, ended_by=by)


ANNOUNCEMENT_MS = 120_000


def ask_routing(call: Call, at: Moment) -> Step:
    """Asks routing, which rules in the same step."""
    held = call.phase if isinstance(call.phase, Holding) else None
    return Step(replace(call, phase=Routing(held=held)), (question_of(call, at),))


def question_of(call: Call, at: Moment) -> AskRoute:
    """Returns what routing is asked about the call, should it be asked now."""
    history = call.history
    return AskRoute(
        menu_done=any(visit.qualified for visit in history.menus),
        tried=tuple((tried.line, overflow_reason(tried.cause)) for tried in history.attempts),
        held_ms=None if history.held is None else ms_between(history.held, at),
    )


def answer_caller(call: Call, at: Moment) -> tuple[Call, tuple[Command, ...]]:
    """Answers the caller, unless that is done already."""
    if call.history.answered is not None:
        return call, ()
    history = replace(call.history, answered=at, sip_code=200)
    return replace(call, history=history, legs=move_leg(call.legs, CALLER, LegMove.ANSWERS)), (Answer(),)


def announce(call: Call, prompt: str, *, cause: Cause, at: Moment) -> Step:
    """Plays an announcement to the caller, which is answered already."""
    play = call.plays + 1
    phase = Announcing(play=play, cause=cause, deadline=at.plus_ms(ANNOUNCEMENT_MS))
    return Step(replace(call, phase=phase, plays=play), (Play(leg=CALLER, play=play, prompt=prompt),))


def update_attempt(history: CallHistory, leg: int, change: Callable[[AttemptState], AttemptState]) -> CallHistory:
    """`history` with the attempt on leg number `leg` changed."""
    attempts = history.attempts
    return replace(history, attempts=(*attempts[: leg - 1], change(attempts[leg - 1]), *attempts[leg:]))
