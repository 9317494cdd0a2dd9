"""How the demo waits: for a condition that is looked at again at each change, with a deadline."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 15.0
"""Longer than the sample's prompts and silences, far longer than anything else takes on loopback: what has not come by then won't."""

T = TypeVar("T")


class ExpectationFailed(Exception):
    """Something that had to happen did not, in time. The message says what."""


class Watch:
    """Whoever changes something calls `changed`; whoever waits looks again."""

    def __init__(self) -> None:
        self._change = asyncio.Event()

    def changed(self) -> None:
        self._change.set()

    async def until(self, look: Callable[[], T | None], what: str, *, within_s: float = PATIENCE_S) -> T:
        """The first thing but None (or False) that `look` finds. Raises ExpectationFailed with `what` when there is none in time."""
        try:
            async with asyncio.timeout(within_s):
                while not (found := look()):
                    self._change.clear()
                    await self._change.wait()
                return found
        except TimeoutError:
            raise ExpectationFailed(f"{what}: not within {within_s:g} s") from None
