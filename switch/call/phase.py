"""Knows the phases of a call. Each holds only what is true in it, its `deadline` included: there are no timers to cancel."""

from dataclasses import dataclass

from ivr.menu import MenuPlan
from ivr.step import Session
from routing.ruling import Reason
from switch.call.cause import Cause
from switch.call.leg import Legs
from switch.call.moment import Moment
from switch.call.story import Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Routing has been asked, on arrival or because a line did not take the call; its ruling comes in the same step."""

    @property
    def deadline(self) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class InMenu:
    """`play`: the number of the prompt that plays, None in silence. `queue`: prompts to follow it. `deadline`: the silence allowed."""

    plan: MenuPlan
    session: Session
    play: int | None
    queue: tuple[str, ...]
    deadline: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcing:
    """Nobody takes the call, and the caller is told so. `cause`: why nobody does."""

    play: int
    cause: Cause
    deadline: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunting:
    """Leg `leg` is dialled. `silence`: when it counts as dead; None once it rang. `ring`: when it has rung for long enough."""

    leg: int
    silence: Moment | None
    ring: Moment
    mark_ms: int | None

    @property
    def deadline(self) -> Moment:
        return self.ring if self.silence is None else min(self.silence, self.ring)


@dataclass(frozen=True, slots=True, kw_only=True)
class Securing:
    """Line `leg` answered; the two may speak once that is on disk."""

    leg: int
    mark: Moment | None
    deadline: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridged:
    """The caller and `leg` speak. `mark`: the moment money is owed, None once it passed. `beat`: the next five-second heartbeat."""

    leg: int
    mark: Moment | None
    beat: Moment

    @property
    def deadline(self) -> Moment:
        return self.beat if self.mark is None else min(self.mark, self.beat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Releasing:
    """The call has ended for the caller; legs that still wind down are waited for."""

    deadline: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    @property
    def deadline(self) -> None:
        return None


Phase = Routing | InMenu | Announcing | Hunting | Securing | Bridged | Releasing | Over


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
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
