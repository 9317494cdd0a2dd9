"""Reads the ledger for a running switch: its past, once, before calls are taken; then, each second, what others have posted.

Every read is done in a thread, and again a second later where it fails; what is found is told on the event loop. A row that can't be
read is said once, counted, and passed over: it must not keep later ones from counting.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any, TypeVar

from switch.billing.verdict import MoneyRow
from switch.call.record import CallRecord
from switch.engine.lookback import Lookback
from switch.engine.steering_rows import SteeringRows
from switch.engine.usage import UsageHistory
from switch.ledger.database import Database
from switch.ledger.heard import HeardRow
from switch.ledger.store import Ledger, LedgerUnreadable, LedgerUnwritable, RecordRefused
from switch.ledger.tables import RecordingDeletionRow, RecordingRow, SipTraceRow

T = TypeVar("T")

MAX_MADE = 20_000
"""So many of the newest attempts say which line is next in turn, and what lines have earned lately."""
OURS = "switch"
"""The actor of rows that a running switch writes itself, and has counted already."""
RETRY_S = 1.0
CLOSE_S = 5.0
MAX_WAITING_TRACES = 1_000
"""Calls whose SIP messages wait for the ledger."""
SWEPT_AT_ONCE = 500
"""Rows that are deleted in one transaction."""
MAX_SWEEP_STEPS = 20
POLL_S = 1.0
"""How soon a posting or a deposit counts for the caps of calls to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`last_money`: the number of the newest money row that `past` holds."""

    past: UsageHistory
    last_money: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedRow:
    """A money row that somebody else wrote, and the call it is about; None: about none.

    `before_micros`: what the same line had earned by the same call before it.
    """

    row: MoneyRow
    record: CallRecord | None
    before_micros: int


def read_history(ledger: Ledger, horizon: Lookback) -> History:
    """As much of it as `horizon` asks for, as of one instant.

    Raises LedgerUnreadable.
    """
    overrides = ledger.override_rows()
    with ledger.reading() as reading:
        past = UsageHistory(
            horizon_us=horizon.counts_us,
            counts=tuple(reading.tallies(horizon.counts_us)),
            before=tuple(reading.totals(horizon.counts_us)) if horizon.ever else (),
            deposits=reading.balances(),
            paid=tuple(reading.paid_since(horizon.paid_us)),
            attempts=tuple(reading.made(MAX_MADE)),
            overrides=tuple(overrides),
        )
        return History(past=past, last_money=reading.last_money())


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A money row that holds what no row can, or is about the call `call_id`, which does. `number`: its place in the ledger."""

    number: int
    why: str
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """Rows that others have written. `last`: the number to go on from."""

    posted: Sequence[PostedRow]
    unreadable: Sequence[Unreadable]
    last: int


def read_posted(ledger: Ledger, *, after: int) -> Polled:
    """Returns the rows of others behind number `after`. Raises LedgerUnreadable."""
    posted: list[PostedRow] = []
    unreadable: list[Unreadable] = []
    rows = ledger.money_since(after, broken=lambda number, why: unreadable.append(Unreadable(number=number, why=why)))
    last = max([after, *(each.number for each in unreadable), *(number for number, _ in rows)])
    for number, row in rows:
        if row.actor == OURS:
            continue
        try:
            posted.append(_posted(ledger, row))
        except (ValueError, TypeError) as error:  # as reading its call may raise
            unreadable.append(Unreadable(number=number, why=f"{row.key}: {error}", call_id=row.call_id))
    return Polled(posted=posted, unreadable=unreadable, last=last)


def _posted(ledger: Ledger, row: MoneyRow) -> PostedRow:
    calls = ledger.calls(limit=1, call_id=row.call_id) if row.call_id else []
    earlier = takewhile(lambda each: each.key != row.key, ledger.rows_of(row.call_id) if row.call_id else [])
    alike = (each.amount_micros for each in earlier if (each.kind, each.line) == (row.kind, row.line))
    return PostedRow(row=row, record=calls[0].record if calls else None, before_micros=sum(alike))


