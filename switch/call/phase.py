"""Knows the phases of a call. Each holds only what is true in it, its `deadline` included: there are no timers to cancel."""

import msgspec

from ivr.menu import MenuPlan
from ivr.step import Session
from routing.ruling import Reason
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
    """`play`: the number of the prompt that plays, None in silence. `queue`: prompts to follow it. `deadline`: the silence allowed."""

    plan: MenuPlan
    session: Session
    play: int | None
    queue: tuple[str, ...]
    deadline: Moment | None


class Announcing(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody takes the call, and the caller is told so. `cause`: why nobody does."""

    play: int
    cause: Cause
    deadline: Moment


class Hunting(msgspec.Struct, frozen=True, kw_only=True):
    """Leg `leg` is dialled. `silence`: when it counts as dead; None once it rang. `ring`: when it has rung for long enough."""

    leg: int
    silence: Moment | None
    ring: Moment
    mark_ms: int | None

    @property
    def deadline(self) -> Moment:
        return self.ring if self.silence is None else min(self.silence, self.ring)


class Securing(msgspec.Struct, frozen=True, kw_only=True):
    """Line `leg` answered; the two may speak once that is on disk."""

    leg: int
    mark: Moment | None
    deadline: Moment


class Bridged(msgspec.Struct, frozen=True, kw_only=True):
    """The caller and `leg` speak. `mark`: the moment money is owed, None once it passed. `beat`: the next five-second heartbeat."""

    leg: int
    mark: Moment | None
    beat: Moment

    @property
    def deadline(self) -> Moment:
        return self.beat if self.mark is None else min(self.mark, self.beat)


class Releasing(msgspec.Struct, frozen=True, kw_only=True):
    """The call has ended for the caller; legs that still wind down are waited for."""

    deadline: Moment


class Over(msgspec.Struct, frozen=True, kw_only=True):
    @property
    def deadline(self) -> None:
        return None


Phase = Routing | InMenu | Announcing | Hunting | Securing | Bridged | Releasing | Over


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """`legs[n]`: the state of leg n. `expires`: the longest it may live. `plays`: how many prompts were started.

    `trail`: why routing ruled as it did, all rulings one after the other.
    """

    story: Story
    phase: Phase
    legs: Legs
    expires: Moment
    plays: int = 0
    trail: tuple[Reason, ...] = ()

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
