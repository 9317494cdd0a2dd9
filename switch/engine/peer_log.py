"""Bounds how many log lines a peer can cause, and how much is kept to know that."""

MAX_LINES = 10
"""Lines of one host in `WINDOW_NS`, from its first."""
WINDOW_NS = 3_600_000_000_000
MAX_HOSTS = 1_000
"""Hosts whose lines are counted apart; further ones share `MAX_LINES`."""
_OTHERS = ""


class PeerLogLimit:
    """Lines left to each host: `MAX_LINES` in a window that begins with its first line."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, int]] = {}

    def take(self, host: str, now_ns: int) -> int | None:
        """Takes one line of `host`'s. Returns how many are left after it, or None: it has none, and must not be logged."""
        if host not in self._windows and len(self._windows) >= MAX_HOSTS:
            self._forget_old(now_ns)
            if len(self._windows) >= MAX_HOSTS:
                host = _OTHERS
        start_ns, lines = self._windows.get(host, (now_ns, 0))
        if now_ns - start_ns >= WINDOW_NS:
            start_ns, lines = now_ns, 0
        if lines >= MAX_LINES:
            return None
        self._windows[host] = start_ns, lines + 1
        return MAX_LINES - lines - 1

    def _forget_old(self, now_ns: int) -> None:
        self._windows = {host: window for host, window in self._windows.items() if now_ns - window[0] < WINDOW_NS}
