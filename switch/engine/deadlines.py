"""Knows which call is due next. A heap with lazy deletion: an entry whose call has another deadline by now is dropped when it comes up."""

from heapq import heapify, heappop, heappush

SLACK = 64
"""Stale entries that are let be; beyond that and as many as there are live ones, the heap is made anew."""


class Deadlines:
    """One deadline a key; setting it again replaces it. Instants are monotonic nanoseconds."""

    __slots__ = ("_due", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._due: dict[str, int] = {}

    def set(self, key: str, at_ns: int | None) -> None:
        if at_ns is None:
            self._due.pop(key, None)
        elif self._due.get(key) != at_ns:
            self._due[key] = at_ns
            heappush(self._heap, (at_ns, key))
        self._prune()
        if len(self._heap) > 2 * len(self._due) + SLACK:
            self._heap = [(at, each) for each, at in self._due.items()]
            heapify(self._heap)

    def next(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now_ns: int) -> str | None:
        """A key whose deadline has come; it has none any more. None when there is none."""
        if not self._heap or self._heap[0][0] > now_ns:
            return None
        key = heappop(self._heap)[1]
        del self._due[key]
        self._prune()
        return key

    def _prune(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)

    def __len__(self) -> int:
        return len(self._due)
