"""Knows everything a call may ask of the engine: imperative, closed. Does not know how it is done."""

import msgspec

from routing.ruling import Attempt
from routing.table import NoRoute
from switch.call.cause import Cause


class AskRoute(msgspec.Struct, frozen=True, kw_only=True):
    """Answered by `Ruled` in the same step; the history has the rest of the inquiry. `held_ms`: so long in a hold queue; None: not yet."""

    menu_done: bool
    tried: tuple[tuple[str, NoRoute], ...]
    held_ms: int | None


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the caller that it rings (180)."""


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
    """The call gives up the attempt on `leg`: caps of the call's owners (campaign, publisher, number, trunk) are free of it. Caps of the
    line's owners stay held until the leg has ended (`ReleaseCaps`)."""

    leg: int


class ReleaseCaps(msgspec.Struct, frozen=True, kw_only=True):
    """`leg` has ended: every cap that its attempt held is free, and the line's health is known."""

    leg: int


class MakeDurable(msgspec.Struct, frozen=True, kw_only=True):
    """Make the journal durable up to here, then tell `AnswerDurable`."""

    leg: int


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """Relay between the caller and `leg`, both ways."""

    leg: int


class Unbridge(msgspec.Struct, frozen=True, kw_only=True):
    """Stop relaying: whoever is left hears nothing of the other."""


class AccrueRevenue(msgspec.Struct, frozen=True, kw_only=True):
    """Talk on `leg` has reached a mark: money may be owed from now on, and caps that count it are current."""

    leg: int


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """Play a prompt to a leg, in place of whatever plays there; told as `PromptEnded(leg, play)`."""

    leg: int
    play: int
    prompt: str


class PlayRingback(msgspec.Struct, frozen=True, kw_only=True):
    """Let the caller hear ringing, in audio."""


class StopPlay(msgspec.Struct, frozen=True, kw_only=True):
    """Stop what plays to a leg."""

    leg: int


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """The call is over: build its record, judge it, forget it."""


Command = (
    AskRoute
    | Ring
    | Answer
    | Refuse
    | Dial
    | HangUp
    | ReleaseCallCaps
    | ReleaseCaps
    | MakeDurable
    | Bridge
    | Unbridge
    | AccrueRevenue
    | Play
    | PlayRingback
    | StopPlay
    | Finish
)
