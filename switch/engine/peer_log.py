"""Bounds how many log lines a peer can cause, and how much is kept to know that."""

MAX_LINES = 10
"""Lines of one host in `WINDOW_NS`, from its first."""
WINDOW_NS = 3_600_000_000_000
MAX_HOSTS = 1_000
"""Hosts whose lines are counted apart; further ones share `MAX_LINES`."""
_OTHERS = ""


class _Window:
    """`logged`: what the lines were of: host, Call-ID, kind."""

    __slots__ = ("lines", "logged", "start_ns")

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.lines = 0
        self.logged: set[tuple[str, str, str]] = set()


class PeerLogLimit:
    """Lines left to each host: `MAX_LINES` in a window that begins with its first line, and of each call one for each kind of oddity."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def take(self, host: str, now_ns: int) -> int | None:
        """Takes one line of `host`'s. Returns how many are left after it, or None: it has none, and must not be logged."""
        return self._take(self._window(host, now_ns))

    def take_oddity(self, host: str, now_ns: int, *, call_id: str, what: str) -> int | None:
        """As `take`, for `what` a message of this call had in it (see `PeerOddity`). None also when all of its kinds, which stand before
        the colons, were logged of the call already."""
        window = self._window(host, now_ns)
        kinds = {(host, call_id, part.partition(":")[0]) for part in what.split("; ")}
        if kinds <= window.logged:
            return None
        left = self._take(window)
        if left is not None:
            window.logged |= kinds
        return left

    def _take(self, window: _Window) -> int | None:
        if window.lines >= MAX_LINES:
            return None
        window.lines += 1
        return MAX_LINES - window.lines

    def _window(self, host: str, now_ns: int) -> _Window:
        if host not in self._windows and len(self._windows) >= MAX_HOSTS:
            self._windows = {each: window for each, window in self._windows.items() if now_ns - window.start_ns < WINDOW_NS}
            if len(self._windows) >= MAX_HOSTS:
                host = _OTHERS
        window = self._windows.get(host)
        if window is None or now_ns - window.start_ns >= WINDOW_NS:
            window = self._windows[host] = _Window(now_ns)
        return window
