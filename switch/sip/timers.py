"""PURE. Knows how long SIP waits (RFC 3261 §17, table 4) and keeps the alarms that are set. Reads no clock: every instant is given.

Does not know what an alarm is for: it calls back whoever set it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

NS_PER_MS = 1_000_000
STALE_KEPT = 64
"""Stopped alarms tolerated in the heap before half of it being stale makes a sweep worth while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """The three base values of RFC 3261 §17.1.1.1; everything else is computed from them.

    `t1_ns`: estimated round trip. `t2_ns`: the longest pause between retransmissions. `t4_ns`: a message's life in the network.
    """

    t1_ns: int = 500 * NS_PER_MS
    t2_ns: int = 4_000 * NS_PER_MS
    t4_ns: int = 5_000 * NS_PER_MS

    @property
    def patience_ns(self) -> int:
        """64*T1: Timers B, D, F, H, J, L, M, and the wait for an ACK to a 2xx (§13.3.1.4) or a final answer to a CANCEL (§9.1)."""
        return 64 * self.t1_ns

    def clean_up_ns(self, at_ns: int) -> int:
        """When to do what is due at `at_ns` and what nobody waits for: at the next whole T1, along with all else that is due by then."""
        return -(-at_ns // self.t1_ns) * self.t1_ns


class Alarm:
    """One alarm that was set. `callback` is None once it has rung or was stopped."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[int], None]) -> None:
        self.callback: Callable[[int], None] | None = callback


class Alarms:
    """Alarms by instant. Setting and stopping are O(log n) amortised; stopped ones outnumber live ones by `STALE_KEPT` at most.

    Alarms of one instant ring in the order in which they were set, so that a run repeats exactly.
    """

    __slots__ = ("_heap", "_live", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Alarm]] = []
        self._serial = 0
        self._live = 0

    def __len__(self) -> int:
        """How many alarms are set."""
        return self._live

    def set(self, at_ns: int, callback: Callable[[int], None]) -> Alarm:
        """Call `callback(now_ns)` at the first `ring` at or after `at_ns`."""
        alarm = Alarm(callback)
        self._serial += 1
        self._live += 1
        heappush(self._heap, (at_ns, self._serial, alarm))
        return alarm

    def stop(self, alarm: Alarm | None) -> None:
        """Forget `alarm`; nothing happens when it is None, has rung or is stopped already."""
        if alarm is None or alarm.callback is None:
            return
        alarm.callback = None
        self._live -= 1
        if len(self._heap) > 2 * self._live + STALE_KEPT:
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapify(self._heap)

    def ring(self, now_ns: int) -> None:
        """Call everyone whose instant has come, those set meanwhile for an instant that has come included."""
        while (due_ns := self.next_ns()) is not None and due_ns <= now_ns:
            alarm = heappop(self._heap)[2]
            callback, alarm.callback = alarm.callback, None
            self._live -= 1
            if callback is not None:
                callback(now_ns)

    def next_ns(self) -> int | None:
        """The instant of the next alarm, or None."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heappop(heap)
        return heap[0][0] if heap else None
