"""Defines what routing may ask about the moment: what counts against caps, who was called last, who is a repeat. Keeps nothing.

The engine's usage is one such load; `EMPTY_LOAD` is another, for questions about a switch at rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from routing.cap import Cap
from routing.override import NO_OVERRIDES, OverridesInForce


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidConversion:
    """A conversion that was paid for: what a repeat caller is known by. `at_us`: UTC microseconds. `call_id`: of the call that made it,
    where that may still go on: no call is a repeat of itself.
    """

    at_us: int
    did: str
    campaign: str
    advertiser: str
    line: str
    call_id: str = ""


class Load(Protocol):
    """Everything is as of the instant asked about; instants never go backwards."""

    def in_force(self, utc_us: int) -> OverridesInForce:
        """What somebody has paused, and limited otherwise than the config."""

    def used(self, cap: Cap, utc_us: int) -> int:
        """How much counts against `cap` now: calls, or micros of revenue. For `strict` caps what is outstanding too."""

    def last_attempt_us(self, line: str) -> int:
        """When the line was last dialled, UTC microseconds; 0: never."""

    def last_line(self, campaign: str, priority: int) -> str | None:
        """The line of that tier that was dialled last: where round robin goes on from."""

    def resting_until_us(self, line: str) -> int:
        """Until when a line is left alone, since it failed or asked for it (Retry-After), UTC microseconds; 0: it is healthy."""

    def is_down(self, line: str) -> bool:
        """Whether the line does not answer OPTIONS."""

    def worth_micros(self, campaign: str, line: str) -> int:
        """Mean revenue of the line's recent attempts for the campaign, micros."""

    def waiting(self, campaign: str) -> int:
        """Callers in the campaign's hold queue."""

    def place(self, campaign: str, call_id: str) -> int:
        """The call's place in the campaign's hold queue, from 1; the one that it would get where it is not in it."""

    def paid(self, ani: str) -> Sequence[PaidConversion]:
        """The caller's paid conversions, oldest first; none for callers that have no number of their own."""


class EmptyLoad:
    """The load of a switch at rest."""

    __slots__ = ()

    def in_force(self, utc_us: int) -> OverridesInForce:
        del utc_us
        return NO_OVERRIDES

    def used(self, cap: Cap, utc_us: int) -> int:
        del cap, utc_us
        return 0

    def last_attempt_us(self, line: str) -> int:
        del line
        return 0

    def last_line(self, campaign: str, priority: int) -> str | None:
        del campaign, priority
        return None

    def resting_until_us(self, line: str) -> int:
        del line
        return 0

    def is_down(self, line: str) -> bool:
        del line
        return False

    def worth_micros(self, campaign: str, line: str) -> int:
        del campaign, line
        return 0

    def waiting(self, campaign: str) -> int:
        del campaign
        return 0

    def place(self, campaign: str, call_id: str) -> int:
        del campaign, call_id
        return 1

    def paid(self, ani: str) -> Sequence[PaidConversion]:
        del ani
        return ()


EMPTY_LOAD = EmptyLoad()
