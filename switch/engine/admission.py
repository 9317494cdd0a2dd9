"""PURE. Decides whether the switch takes a new call at all, whatever its number: drain, ledger, load, calls per second, live calls.

Calls in progress are never asked: requests inside a dialog are always served.
"""

from switch.call.cause import Cause
from switch.token_bucket import TokenBucket

OVERLOAD_LAG_MS = 250
"""From this lag on, in two measurements in a row, new calls are refused: RFC 3261's T1 is 500 ms, and later answers bring retransmissions,
which make it worse. One alone was a stall, and is over."""
RELIEF_LAG_MS = 50
"""Below this lag, and for `RELIEF_NS`, the switch has recovered."""
RELIEF_NS = 1_000_000_000


class Admission:
    """What holds for every new call. `lag_ms`: as measured last."""

    __slots__ = (
        "_bucket",
        "_is_behind",
        "_is_draining",
        "_is_ledger_writable",
        "_is_overloaded",
        "_per_second",
        "_relieved_ns",
        "lag_ms",
    )

    def __init__(self) -> None:
        self.lag_ms = 0
        self._is_behind = False
        self._is_draining = False
        self._is_ledger_writable = True
        self._is_overloaded = False
        self._relieved_ns: int | None = None
        self._per_second: int | None = None
        self._bucket: TokenBucket | None = None

    @property
    def is_ledger_writable(self) -> bool:
        return self._is_ledger_writable

    @property
    def is_overloaded(self) -> bool:
        return self._is_overloaded

    def drain(self) -> None:
        """No new call from now on, for good."""
        self._is_draining = True

    def ledger_writable(self, *, writable: bool) -> None:
        self._is_ledger_writable = writable

    def limit(self, per_second: int | None) -> None:
        """Sets how many new calls a second are taken; None: no limit. A bucket in use goes on when the limit is the same."""
        if per_second != self._per_second:
            self._per_second = per_second
            self._bucket = None if per_second is None else TokenBucket(per_second=per_second, burst=per_second)

    def load(self, lag_ms: int, now_ns: int) -> bool:
        """The shell is `lag_ms` behind. Returns whether the switch entered or left overload."""
        self.lag_ms = lag_ms
        before = self._is_overloaded
        was_behind, self._is_behind = self._is_behind, lag_ms >= OVERLOAD_LAG_MS
        if self._is_behind:
            self._is_overloaded, self._relieved_ns = before or was_behind, None
        elif lag_ms >= RELIEF_LAG_MS:
            self._relieved_ns = None
        elif self._is_overloaded:
            self._relieved_ns = now_ns if self._relieved_ns is None else self._relieved_ns
            self._is_overloaded = now_ns - self._relieved_ns < RELIEF_NS
        return self._is_overloaded is not before

    def objection(self, *, live_calls: int, max_calls: int, now_ns: int) -> Cause | None:
        """Returns why a new call must be refused, or None: then it counts against the calls per second."""
        if self._is_draining:
            return Cause.STOPPING
        if not self._is_ledger_writable:
            return Cause.LEDGER_UNAVAILABLE
        if self._is_overloaded or live_calls >= max_calls:
            return Cause.OVERLOAD
        return None if self._bucket is None or self._bucket.take(now_ns) else Cause.OVERLOAD
