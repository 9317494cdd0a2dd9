"""PURE. Keeps items by due time in a heap: call deadlines, SIP timers, frames to play out, simulated events. It reads no clock."""

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

STALE_KEPT = 64
"""Cancelled entries that may stay in the heap; beyond that, and beyond the number of live ones, the heap is rebuilt."""


class TimerEntry(msgspec.Struct, Generic[T], eq=False):
    """One entry of a heap. `item` is None once it is due or was cancelled."""

    item: T | None


class TimerHeap(Generic[T]):
    """Items by instant; instants are integers of one unit. Adding and cancelling are O(log n) amortised.

    Items of one instant come out in the order in which they were added, so that a run repeats exactly. An item is never None.
    """

    __slots__ = ("_heap", "_live", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, TimerEntry[T]]] = []
        self._serial = 0
        self._live = 0

    def __len__(self) -> int:
        """Returns how many items are neither popped nor cancelled."""
        return self._live

    def add(self, at: int, item: T) -> TimerEntry[T]:
        """Adds `item`, due at `at`."""
        entry = TimerEntry(item)
        self._serial += 1
        self._live += 1
        heappush(self._heap, (at, self._serial, entry))
        return entry

    def cancel(self, entry: TimerEntry[T] | None) -> None:
        """Cancels `entry`. Changes nothing when it is None, was popped, or is cancelled already."""
        if entry is None or entry.item is None:
            return
        entry.item = None
        self._live -= 1
        if len(self._heap) > 2 * self._live + STALE_KEPT:
            self._heap = [each for each in self._heap if each[2].item is not None]
            heapify(self._heap)

    def next_at(self) -> int | None:
        """Returns the instant of the next item, or None."""
        heap = self._heap
        while heap and heap[0][2].item is None:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: int) -> T | None:
        """Removes and returns the next item that is due at `now`, or None."""
        at = self.next_at()
        if at is None or at > now:
            return None
        entry = heappop(self._heap)[2]
        item, entry.item = entry.item, None
        self._live -= 1
        return item
