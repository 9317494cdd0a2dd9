"""Knows everything a call may ask of the engine: imperative, closed. Does not know how it is done."""

from collections.abc import Mapping
from dataclasses import dataclass

from routing.ruling import Attempt
from routing.table import NoRoute
from switch.call.cause import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRoute:
    """Answered by `Ruled` in the same step."""

    tags: Mapping[str, str]
    menu_done: bool
    tried: tuple[tuple[str, NoRoute], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Tell the caller that it rings (180)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer the caller (200)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Refuse the caller with the cause's SIP code."""

    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Invite a line on leg number `leg`; its caps are reserved already."""

    leg: int
    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """End a leg, in whatever state it is."""

    leg: int
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Secure:
    """Make the journal durable up to here, then tell `AnswerSecured`."""

    leg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """Relay between the caller and `leg`, both ways."""

    leg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbridge:
    """Stop relaying: whoever is left hears nothing of the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Play a prompt to the caller, in place of whatever plays; told as `PromptEnded(play)`."""

    play: int
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayRingback:
    """Let the caller hear ringing, in audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """Stop what plays to the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The call is over: build its record, judge it, forget it."""


Command = AskRoute | Ring | Answer | Refuse | Dial | HangUp | Secure | Bridge | Unbridge | Play | PlayRingback | Hush | Finish
