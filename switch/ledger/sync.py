"""Knows group commit: one fsync for all who wait for one. Does not know the journal, nor the event loop it reports to."""

import threading
from collections.abc import Callable, Sequence


class SyncThread:
    """`done` is called from the thread, with the tokens one fsync covered, and the error it met or None.

    A token asked for while an fsync runs waits for the next one: the running one may have passed its line already.
    """

    def __init__(self, fsync: Callable[[], None], *, done: Callable[[Sequence[str], OSError | None], None]) -> None:
        self._fsync = fsync
        self._done = done
        self._wake = threading.Condition()
        self._waiting: list[str] = []
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def request(self, token: str) -> None:
        with self._wake:
            self._waiting.append(token)
            self._wake.notify()

    def close(self, timeout_s: float) -> bool:
        """Syncs for all who still wait, then ends. False: a stuck disk kept it from ending in time."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while tokens := self._next():
            try:
                self._fsync()
            except OSError as error:
                self._done(tokens, error)
            else:
                self._done(tokens, None)

    def _next(self) -> Sequence[str]:
        """Empty when the thread is to end."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closing)
            tokens, self._waiting = self._waiting, []
            return tokens
