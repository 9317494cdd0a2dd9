"""The events of a call: past tense, a closed set, each with its moment. They are detected elsewhere."""

from collections.abc import Mapping

import msgspec

from ivr.menu import MenuPlan
from routing.expression import Scalar
from routing.ruling import Ruling
from switch.call.cause import Cause
from switch.call.hold_terms import DEFAULT_HOLD, HoldTerms
from switch.call.moment import Moment
from switch.call.recording_terms import RecordingTerms


class InviteArrived(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk's INVITE. `did` and `ani` are E.164 where they could be read so. `objection`: why it must be refused; None: nothing does.

    `seed`: what routing draws from for this call. `version`: of the plan that the call pins. `max_call_ms`: the longest a call may last.
    `tags`: what the carrier passed in headers. `sip_call_id`: the Call-ID of the INVITE; None: the call is only simulated.
    `why`: the objection in words, where it does not say all. `publisher`, `campaign`: of the number, where there is an objection:
    else the ruling says them. `encrypted`: the caller's audio will be. `probe`: the call is a probe's.
    """

    at: Moment
    call_id: str
    did: str
    ani: str
    trunk: str
    seed: int
    version: str
    max_call_ms: int
    objection: Cause | None = None
    tags: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
    sip_call_id: str | None = None
    why: str | None = None
    publisher: str | None = None
    campaign: str | None = None
    encrypted: bool = False
    probe: bool = False


class Ruled(msgspec.Struct, frozen=True, kw_only=True):
    """Routing's answer to `AskRoute`. `menu`: the one that the caller enters. `thresholds_ms`: for each attempt of a `Dial`, the talk times
    at which money may be owed, ascending: it is judged exactly there. `total_thresholds_ms`: the same in times of the whole call.
    `heard_both`: it may be owed, too, when both sides have been heard. `recording`: how the call is recorded; None: it is not.
    `hold`: what is heard in the hold queue of a `Wait`."""

    at: Moment
    ruling: Ruling
    menu: MenuPlan | None = None
    thresholds_ms: tuple[tuple[int, ...], ...] = ()
    total_thresholds_ms: tuple[int, ...] = ()
    heard_both: bool = False
    recording: RecordingTerms | None = None
    hold: HoldTerms = DEFAULT_HOLD


class TurnCame(msgspec.Struct, frozen=True, kw_only=True):
    """A line is free for this call, which waits in a hold queue, and one that came later was about to get it."""

    at: Moment


class LegRang(msgspec.Struct, frozen=True, kw_only=True):
    """A line's provisional answer, 101 to 199. `early_media`: it has SDP, so what the line plays can be heard."""

    at: Moment
    leg: int
    status: int
    early_media: bool = False


class LegFailedOver(msgspec.Struct, frozen=True, kw_only=True):
    """A line's address can't be reached, is silent or sent 503, and its INVITE went to `target` instead, such as `udp:192.0.2.2:5060`."""

    at: Moment
    leg: int
    target: str


class LegOfferedPlain(msgspec.Struct, frozen=True, kw_only=True):
    """A line refused encrypted audio by this SIP status, and its INVITE went to it again with plain audio."""

    at: Moment
    leg: int
    status: int


class LegRedirected(msgspec.Struct, frozen=True, kw_only=True):
    """A line answered 3xx, and its INVITE went to `uri` instead."""

    at: Moment
    leg: int
    uri: str


class LegAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """A line's 200. `encrypted`: its audio is."""

    at: Moment
    leg: int
    encrypted: bool = False


class AnswerUnusable(msgspec.Struct, frozen=True, kw_only=True):
    """A line's 200 has no media that can be bridged. Its leg stands until it is hung up. `why`: in words."""

    at: Moment
    leg: int
    why: str | None = None


class AnswerDurable(msgspec.Struct, frozen=True, kw_only=True):
    """The journal holds the line's answer durably: caller and line may be bridged."""

    at: Moment
    leg: int


class CallerAcknowledged(msgspec.Struct, frozen=True, kw_only=True):
    at: Moment


class LegEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A leg is over. `by_peer`: its far end ended it. `cause`: why, as one of our causes. `sip_code`: the final answer its INVITE got.
    `why`: in words, bounded, where the others do not say all of it."""

    at: Moment
    leg: int
    by_peer: bool
    cause: Cause
    sip_code: int | None = None
    q850: int | None = None
    why: str | None = None


class DigitHeard(msgspec.Struct, frozen=True, kw_only=True):
    at: Moment
    leg: int
    digit: str


class PromptEnded(msgspec.Struct, frozen=True, kw_only=True):
    """`play` is the number of its `Play` command: the end of a prompt that a newer one replaced is recognised by it. `why`: it could not
    be played; None: it was."""

    at: Moment
    leg: int
    play: int
    why: str | None = None


class TransferRequested(msgspec.Struct, frozen=True, kw_only=True):
    """A line's REFER (RFC 3515): it asks that `uri`, which config allows, takes its place."""

    at: Moment
    leg: int
    uri: str


class TransferAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """The target's 200, with media that can be bridged. The line is still there."""

    at: Moment
    leg: int


class TransferFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The target does not take the call, or can't be called. `status`: of its final answer, or the one that says why there is none.
    The line is still there."""

    at: Moment
    leg: int
    status: int


class TransferorLeft(msgspec.Struct, frozen=True, kw_only=True):
    """The line's own leg has ended while the target rings, which is behind leg `leg` from now on: `LegAnswered` and `LegEnded` are of it.
    The other fields: as in `LegEnded`."""

    at: Moment
    leg: int
    by_peer: bool
    cause: Cause
    q850: int | None = None


class MediaLost(msgspec.Struct, frozen=True, kw_only=True):
    """No RTP from a leg for the RTP timeout. `last`: when its last packet came; None: none came."""

    at: Moment
    leg: int
    last: Moment | None


class MediaHeard(msgspec.Struct, frozen=True, kw_only=True):
    """Leg `leg` was heard by its partner for the first time since they were bridged, or since both were quiet. `both`: the partner was
    heard before."""

    at: Moment
    leg: int
    both: bool


class MediaQuiet(msgspec.Struct, frozen=True, kw_only=True):
    """Leg `leg` and its partner are bridged, and neither has been heard since `since`, nor is on hold or alive by RTCP."""

    at: Moment
    leg: int
    since: Moment


class MediaFailed(msgspec.Struct, frozen=True, kw_only=True):
    """We can't carry this call's audio: its worker died, a port could not be bound, an answer could not be used."""

    at: Moment
    why: str


class RecordingFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The call is recorded no longer: the recorder died, or can't write. `why`: in words."""

    at: Moment
    why: str


class RecordingPauseRequested(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asks by the control socket that the recording pauses, or goes on. `by_line`: the line that the caller talks with does."""

    at: Moment
    paused: bool
    by_line: bool = False


class DeadlinePassed(msgspec.Struct, frozen=True, kw_only=True):
    """`silent_since`: the last packet of the side that should send audio and has not for a while; None: both sides send."""

    at: Moment
    silent_since: Moment | None = None


class HangUpRequested(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody ends this call by the control socket. `actor`: who, such as `cli:anna`; `reason`: in words, or empty."""

    at: Moment
    actor: str
    reason: str


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """The switch ends this call: shutdown, or the call's machine failed."""

    at: Moment
    cause: Cause


Event = (
    InviteArrived
    | Ruled
    | TurnCame
    | LegRang
    | LegFailedOver
    | LegOfferedPlain
    | LegRedirected
    | LegAnswered
    | AnswerUnusable
    | AnswerDurable
    | CallerAcknowledged
    | LegEnded
    | DigitHeard
    | PromptEnded
    | TransferRequested
    | TransferAnswered
    | TransferFailed
    | TransferorLeft
    | MediaHeard
    | MediaQuiet
    | MediaLost
    | MediaFailed
    | RecordingFailed
    | RecordingPauseRequested
    | DeadlinePassed
    | HangUpRequested
    | Stopped
)
