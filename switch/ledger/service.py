"""The journal and the SQL ledger of a running switch, as one service on the event loop.

Lines are appended at once; records go to the ledger in the background and stay in the journal until they are there. When either
can't be written the owner is told, and told again when both can. After a failed fsync or write, the lines that may not be durable go to
a new segment of the journal, and only then is anything called durable again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path

from switch.billing.verdict import JudgedCall
from switch.call.leg_media import LegMedia
from switch.engine.journal_line import recover_call
from switch.engine.steering_rows import SteeringRows, is_steering, steering_of
from switch.ledger.database import Database, RecordRefused
from switch.ledger.journal import Journal, JournalUnwritable, recover
from switch.ledger.store import Ledger, LedgerUnreadable, LedgerUnwritable
from switch.ledger.writer import FsyncThread, LedgerWriter

CLOSE_S = 5.0
JOURNAL_RETRY_S = 1.0
SLOW_S = 2.0
PROBE_ID = "-"
"""Stands in a journal line for a call id, when only the writing is tried."""
FLUSH = "flush"
"""Stands for a token, where an fsync is asked for that no call waits for."""
FLUSH_BYTES = 8 * 1024 * 1024
"""So many bytes of lines may wait for an fsync; then one is asked for. Until it is done the journal keeps them in memory."""
RECOVERED_AT_ONCE = 500
"""So many calls that the last process left are judged and handed to the ledger before more are: there may be very many."""


class LedgerService:
    """`secured(tokens)`: the journal is durable up to them. `state(writable, why)`. `complain(what, call_id)`: something to log; the id is
    "" where it is about no call. `found(judged)`: a call that the last process left in the journal. `past_is_whole()`: the ledger is
    there, and has all of those.

    Until its owner has learned from the ledger's past what caps and balances need, and says `past_known`, it counts as not writable.
    """

    def __init__(
        self,
        data: Path,
        *,
        database: Database,
        secured: Callable[[Sequence[str]], None],
        state: Callable[[bool, str], None],
        complain: Callable[[str, str], None],
        found: Callable[[JudgedCall], None],
        past_is_whole: Callable[[], None],
    ) -> None:
        self._data = data
        self._ledger = Ledger(database)
        self._secured = secured
        self._state = state
        self._complain = complain
        self._found = found
        self._past_is_whole = past_is_whole
        self._ledger_why: str | None = "it is being opened"
        self._past_why: str | None = "its past is being read"
        self._old: Mapping[str, tuple[bytes, ...]] = {}  # what the last process left, until the ledger says which of it is there
        self._steered: Mapping[str, tuple[bytes, ...]] = {}  # the same, of those who steered it
        self._left: deque[tuple[str, tuple[bytes, ...]]] = deque()  # the rest of it, still to be recovered
        self._recovering: set[str] = set()
        self._asked_past = False
        self._journal_why: str | None = None
        self._owed: list[str] = []  # tokens that wait until the journal can be written again
        self._flushing = False
        self._writable = False
        self._retrying = False
        self._asked_s: float | None = None

    def start(self, *, first: Callable[[], None] = lambda: None) -> None:
        """Opens the journal. What the last process left in it is recovered once the ledger is there. `first` is called when the journal is
        ours and before the ledger is touched: what it raises leaves both as they were.

        Raises JournalInUse, JournalUnwritable.
        """
        self._loop = asyncio.get_running_loop()
        self._journal = Journal(self._data / "journal")
        try:
            first()
        except BaseException:
            self._journal.close()
            raise
        found = recover(self._data / "journal")
        self._sync = FsyncThread(self._journal.fsync, done=self._synced)
        self._old = {each: lines for each, lines in found.calls.items() if not is_steering(each)}
        self._steered = {each: lines for each, lines in found.calls.items() if is_steering(each)}
        self._writer = LedgerWriter(
            self._opened,
            on_recorded=self._on_recorded,
            on_state=self._on_state,
            on_refused=self._on_refused,
        )
        for problem in found.problems:
            self._complain(f"journal: {problem}", "")
        self._sync.start()
        self._writer.start()

    def append(self, call_id: str, payload: bytes) -> None:
        """A line of the journal. A failure is told as a state; the call goes on in memory, and its record still goes to the ledger."""
        try:
            self._journal.append(call_id, payload)
        except JournalUnwritable as error:
            self._journal_fails(str(error))
            return
        if self._journal.pending_bytes > FLUSH_BYTES:
            self.sync_soon()

    def sync(self, token: str) -> None:
        """`secured` is told once all lines so far are durable: not before the journal can be written again, where it can't.

        A disk that has not answered for a while counts as one that can't: new calls must not dial lines in vain.
        """
        now_s = self._loop.time()
        if self._asked_s is not None and now_s - self._asked_s > SLOW_S:
            self._journal_fails(f"the disk has not answered for {now_s - self._asked_s:.0f} s")
        if self._journal_why is not None:
            self._owed.append(token)
            return
        self._asked_s = self._asked_s or now_s
        self._sync.request(token)

    @property
    def why(self) -> str | None:
        """Returns why calls can't be kept at present, or None."""
        return self._journal_why or self._ledger_why or self._past_why

    @property
    def waiting(self) -> int:
        """Returns how many records wait for the ledger."""
        return self._writer.waiting + len(self._left)

    def keep(self, judged: JudgedCall) -> None:
        """Hands a call to the ledger; where too much waits for it already, the next start brings it there from the journal."""
        if not self._writer.submit(judged):
            self._complain("a call stays in the journal: too many records wait for the ledger", judged.record.call_id)

    def keep_media(self, call_id: str, media: LegMedia) -> None:
        """Hands the figures of a leg to the ledger; where too many wait for it already, they are lost."""
        self._writer.submit_media(call_id, media)

    def sync_soon(self) -> None:
        """Has the lines so far made durable, though nothing waits for it."""
        if not self._flushing:
            self._flushing = True
            self._sync.request(FLUSH)

    def mark_kept(self, journal_id: str) -> None:
        """The ledger has what the lines with this id say."""
        self._mark_recorded([journal_id])

    def past_known(self) -> None:
        """Says that caps and balances are as the ledger has them: calls can be taken."""
        self._past_why = None
        self._tell_state()

    def close(self) -> None:
        """Writes everything that can be written. The rest stays in the journal for the next start."""
        if not self._writer.close(CLOSE_S) or self._left:
            self._complain("records are left in the journal: the ledger could not be written; the next start tries again", "")
        self._sync.close(CLOSE_S)
        self._journal.close()

    def _recover(self, call_id: str, lines: tuple[bytes, ...]) -> bool:
        """Hands a call the last process left to the ledger, closed as crashed where it had not ended. False: not yet, too much
        waits for the ledger."""
        try:
            judged = recover_call(lines)
        except ValueError as error:
            self._complain(f"journal: a call can't be read and is kept as it is: {error}", call_id)
            return True
        if not self._writer.submit(judged):
            return False
        self._found(judged)
        self._recovering.add(call_id)
        return True

    # in the writer's thread

    def _opened(self) -> Ledger:
        """Returns the ledger, migrated. Of the calls left in the journal, those that it has already are done: only segments keep them, for
        the sake of others, and where such a call began may be deleted."""
        self._ledger.migrate()
        try:
            recorded = self._ledger.recorded(self._old)
        except LedgerUnreadable as error:
            raise LedgerUnwritable(str(error)) from error
        self._keep_steered()
        self._loop.call_soon_threadsafe(self._recover_all, recorded)
        return self._ledger

    def _keep_steered(self) -> None:
        """Brings what the last process could not to the ledger: who steered it, and by which overrides."""
        rows: dict[str, SteeringRows] = {}
        for journal_id, lines in self._steered.items():
            try:
                rows[journal_id] = steering_of(lines)
            except ValueError as error:
                self._steering_fails(error)
        entries = list(rows.items())
        for start in range(0, len(entries), RECOVERED_AT_ONCE):
            self._keep_some(dict(entries[start : start + RECOVERED_AT_ONCE]))
        self._steered = {}

    def _keep_some(self, rows: Mapping[str, SteeringRows]) -> None:
        """Writes them, or, where the database refuses one, each that it takes."""
        try:
            self._ledger.add_steering(list(rows.values()))
        except RecordRefused as error:
            if len(rows) == 1:
                self._steering_fails(error)
                return
            for each in rows.items():
                self._keep_some(dict([each]))
        else:
            self._loop.call_soon_threadsafe(self._mark_recorded, tuple(rows))

    def _steering_fails(self, error: Exception) -> None:
        what = f"journal: an action can't be brought to the ledger and is kept as it is: {error}"
        self._loop.call_soon_threadsafe(self._complain, what, "")

    # from the threads, brought to the loop

    def _synced(self, tokens: Sequence[str], error: OSError | None) -> None:
        self._loop.call_soon_threadsafe(self._journal_synced, tokens, error)

    def _on_recorded(self, call_ids: Sequence[str]) -> None:
        self._loop.call_soon_threadsafe(self._mark_recorded, call_ids)

    def _on_state(self, writable: bool, why: str) -> None:  # noqa: FBT001 the writer's callback
        self._loop.call_soon_threadsafe(self._ledger_state, None if writable else why)

    def _on_refused(self, judged: JudgedCall, why: str) -> None:
        self._loop.call_soon_threadsafe(self._recorded_past, [judged.record.call_id])
        what = f"the ledger refuses a call; it stays in the journal: {why}"
        self._loop.call_soon_threadsafe(self._complain, what, judged.record.call_id)

    # on the loop

    def _mark_recorded(self, call_ids: Sequence[str]) -> None:
        try:
            self._journal.mark_recorded(call_ids)
        except JournalUnwritable as error:
            self._complain(f"journal: a segment of recorded calls could not be deleted: {error}", "")
        self._recorded_past(call_ids)

    def _recover_all(self, recorded: Set[str]) -> None:
        done = {*recorded, PROBE_ID}
        self._left = deque((call_id, lines) for call_id, lines in self._old.items() if call_id not in done)
        self._old = {}
        self._mark_recorded(tuple(done))

    def _recover_some(self) -> None:
        while self._left and len(self._recovering) < RECOVERED_AT_ONCE and self._recover(*self._left[0]):
            self._left.popleft()

    def _recorded_past(self, call_ids: Sequence[str]) -> None:
        if self._recovering or self._left:
            self._recovering.difference_update(call_ids)
            self._recover_some()
            self._look_at_past()

    def _look_at_past(self) -> None:
        if self._ledger_why is None and not self._left and not self._recovering and not self._asked_past:
            self._asked_past = True
            self._past_is_whole()

    def _ledger_state(self, why: str | None) -> None:
        self._ledger_why = why
        self._look_at_past()
        self._tell_state()

    def _try_journal(self) -> None:
        """Tries whether a line can be written and made durable again; the answer comes as `_journal_synced`."""
        try:
            if self._journal.failed:
                self._journal.rewrite()
            self._journal.append(PROBE_ID, b"{}")
        except JournalUnwritable as error:
            if not self._journal.failed:  # too many lines wait for an fsync: it is what makes room for the next try
                self._sync.request(FLUSH)
            self._journal_fails(str(error))
            return
        self._mark_recorded([PROBE_ID])
        self._sync.request(PROBE_ID)

    def _journal_synced(self, tokens: Sequence[str], error: OSError | None) -> None:
        self._asked_s = None
        self._flushing = False
        waiting = [token for token in tokens if token not in (PROBE_ID, FLUSH)]
        if error is not None:
            self._owed.extend(waiting)
            self._journal_fails(f"fsync failed: {error}")
            return
        if PROBE_ID in tokens and not self._journal.failed:
            self._journal_why = None
            self._tell_state()
            owed, self._owed = self._owed, []
            for token in owed:  # their lines may be younger than this fsync
                self.sync(token)
        self._secured(waiting)

    def _journal_fails(self, why: str) -> None:
        """Fails closed: reports the journal as not writable, and tries again soon: once, however many calls met the failure."""
        if not self._retrying:
            self._retrying = True
            self._loop.call_later(JOURNAL_RETRY_S, self._retry_journal)
        self._journal_why = f"journal: {why}"
        self._tell_state()

    def _retry_journal(self) -> None:
        self._retrying = False
        self._try_journal()

    def _tell_state(self) -> None:
        why = self.why
        if self._writable != (why is None):
            self._writable = why is None
            self._state(self._writable, why or "")
