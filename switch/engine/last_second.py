"""Counts what happened in the last second, by key. A limit of N then means: never more than N in any second."""

from collections import deque

SECOND_US = 1_000_000


class LastSecond:
    """Moments come in order. Memory is bounded by what one second brings."""

    __slots__ = ("_at_us",)

    def __init__(self) -> None:
        self._at_us: dict[str, deque[int]] = {}

    def add(self, key: str, at_us: int) -> None:
        self._at_us.setdefault(key, deque()).append(at_us)

    def count(self, key: str, now_us: int) -> int:
        """Returns how many there were in the second up to `now_us`; one exactly a second ago does not count any more."""
        moments = self._at_us.get(key)
        if moments is None:
            return 0
        while moments and moments[0] <= now_us - SECOND_US:
            moments.popleft()
        if not moments:
            del self._at_us[key]
        return len(moments)