class LedgerPoller:
    """`loaded(history)`: everything before this process. `posted(rows)`: what others wrote since. `now_us()`: the present.
    `complain(what, call_id)`: something to log; the id is "" where it is about no call.

    `unreadable`: how many rows of others were passed over.
    """

    def __init__(
        self,
        database: Database,
        *,
        loaded: Callable[[History], None],
        posted: Callable[[Sequence[PostedRow]], None],
        complain: Callable[[str, str], None],
        now_us: Callable[[], int],
    ) -> None:
        self._ledger = Ledger(database)
        self._loaded = loaded
        self._posted = posted
        self._complain = complain
        self._now_us = now_us
        self._tasks: set[asyncio.Task[None]] = set()
        self._writes: set[asyncio.Task[None]] = set()
        self._waiting_traces = 0
        self.unreadable = 0

    def begin(self, horizon: Lookback) -> None:
        """The ledger is there, and holds every call of earlier processes: read its past, then look what others post."""
        self._spawn(self._watch(horizon))

    def keep_config(self, version: str, files: Mapping[str, str]) -> None:
        """The config that calls are decided by from now on, so that it can be shown later what decided them."""
        at_us = self._now_us()

        def keep(ledger: Ledger) -> None:
            ledger.keep_config(version, at_us=at_us, files=files)

        async def kept() -> None:
            await self._insist(keep)

        self._spawn(kept())

    def keep_recording(self, recording: RecordingRow, *, then: Callable[[], None]) -> None:
        """The row of a recording whose file is complete. `then`: called once the ledger has it."""
        self._write(lambda ledger: ledger.add_recordings([recording]), then=then)

    def keep_heard(self, rows: Sequence[HeardRow]) -> None:
        """What was heard of a talk."""
        self._write(lambda ledger: ledger.add_heard(rows))

    def keep_steering(self, rows: SteeringRows, *, then: Callable[[], None]) -> None:
        """Somebody steered the switch. `then`: called once the ledger has that."""
        self._write(lambda ledger: ledger.add_steering([rows]), then=then)

    def keep_traces(self, rows: Sequence[SipTraceRow]) -> None:
        """The SIP messages of calls. While the ledger can't be written, no more than `MAX_WAITING_TRACES` wait; others are lost."""
        if self._waiting_traces + len(rows) > MAX_WAITING_TRACES:
            self._complain(f"the SIP messages of {len(rows)} calls are lost: the ledger does not take them", "")
            return
        self._waiting_traces += len(rows)

        def written() -> None:
            self._waiting_traces -= len(rows)

        self._write(lambda ledger: ledger.add_traces(rows), then=written)

    def sweep_traces(self, before_us: int) -> None:
        """SIP messages of calls that began before a moment are deleted, a bounded number in each transaction."""

        def delete(ledger: Ledger) -> None:
            for _ in range(MAX_SWEEP_STEPS):
                if ledger.delete_traces(before_us, limit=SWEPT_AT_ONCE) < SWEPT_AT_ONCE:
                    return

        async def swept() -> None:
            await self._insist(delete)

        self._spawn(swept())

    def forget_recordings(self, deletions: Sequence[RecordingDeletionRow], *, then: Callable[[], None]) -> None:
        """The files of recordings are to be deleted. `then`: called once the ledger has that."""
        self._write(lambda ledger: ledger.add_recording_deletions(deletions), then=then)

    def _write(self, work: Callable[[Ledger], None], *, then: Callable[[], None] | None = None) -> None:
        async def written() -> None:
            await self._insist(work)
            if then is not None:
                then()

        task = self._spawn(written())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    def look_back(self, horizon: Lookback, *, then: Callable[[History], None]) -> None:
        """A config that looks further back than is known waits for the rest."""

        async def looked() -> None:
            then(await self._insist(partial(read_history, horizon=horizon)))

        self._spawn(looked())

    async def close(self) -> None:
        """Rows of recordings, of what was heard and of actions are still written, for a limited time."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=CLOSE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._complain(f"watching the ledger failed: {task.exception()!r}", "")

    async def _watch(self, horizon: Lookback) -> None:
        history = await self._insist(partial(read_history, horizon=horizon))
        self._loaded(history)
        after = history.last_money
        while True:
            await asyncio.sleep(POLL_S)
            found = await self._insist(partial(read_posted, after=after))
            after = found.last
            self._tell(found)

    def _tell(self, found: Polled) -> None:
        """One by one: whatever is wrong with one of them must not keep the others from being told."""
        for row in found.unreadable:
            self._pass_over(row.number, row.why, row.call_id)
        for each in found.posted:
            try:
                self._posted([each])
            except Exception as error:  # noqa: BLE001 it is said, and the others are told
                self._pass_over(each.row.key, repr(error), each.row.call_id)

    def _pass_over(self, row: int | str, why: str, call_id: str) -> None:
        self.unreadable += 1
        self._complain(f"money row {row} could not be counted for caps and balances: {why}", call_id)

    async def _insist(self, work: Callable[[Ledger], T]) -> T:
        """Runs `work` in a thread, again and again until it succeeds. Returns its result."""
        said = ""
        while True:
            try:
                return await asyncio.to_thread(work, self._ledger)
            except (LedgerUnreadable, LedgerUnwritable, RecordRefused, ValueError, TypeError) as error:
                if str(error) != said:
                    said = str(error)
                    self._complain(f"ledger: {error}", "")
            await asyncio.sleep(RETRY_S)
