"""PURE. What a caller hears in a hold queue."""

from dataclasses import dataclass

from ivr.menu import SayTag

POSITION = "position"
"""The tag that an announcement says: the caller's place in the queue, from 1."""
DEFAULT_EVERY_MS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTerms:
    """`music`: the prompt that is heard over and over; None: ringback is. `announce`: what is said at first, and then `every_ms` after it
    was said last: prompts, and the place as `POSITION`; empty: nothing is."""

    music: str | None = None
    announce: tuple[str | SayTag, ...] = ()
    every_ms: int = DEFAULT_EVERY_MS


DEFAULT_HOLD = HoldTerms()
