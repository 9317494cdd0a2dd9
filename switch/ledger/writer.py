"""The two threads that block on disks: one writes judged calls to the SQL ledger, the other makes the journal durable.

Calls go to the ledger in batches, in order, again each second until it works; one fsync is for all who wait for one.
It tells its owner whether the ledger can be written. Nothing is lost with this
thread: what it has not reported as recorded is still in the journal. Figures of audio are in no journal: those that wait when the
process dies, or that the database refuses, are lost.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from switch.billing.verdict import JudgedCall
from switch.call.leg_media import LegMedia
from switch.ledger.store import LedgerUnwritable, RecordRefused

MAX_WAITING = 50_000  # judged calls in memory, about 200 MB; more stay in the journal alone
MAX_WAITING_MEDIA = 50_000  # figures of legs; further ones are lost
BATCH_CALLS = 500
LINGER_S = 0.25
RETRY_S = 1.0
PROBE_S = 2.0


MediaOfCall = tuple[str, LegMedia]
"""A leg's figures with the id of its call."""


class Store(Protocol):
    """The ledger as the writer needs it: `switch.ledger.store.Ledger`."""

    def write(self, calls: Sequence[JudgedCall]) -> None: ...
    def write_media(self, rows: Sequence[MediaOfCall]) -> None: ...
    def probe(self) -> None: ...


class LedgerWriter:
    """All callbacks run in the thread.

    `ledger_factory` opens (and migrates) the ledger; it may raise LedgerUnwritable and is then tried again.
    `on_recorded`: these calls are in the ledger.
    `on_state`: whether it can be written, and why not; once it is known, then at each change.
    `on_refused`: a call the database will never take, and why; it stays in the journal and holds up no other.
    """

    def __init__(
        self,
        ledger_factory: Callable[[], Store],
        *,
        on_recorded: Callable[[Sequence[str]], None],
        on_state: Callable[[bool, str], None],
        on_refused: Callable[[JudgedCall, str], None],
        linger_s: float = LINGER_S,
        retry_s: float = RETRY_S,
        probe_s: float = PROBE_S,
    ) -> None:
        self._ledger_factory = ledger_factory
        self._on_recorded = on_recorded
        self._on_state = on_state
        self._on_refused = on_refused
        self._linger_s = linger_s
        self._retry_s = retry_s
        self._probe_s = probe_s
        self._ledger: Store | None = None
        self._writable: bool | None = None
        self._wake = threading.Condition()
        self._waiting: deque[JudgedCall] = deque()
        self._media: deque[MediaOfCall] = deque()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Returns how many calls wait."""
        return len(self._waiting)

    def submit(self, judged: JudgedCall) -> bool:
        """False: too many wait already, and the journal alone keeps this one. Never blocks on the database."""
        with self._wake:
            if len(self._waiting) >= MAX_WAITING:
                return False
            self._waiting.append(judged)
            if len(self._waiting) in (1, BATCH_CALLS):  # else the thread is awake, or lingers for more
                self._wake.notify()
            return True

    def submit_media(self, call_id: str, media: LegMedia) -> bool:
        """False: too many wait already, and these figures are lost. Never blocks on the database."""
        with self._wake:
            if len(self._media) >= MAX_WAITING_MEDIA:
                return False
            self._media.append((call_id, media))
            if len(self._media) in (1, BATCH_CALLS):
                self._wake.notify()
            return True

    def close(self, timeout_s: float) -> bool:
        """Writes what waits, once, and ends. False: something is left to the journal."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._waiting

    def _run(self) -> None:
        try:
            works = self._work()  # opens the ledger, and says the first state
            while self._rest(works=works):
                works = self._work()
        except BaseException:
            self._say("the ledger writer failed", writable=False)  # nobody would write: fail closed, and let the error be seen
            raise

    def _rest(self, *, works: bool) -> bool:
        """Waits for what there is to wait for. False: closing, and all that can be done is done."""
        with self._wake:
            if self._closing:
                return works and self._is_any_waiting()
            if not works:
                self._wake.wait(self._retry_s)
                return True
            if not self._is_any_waiting():
                self._wake.wait(self._probe_s)
            if self._is_any_waiting() and max(len(self._waiting), len(self._media)) < BATCH_CALLS and not self._closing:
                self._wake.wait(self._linger_s)
            return True

    def _is_any_waiting(self) -> bool:
        return bool(self._waiting or self._media)

    def _work(self) -> bool:
        """One batch, or a probe where none waits: an unwritable ledger is known before the next call comes. False: unwritable."""
        with self._wake:
            batch, media = list(islice(self._waiting, BATCH_CALLS)), list(islice(self._media, BATCH_CALLS))
        try:
            refused = self._store(batch, media)
        except LedgerUnwritable as error:
            self._say(str(error), writable=False)
            return False
        with self._wake:
            for _ in batch:
                self._waiting.popleft()
            for _ in media:
                self._media.popleft()
        for judged, why in refused:
            self._on_refused(judged, why)
        never = {judged.record.call_id for judged, _ in refused}
        if recorded := [judged.record.call_id for judged in batch if judged.record.call_id not in never]:
            self._on_recorded(recorded)
        self._say("", writable=True)
        return True

    def _store(self, batch: Sequence[JudgedCall], media: Sequence[MediaOfCall]) -> list[tuple[JudgedCall, str]]:
        if self._ledger is None:
            self._ledger = self._ledger_factory()
        refused = _write(self._ledger, batch) if batch else []
        if media:
            _write_media(self._ledger, media)
        elif not batch:
            self._ledger.probe()
        return refused

    def _say(self, why: str, *, writable: bool) -> None:
        if writable != self._writable:
            self._writable = writable
            self._on_state(writable, why)


def _write(ledger: Store, batch: Sequence[JudgedCall]) -> list[tuple[JudgedCall, str]]:
    """Writes a batch. Returns the calls refused, found by halving. After LedgerUnwritable the whole batch may be written again."""
    try:
        ledger.write(batch)
    except RecordRefused as error:
        if len(batch) == 1:
            return [(batch[0], str(error))]
        half = len(batch) // 2
        return _write(ledger, batch[:half]) + _write(ledger, batch[half:])
    return []


def _write_media(ledger: Store, rows: Sequence[MediaOfCall]) -> None:
    """Writes figures; those that are refused are found by halving, and left out."""
    try:
        ledger.write_media(rows)
    except RecordRefused:
        if len(rows) > 1:
            half = len(rows) // 2
            _write_media(ledger, rows[:half])
            _write_media(ledger, rows[half:])


class FsyncThread:
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
