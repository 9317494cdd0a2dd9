"""Knows everything a call may ask of the engine: imperative, closed. Does not know how it is done."""

from collections.abc import Mapping

import msgspec

from routing.ruling import Attempt
from routing.table import NoRoute
from switch.call.cause import Cause


class AskRoute(msgspec.Struct, frozen=True, kw_only=True):
    """Answered by `Ruled` in the same step."""

    tags: Mapping[str, str]
    menu_done: bool
    tried: tuple[tuple[str, NoRoute], ...]


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


class Secure(msgspec.Struct, frozen=True, kw_only=True):
    """Make the journal durable up to here, then tell `AnswerSecured`."""

    leg: int


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """Relay between the caller and `leg`, both ways."""

    leg: int


class Unbridge(msgspec.Struct, frozen=True, kw_only=True):
    """Stop relaying: whoever is left hears nothing of the other."""


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """Play a prompt to the caller, in place of whatever plays; told as `PromptEnded(play)`."""

    play: int
    prompt: str


class PlayRingback(msgspec.Struct, frozen=True, kw_only=True):
    """Let the caller hear ringing, in audio."""


class Hush(msgspec.Struct, frozen=True, kw_only=True):
    """Stop what plays to the caller."""


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """The call is over: build its record, judge it, forget it."""


Command = AskRoute | Ring | Answer | Refuse | Dial | HangUp | Secure | Bridge | Unbridge | Play | PlayRingback | Hush | Finish
