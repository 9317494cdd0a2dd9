"""PURE. Computes the timer values of SIP (RFC 3261 §17, table 4)."""

from collections.abc import Callable
from dataclasses import dataclass

from switch.timer_heap import TimerEntry

NS_PER_MS = 1_000_000


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
        """Returns when to do clean-up that is due at `at_ns`: at the next whole T1, together with everything else due by then."""
        return -(-at_ns // self.t1_ns) * self.t1_ns


Timer = TimerEntry[Callable[[int], None]]
"""Called with the present instant, monotonic ns, when it is due."""
