"""Gives out the RTP ports of this switch, and lets each rest between calls."""

from collections import deque


class RtpPorts:
    """Even ports of `first`..`last`, handed out longest-unused first (RFC 3550 §11: RTP on even ports)."""

    __slots__ = ("_free", "_quiet", "_quiet_ns", "range")

    def __init__(self, first: int, last: int, *, quiet_ms: int) -> None:
        self.range = range(first, last + 1)
        self._free = deque(range(first + first % 2, last + 1, 2))
        self._quiet: deque[tuple[int, int]] = deque()
        self._quiet_ns = quiet_ms * 1_000_000

    def allocate(self, now_ns: int) -> int | None:
        """Returns a port that was unused for the quiet time, or None."""
        while self._quiet and self._quiet[0][0] <= now_ns:
            self._free.append(self._quiet.popleft()[1])
        return self._free.popleft() if self._free else None

    def release(self, port: int, now_ns: int) -> None:
        """Releases `port` at `now_ns`. Called once for each `allocate`."""
        self._quiet.append((now_ns + self._quiet_ns, port))

    def release_unused(self, port: int) -> None:
        """Releases a `port` that was never opened: no late packet can come for it."""
        self._free.appendleft(port)
