"""Knows which RTP ports are free. A port comes back only after a quiet time, so that late packets of one call never reach another."""

from collections import deque


class RtpPorts:
    """Even ports of `first`..`last`, handed out longest-unused first (RFC 3550 §11: RTP on even ports)."""

    __slots__ = ("_free", "_quiet", "_quiet_ns", "range")

    def __init__(self, first: int, last: int, *, quiet_ms: int) -> None:
        self.range = range(first, last + 1)
        self._free = deque(range(first + first % 2, last + 1, 2))
        self._quiet: deque[tuple[int, int]] = deque()
        self._quiet_ns = quiet_ms * 1_000_000

    def take(self, now_ns: int) -> int | None:
        """A port nobody used for the quiet time, or None when there is none."""
        while self._quiet and self._quiet[0][0] <= now_ns:
            self._free.append(self._quiet.popleft()[1])
        return self._free.popleft() if self._free else None

    def give_back(self, port: int, now_ns: int) -> None:
        """`port` is used no more, from `now_ns` on. To be called once for each `take`."""
        self._quiet.append((now_ns + self._quiet_ns, port))

    def give_back_unused(self, port: int) -> None:
        """`port` was taken but never opened: nothing late can come for it."""
        self._free.appendleft(port)
