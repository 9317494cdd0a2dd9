"""PURE. Defines the state of a call: the states of its legs, its history so far, and its phase.

`CallHistory` holds only facts, so that a record can be built from it alone, also after a crash: the journal keeps it whole. A phase holds
only what is true in it, the moments it waits for included: there are no timers to cancel. Leg 0 is the caller's, leg n the n-th
attempt's; the leg table is total, so a late or doubled event is harmless. `docs/call-states.md` is generated from it
(`python -m switch.call.diagram`).
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ivr.menu import MenuPlan
from ivr.step import MenuSession
from routing.expression import Scalar
from routing.ruling import Reason
from routing.table import Accept, NoRoute, ToVoicemail
from switch.call.cause import Cause
from switch.call.event import TransferorLeft
from switch.call.hold_terms import HoldTerms
from switch.call.moment import Moment
from switch.call.record import EndedBy, FinalState
from switch.call.recording_terms import RecordingState


class LegState(StrEnum):
    INVITED = "invited"
    """INVITE received (caller) or sent (line)."""
    RINGING = "ringing"
    EARLY = "early"
    """The caller hears us, by SDP in a 183, and is not answered. Lines are never in it."""
    ANSWERED = "answered"
    LEAVING = "leaving"
    """We hung it up (CANCEL, BYE or a refusal is on its way) and wait for its end."""
    ENDED = "ended"


class LegMove(StrEnum):
    RINGS = "rings"
    HEARS_EARLY_MEDIA = "hears early media"
    ANSWERS = "answers"
    IS_TOLD_TO_END = "is told to end"
    ENDS = "ends"


_I, _R, _M, _A, _L, _E = LegState
_RINGS, _HEARS, _ANSWERS, _TOLD, _ENDS = LegMove

MOVES: dict[LegState, dict[LegMove, LegState]] = {
    _I: {_RINGS: _R, _HEARS: _M, _ANSWERS: _A, _TOLD: _L, _ENDS: _E},
    _R: {_RINGS: _R, _HEARS: _M, _ANSWERS: _A, _TOLD: _L, _ENDS: _E},
    _M: {_RINGS: _M, _HEARS: _M, _ANSWERS: _A, _TOLD: _L, _ENDS: _E},
    _A: {_RINGS: _A, _HEARS: _A, _ANSWERS: _A, _TOLD: _L, _ENDS: _E},  # an 18x that the 200 overtook changes nothing
    _L: {_RINGS: _L, _HEARS: _L, _ANSWERS: _L, _TOLD: _L, _ENDS: _E},  # a 200 that crossed our CANCEL: hung up once more
    _E: {_RINGS: _E, _HEARS: _E, _ANSWERS: _E, _TOLD: _E, _ENDS: _E},
}

Legs = tuple[LegState, ...]

CALLER = 0


def move_leg(legs: Legs, leg: int, move: LegMove) -> Legs:
    """`legs` after `move` happened to number `leg`."""
    return (*legs[:leg], MOVES[legs[leg]][move], *legs[leg + 1 :])


def all_ended(legs: Legs) -> bool:
    return legs.count(LegState.ENDED) == len(legs)


class AttemptState(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a line, `number` from 1: also its leg's number. `answered`: its 200, unless it came after we hung up.

    `talk`: when talk began as money counts it: the line's answer, or the end of the whisper, or the key (`docs/billing.md` §2).
    `talk_ended`: the end of the first leg to end, or the time by the media rule. `ended_by`: which side ended it.
    `caller_heard`, `line_heard`: when each was first heard by the other in talk; None: never.
    `cause`: why it did not take the call, or how it ended. `needs_key`: the advertiser must accept the call by a key; `accepted`: when the
    key was pressed. `sip_call_id`: the Call-ID of its INVITE. `redirected_to`: the URI that took the place of the line's, by its 3xx.
    `transferred_to`: those that its REFERs asked for. `is_plain`: it refused encrypted audio.
    `target`: where its INVITE went at last, when the first address failed; None: that one did not.
    """

    number: int
    line: str
    advertiser: str
    campaign: str
    timer_offset_ms: int
    invited: Moment
    priority: int = 1
    repeat: bool = False
    needs_key: bool = False
    rang: Moment | None = None
    answered: Moment | None = None
    accepted: Moment | None = None
    talk: Moment | None = None
    bridged: Moment | None = None
    caller_heard: Moment | None = None
    line_heard: Moment | None = None
    talk_ended: Moment | None = None
    ended_by: EndedBy | None = None
    ended: Moment | None = None
    cause: Cause | None = None
    sip_code: int | None = None
    q850: int | None = None
    sip_call_id: str | None = None
    redirected_to: str | None = None
    transferred_to: tuple[str, ...] = ()
    target: str | None = None
    is_plain: bool = False


