"""Knows what goes in and out of a step: where a caller is, what was heard, what follows. Does not know how the one comes of the other."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from routing.expression import Scalar


class LeftBecause(StrEnum):
    HANGUP = "hangup"
    FAILED = "failed"


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a branch may look at: the time (microseconds since 1970 UTC), and what is known of the call."""

    utc_us: int
    tags: Mapping[str, Scalar]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Where a caller is in a plan.

    `node`: entered last; one that waits for nobody is gone on from once what plays has ended. `tags`: learned in this visit.
    `entered`: nodes so far. `playing`: a prompt plays, so silence is not the caller's yet. `over`: the caller has left.

    Of this node: `tries`, failed ones; `digits`, collected, not an answer yet. `answer`: read back, to be confirmed; `asked`: how often
    that was asked; `corrections`: how often the caller wanted another one.
    """

    node: str
    tags: Mapping[str, Scalar] = {}
    entered: int = 1
    playing: bool = True
    over: bool = False
    tries: int = 0
    digits: str = ""
    answer: str | None = None
    asked: int = 0
    corrections: int = 0


class Digit(msgspec.Struct, frozen=True, kw_only=True):
    digit: str


class PromptEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The last of the prompts of `Turn.say` has ended."""


class TimedOut(msgspec.Struct, frozen=True, kw_only=True):
    """`Turn.wait_ms` has passed."""


Heard = Digit | PromptEnded | TimedOut


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """The caller qualified, with all tags learned. `line`: where to; None leaves that to routing."""

    tags: Mapping[str, Scalar]
    line: str | None = None


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """The call is to end, after `prompt` where one is named: an outcome says `hangup`, or the tries `failed`."""

    reason: LeftBecause
    prompt: str | None = None


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from what was heard; see the top of `ivr.step`."""

    session: Session
    say: tuple[str, ...] = ()
    hush: bool = False
    wait_ms: int | None = None
    outcome: Routed | Left | None = None
