"""Knows how a call is let go of: who is told to end, what the story says of it, when it is over. Does not decide that it ends."""

from dataclasses import dataclass

from msgspec.structs import replace

from routing.ruling import Barred
from routing.table import NoRoute
from switch.call.cause import TREATMENT, Cause
from switch.call.command import Command, Finish, HangUp, Hush, Refuse, Unbridge
from switch.call.leg import CALLER, LegMove, Legs, LegState, all_ended, moved
from switch.call.moment import Moment
from switch.call.phase import Announcing, Bridged, Call, Holding, Hunting, InMenu, Over, Releasing, Whispering
from switch.call.record import EndedBy, FinalState
from switch.call.story import MenuVisit, Tried

RELEASE_MS = 5_000
"""How long the record waits for legs that wind down. One whose far end says nothing takes 64*T1, or twice that (RFC 3261 §9.1, §17);
the record can't change any more, so it does not wait for that. The leg's caps and port do."""

NO_ANSWER_LEG = Cause.NO_ANSWER
"""What a line hears that answered after we had given it up."""

CAUSE_OF: dict[NoRoute | Barred, Cause] = {
    NoRoute.NO_MATCH: Cause.NO_MATCH,
    NoRoute.CLOSED: Cause.CLOSED,
    NoRoute.CAPPED: Cause.CAPPED,
    NoRoute.NO_ANSWER: Cause.NO_ANSWER,
    NoRoute.BUSY: Cause.BUSY,
    NoRoute.FAILED: Cause.LINE_FAILED,
    NoRoute.QUEUE_FULL: Cause.QUEUE_FULL,
    NoRoute.WAITED_TOO_LONG: Cause.WAITED_TOO_LONG,
    Barred.UNKNOWN_NUMBER: Cause.UNKNOWN_NUMBER,
    Barred.NUMBER_NOT_IN_SERVICE: Cause.NUMBER_NOT_IN_SERVICE,
    Barred.PUBLISHER_PAUSED: Cause.PUBLISHER_PAUSED,
    Barred.REPEAT: Cause.REPEAT,
}


@dataclass(frozen=True, slots=True)
class Step:
    """A call that moved on, and what is to be done, in order."""

    call: Call
    commands: tuple[Command, ...] = ()

    def after(self, earlier: tuple[Command, ...]) -> "Step":
        """The same, with `earlier` done first."""
        return Step(self.call, earlier + self.commands)


def overflow_of(cause: Cause | None) -> NoRoute:
    """Why a line that was tried did not take the call, as overflow is keyed."""
    return NoRoute.FAILED if cause is None else TREATMENT[cause].overflow or NoRoute.FAILED


def let_go(call: Call, at: Moment, *, by: EndedBy, cause: Cause, ended: Moment | None = None) -> Step:
    """The call ends for everybody. `ended`: when talk really ended, where that is not `at` (the last media)."""
    end = ended or at
    legs, goodbyes, sip_code = _goodbyes(call.legs, cause=cause)
    story = replace(
        call.story,
        ended=end,
        ended_by=by,
        cause=cause,
        final_state=_final_state(call, cause=cause),
        sip_code=call.story.sip_code or sip_code,
        menus=tuple(_left(visit, end) for visit in call.story.menus),
        attempts=tuple(_closed(tried, end, by=by, cause=cause) for tried in call.story.attempts),
    )
    releasing = Releasing(deadline=at.plus_ms(RELEASE_MS))
    return finish(replace(call, story=story, legs=legs, phase=releasing)).after(_silenced(call) + goodbyes)


def finish(call: Call) -> Step:
    """Over, once every leg has ended; until then as it is."""
    if not all_ended(call.legs):
        return Step(call)
    return Step(replace(call, phase=Over()), (Finish(),))


def _goodbyes(legs: Legs, *, cause: Cause) -> tuple[Legs, tuple[Command, ...], int | None]:
    """Every leg that still lives is told to end; a caller who has no answer yet is refused, with the SIP code that is returned."""
    commands: list[Command] = []
    sip_code = None
    for leg, state in enumerate(legs):
        if leg == CALLER and state in {LegState.INVITED, LegState.RINGING}:
            commands.append(Refuse(cause=cause))
            sip_code = TREATMENT[cause].sip
        elif state not in {LegState.LEAVING, LegState.ENDED}:
            commands.append(HangUp(leg=leg, cause=cause))
        legs = moved(legs, leg, LegMove.IS_TOLD_TO_END)
    return legs, tuple(commands), sip_code


def _silenced(call: Call) -> tuple[Command, ...]:
    match call.phase:
        case Bridged():
            return (Unbridge(),)
        case InMenu() | Announcing() | Holding():
            return (Hush(leg=CALLER),)
        case Hunting() | Whispering() if call.story.answered is not None:
            return (Hush(leg=CALLER),)
        case _:
            return ()


def _final_state(call: Call, *, cause: Cause) -> FinalState:
    """How far the call came decides, then the cause. Money may still make `converted` of `connected_short`."""
    if any(tried.bridged is not None for tried in call.story.attempts):
        return FinalState.CONNECTED_SHORT
    match call.phase:
        case Announcing(cause=why):
            return TREATMENT[why].state
        case InMenu() if cause is Cause.CALLER_HUNG_UP:
            return FinalState.CALLER_LEFT_IN_MENU
        case Holding() if cause is Cause.CALLER_HUNG_UP:
            return FinalState.CALLER_LEFT_ON_HOLD
        case _:
            return TREATMENT[cause].state


def _left(visit: MenuVisit, at: Moment) -> MenuVisit:
    return visit if visit.left is not None else replace(visit, left=at)


def _closed(tried: Tried, at: Moment, *, by: EndedBy, cause: Cause) -> Tried:
    """An attempt that was still on when the call ended: ringing (abandoned) or talking (its talk ends now)."""
    if tried.bridged is None or tried.talk_ended is not None:
        return replace(tried, cause=tried.cause or cause)
    return replace(tried, cause=tried.cause or cause, talk_ended=at, ended_by=by)