class MenuVisit(msgspec.Struct, frozen=True, kw_only=True):
    """`qualified`: the caller left it towards a line."""

    entered: Moment
    left: Moment | None = None
    qualified: bool = False


class CallHistory(msgspec.Struct, frozen=True, kw_only=True):
    """`tags`: from the carrier and the menu. `wanted`: the line that a menu transfers the caller to. `held`: when the caller first
    entered a hold queue. `heartbeat`: the last moment the bridge was known to stand. `ended`: when the call ended for
    the caller (BYE sent or received). `sip_call_id`: the Call-ID of the caller's leg; None: not known. `probe`: the call is a probe's.
    """

    call_id: str
    did: str
    ani: str
    trunk: str
    seed: int
    version: str
    invited: Moment
    publisher: str | None = None
    campaign: str | None = None
    answered: Moment | None = None
    acknowledged: Moment | None = None
    menus: tuple[MenuVisit, ...] = ()
    digits: str = ""
    tags: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
    wanted: str | None = None
    held: Moment | None = None
    attempts: tuple[AttemptState, ...] = ()
    heartbeat: Moment | None = None
    ended: Moment | None = None
    ended_by: EndedBy | None = None
    cause: Cause | None = None
    final_state: FinalState | None = None
    sip_code: int | None = None
    sip_call_id: str | None = None
    probe: bool = False


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """The caller waits until a line comes free. `because`: why no line is free. `again`: when routing is asked again. `terms`: what the
    caller hears. `play`: the number of the announcement that plays, None: music does, or ringback. `queue`: prompts to follow it. `tell`:
    when the next announcement is due, None: one plays, or there is none."""

    because: NoRoute
    again: Moment
    terms: HoldTerms
    play: int | None = None
    queue: tuple[str, ...] = ()
    tell: Moment | None = None

    @property
    def deadline(self) -> Moment:
        return self.again if self.tell is None else min(self.again, self.tell)


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """Routing has been asked, on arrival or because a line did not take the call; its ruling comes in the same step. `held`: the caller is
    in a hold queue, and hears what is said there until then."""

    held: Holding | None = None


class InMenu(msgspec.Struct, frozen=True, kw_only=True):
    """`tags`: what its branches may read beside the menu's own tags. `play`: the number of the prompt that plays, None in silence.
    `queue`: prompts to follow it. `deadline`: the end of the wait for a digit."""

    plan: MenuPlan
    session: MenuSession
    tags: Mapping[str, Scalar]
    play: int | None
    queue: tuple[str, ...]
    deadline: Moment | None


class Announcing(msgspec.Struct, frozen=True, kw_only=True):
    """No line takes the call, and the caller hears an announcement. `cause`: why no line does."""

    play: int
    cause: Cause
    deadline: Moment


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """No line takes the call, and the caller hears the greeting of voicemail, then the beep. `play`: the number of what plays; `queue`:
    what follows it. `cause`: why no line takes the call. `deadline`: when what plays is cut off."""

    play: int
    queue: tuple[str, ...]
    cause: Cause
    terms: ToVoicemail
    deadline: Moment


class TakingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The caller leaves a message. `cause`: why no line takes the call. `since`: when the beep was over. `deadline`: when the message
    ends."""

    cause: Cause
    terms: ToVoicemail
    since: Moment
    deadline: Moment


class DialTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of a line, fixed before it is dialled. `thresholds_ms`: the connected times at which money may be owed;
    `total_thresholds_ms`: the times since the caller was answered.

    `recover_ms`: after a line that hangs up sooner the next line is tried; 0: never. `ring_ms`: how long it may ring, and so may the
    target of a transfer. `heard_both`: money may be owed when both sides have been heard.
    """

    accept: Accept | None
    thresholds_ms: tuple[int, ...]
    total_thresholds_ms: tuple[int, ...]
    recover_ms: int
    ring_ms: int
    heard_both: bool = False


