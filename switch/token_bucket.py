"""PURE. Defines the token bucket: a rate with a burst, in integers. The caller brings the moments."""


class TokenBucket:
    """Lets `per_second` (at least 1) through, and up to `burst` at once after a pause.

    The generic cell rate algorithm (ITU-T I.371): the one value that is kept is when the bucket would be full again.
    """

    __slots__ = ("_full_ns", "_interval_ns", "_tolerance_ns")

    def __init__(self, *, per_second: int, burst: int) -> None:
        self._interval_ns = 1_000_000_000 // per_second
        self._tolerance_ns = self._interval_ns * (burst - 1)
        self._full_ns: int | None = None

    def take(self, now_ns: int) -> bool:
        """Takes one token. False: there is none, and nothing changes."""
        full_ns = now_ns if self._full_ns is None else max(self._full_ns, now_ns)
        if full_ns - now_ns > self._tolerance_ns:
            return False
        self._full_ns = full_ns + self._interval_ns
        return True

    def is_full(self, now_ns: int) -> bool:
        """Returns whether it is as if it had never been used."""
        return self._full_ns is None or self._full_ns <= now_ns
