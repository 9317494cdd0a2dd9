"""The commands of a call to the engine: imperative, a closed set. `switch.engine.executor` carries them out."""

import msgspec

from routing.ruling import Attempt
from routing.table import NoRoute
from switch.call.cause import Cause
from switch.call.recording_terms import RecordingFormat, RecordingKind, Sides


class AskRoute(msgspec.Struct, frozen=True, kw_only=True):
    """Answered by `Ruled` in the same step; the history has the other inputs. `held_ms`: time in a hold queue so far; None: none."""

    menu_done: bool
    tried: tuple[tuple[str, NoRoute], ...]
    held_ms: int | None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Send a provisional answer to the caller: 180, or 181 (forwarded), or 182 (queued)."""

    status: int = 180


class StartEarlyMedia(msgspec.Struct, frozen=True, kw_only=True):
    """Send 183 with our SDP to the caller, who can hear us from now on."""


class BridgeEarly(msgspec.Struct, frozen=True, kw_only=True):
    """Relay between the caller and `leg`, neither of which has answered: no talk."""

    leg: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer the caller (200)."""


class Refuse(msgspec.Struct, frozen=True, kw_only=True):
    """Refuse the caller with the cause's SIP code."""

    cause: Cause


class Dial(msgspec.Struct, frozen=True, kw_only=True):
    """Invite a line on leg number `leg`; its caps are reserved already."""

    leg: int
    attempt: Attempt


class HangUp(msgspec.Struct, frozen=True, kw_only=True):
    """End a leg, in whatever state it is."""

    leg: int
    cause: Cause


class ReleaseCallCaps(msgspec.Struct, frozen=True, kw_only=True):
    """The call gives up the attempt on `leg`: the caps of the call's owners (campaign, publisher, number, trunk) are released. Caps of
    the line's owners stay held until the leg has ended (`ReleaseCaps`)."""

    leg: int


class ReleaseCaps(msgspec.Struct, frozen=True, kw_only=True):
    """`leg` has ended: every cap that its attempt held is released, and the line's health is updated."""

    leg: int


class MakeDurable(msgspec.Struct, frozen=True, kw_only=True):
    """Make the journal durable up to here, then report `AnswerDurable`."""

    leg: int


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """Relay between the caller and `leg`, both ways."""

    leg: int


class Unbridge(msgspec.Struct, frozen=True, kw_only=True):
    """Stop relaying between the caller and the line."""


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Follow the REFER of the line on `leg`: invite `uri` to take its place. `ring_ms`: how long that may ring."""

    leg: int
    uri: str
    ring_ms: int


class RefuseTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Refuse the REFER of the line on `leg`. `why`: for the log."""

    leg: int
    status: int
    why: str


class CompleteTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """The target is behind `leg` from now on: relay between the caller and it, and tell the line, where it is still there."""

    leg: int


class EndTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Hang up the target, if it still rings, and tell the line on `leg` that it got `status`."""

    leg: int
    status: int


class AccrueRevenue(msgspec.Struct, frozen=True, kw_only=True):
    """Talk on `leg` has reached a threshold: money may be owed from now on, and the caps that count it are updated."""

    leg: int


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """Play a prompt to a leg, in place of whatever plays there; its end is reported as `PromptEnded(leg, play)`."""

    leg: int
    play: int
    prompt: str


class PlayRingback(msgspec.Struct, frozen=True, kw_only=True):
    """Play ringback tone to the caller."""


class PlayMusic(msgspec.Struct, frozen=True, kw_only=True):
    """Play a prompt to the caller over and over, in place of whatever plays there."""

    prompt: str


class StopPlay(msgspec.Struct, frozen=True, kw_only=True):
    """Stop what plays to a leg."""

    leg: int


class StartRecording(msgspec.Struct, frozen=True, kw_only=True):
    """Record the caller's leg from now on."""

    sides: Sides
    format: RecordingFormat
    kind: RecordingKind = RecordingKind.TALK


class PauseRecording(msgspec.Struct, frozen=True, kw_only=True):
    """Record silence until `ResumeRecording`."""


class ResumeRecording(msgspec.Struct, frozen=True, kw_only=True):
    """Record what is said again."""


class StopRecording(msgspec.Struct, frozen=True, kw_only=True):
    """The recording is over."""


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """The call is over: build its record, judge it, drop the call."""


Command = (
    AskRoute
    | Progress
    | StartEarlyMedia
    | BridgeEarly
    | Answer
    | Refuse
    | Dial
    | HangUp
    | ReleaseCallCaps
    | ReleaseCaps
    | MakeDurable
    | Bridge
    | Unbridge
    | Transfer
    | RefuseTransfer
    | CompleteTransfer
    | EndTransfer
    | AccrueRevenue
    | Play
    | PlayRingback
    | PlayMusic
    | StopPlay
    | StartRecording
    | PauseRecording
    | ResumeRecording
    | StopRecording
    | Finish
)