class RingingLeg(msgspec.Struct, frozen=True, kw_only=True):
    """Leg `leg` is dialled. `silent_until`: the deadline for its first 18x, `silence_ms` after its INVITE; None once it rang.
    `ring_until`: when the ring timeout ends. `told`: the last status that the caller was told of it; None: none."""

    leg: int
    silent_until: Moment | None
    ring_until: Moment
    terms: DialTerms
    silence_ms: int
    told: int | None = None

    @property
    def deadline(self) -> Moment:
        return self.ring_until if self.silent_until is None else min(self.silent_until, self.ring_until)


class Hunting(msgspec.Struct, frozen=True, kw_only=True):
    """These legs are dialled, at least one; the first to answer gets the call. `early_media`: a caller that is not answered may hear what
    a line plays; `heard`: the line that is heard so."""

    ringing: tuple[RingingLeg, ...]
    early_media: bool = False
    heard: int | None = None


class AwaitingDurability(msgspec.Struct, frozen=True, kw_only=True):
    """Line `leg` answered; caller and line are bridged once that is on disk."""

    leg: int
    terms: DialTerms
    deadline: Moment


class Whispering(msgspec.Struct, frozen=True, kw_only=True):
    """The advertiser on `leg` hears the whisper, and accepts the call by `accept.key` where a key is required."""

    leg: int
    terms: DialTerms
    accept: Accept
    play: int
    deadline: Moment


class Bridged(msgspec.Struct, frozen=True, kw_only=True):
    """The caller and `leg` are bridged. `thresholds`: the coming moments at which money may be owed; `unproven`: those that have passed
    while a side was silent, so that talk may have ended before. `heartbeat`: when the next five-second one is due.

    `recover_until`: when the line hangs up before this moment, the next one is tried; None: never. `ring_ms`: how long a transfer of
    it may ring. `transfer_until`: until when the target of one does; None: there is none.
    `quiet_since`: neither side has been heard since then; None: one is. `heard_both`: as in `DialTerms`, until it is so.
    """

    leg: int
    thresholds: tuple[Moment, ...]
    heartbeat: Moment
    recover_until: Moment | None
    ring_ms: int
    transfer_until: Moment | None = None
    quiet_since: Moment | None = None
    heard_both: bool = False
    unproven: tuple[Moment, ...] = ()


class Transferring(msgspec.Struct, frozen=True, kw_only=True):
    """The line has hung up after a REFER, and its target rings behind the same leg: the caller waits. `talk`: goes on when it answers.
    `left`: the end of the line's own leg. `deadline`: when the target is given up."""

    talk: Bridged
    left: TransferorLeft
    deadline: Moment


class Releasing(msgspec.Struct, frozen=True, kw_only=True):
    """The call has ended for the caller; legs that are not over yet are waited for."""

    deadline: Moment


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The call is over, and its record is made."""


Phase = (
    Routing
    | InMenu
    | Announcing
    | Greeting
    | TakingMessage
    | Holding
    | Hunting
    | AwaitingDurability
    | Whispering
    | Bridged
    | Transferring
    | Releasing
    | Ended
)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """`legs[n]`: the state of leg n. `expires`: when it is ended for its length. `plays`: how many prompts were started.

    `trail`: the reasons of all rulings, in order. `known`: the tags that filters could read, as of the last ruling. `recording` None: the
    call is not recorded.
    """

    history: CallHistory
    phase: Phase
    legs: Legs
    expires: Moment
    plays: int = 0
    trail: tuple[Reason, ...] = ()
    known: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
    recording: RecordingState | None = None

    @property
    def deadline(self) -> Moment | None:
        """Returns when `DeadlinePassed` is due, or None."""
        match self.phase:
            case Ended():
                return None
            case Releasing(deadline=deadline):
                return deadline
            case Routing():
                due = None
            case Hunting(ringing=ringing):
                due = min(leg.deadline for leg in ringing)
            case Bridged(heartbeat=heartbeat, thresholds=thresholds, transfer_until=until):
                due = min((heartbeat, *thresholds[:1], *(() if until is None else (until,))))
            case phase:
                due = phase.deadline
        return self.expires if due is None else min(due, self.expires)
