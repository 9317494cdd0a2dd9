"""Knows the phases of a call. Each holds only what is true in it, its `deadline` included: there are no timers to cancel."""

from collections.abc import Mapping

import msgspec

from ivr.menu import MenuPlan
from ivr.step import Session
from routing.expression import Scalar
from routing.ruling import Reason
from routing.table import Accept, NoRoute
from switch.call.cause import Cause
from switch.call.leg import Legs
from switch.call.moment import Moment
from switch.call.story import Story


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """Routing has been asked, on arrival or because a line did not take the call; its ruling comes in the same step."""

    @property
    def deadline(self) -> None:
        return None


class InMenu(msgspec.Struct, frozen=True, kw_only=True):
    """`tags`: what its branches may read beside what it learns. `play`: the number of the prompt that plays, None in silence.
    `queue`: prompts to follow it. `deadline`: the silence allowed."""

    plan: MenuPlan
    session: Session
    tags: Mapping[str, Scalar]
    play: int | None
    queue: tuple[str, ...]
    deadline: Moment | None


class Announcing(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody takes the call, and the caller is told so. `cause`: why nobody does."""

    play: int
    cause: Cause
    deadline: Moment


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """The caller waits until a line comes free. `because`: why he has to. `deadline`: when routing is asked again."""

    because: NoRoute
    deadline: Moment


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed on for a line before it was dialled. `marks_ms`: the connected times at which money may be owed;
    `total_marks_ms`: the times since the caller was answered.

    `recover_ms`: one that hangs up sooner is followed by the next line; 0: never.
    """

    accept: Accept | None
    marks_ms: tuple[int, ...]
    total_marks_ms: tuple[int, ...]
    recover_ms: int


class Ringing(msgspec.Struct, frozen=True, kw_only=True):
    """Leg `leg` is dialled. `silence`: when it counts as dead; None once it rang. `ring`: when it has rung for long enough."""

    leg: int
    silence: Moment | None
    ring: Moment
    offer: Offer

    @property
    def deadline(self) -> Moment:
        return self.ring if self.silence is None else min(self.silence, self.ring)


class Hunting(msgspec.Struct, frozen=True, kw_only=True):
    """These legs are dialled, at least one; the first to answer gets the call."""

    rings: tuple[Ringing, ...]

    @property
    def deadline(self) -> Moment:
        return min(ring.deadline for ring in self.rings)


class Securing(msgspec.Struct, frozen=True, kw_only=True):
    """Line `leg` answered; the two may speak once that is on disk."""

    leg: int
    offer: Offer
    deadline: Moment


class Whispering(msgspec.Struct, frozen=True, kw_only=True):
    """The advertiser on `leg` hears who calls, and takes the call by `accept.key` where that is asked of him."""

    leg: int
    offer: Offer
    accept: Accept
    play: int
    deadline: Moment


class Bridged(msgspec.Struct, frozen=True, kw_only=True):
    """The caller and `leg` speak. `marks`: the moments at which money may be owed, those to come. `beat`: the next five-second heartbeat.

    `recover`: the line that hangs up before this moment is followed by the next one; None: not.
    """

    leg: int
    marks: tuple[Moment, ...]
    beat: Moment
    recover: Moment | None

    @property
    def deadline(self) -> Moment:
        return min((self.beat, *self.marks[:1]))


class Releasing(msgspec.Struct, frozen=True, kw_only=True):
    """The call has ended for the caller; legs that still wind down are waited for."""

    deadline: Moment


class Over(msgspec.Struct, frozen=True, kw_only=True):
    @property
    def deadline(self) -> None:
        return None


Phase = Routing | InMenu | Announcing | Holding | Hunting | Securing | Whispering | Bridged | Releasing | Over


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """`legs[n]`: the state of leg n. `expires`: the longest it may live. `plays`: how many prompts were started.

    `trail`: why routing ruled as it did, all rulings one after the other. `known`: all that filters could read, as of the last ruling.
    """

    story: Story
    phase: Phase
    legs: Legs
    expires: Moment
    plays: int = 0
    trail: tuple[Reason, ...] = ()
    known: Mapping[str, Scalar] = msgspec.field(default_factory=dict)

    @property
    def deadline(self) -> Moment | None:
        """When the call wants to hear `DeadlinePassed`, whatever else comes."""
        match self.phase:
            case Over():
                return None
            case Releasing(deadline=deadline):
                return deadline
            case phase:
                return self.expires if phase.deadline is None else min(phase.deadline, self.expires)
