"""Knows the SQL ledger: writes judged calls, postings and configs once, reads them back, adds them up, proves that writing works.

Does not know when to write, or what to do when writing fails: that is the writer's. What statements read is in `reading` and
`counting`, how databases differ in `database`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Table, insert, select, update

from switch.billing.standing import StateRow
from switch.billing.verdict import JudgedCall, MoneyRow
from switch.ledger import reading
from switch.ledger.counting import Reading
from switch.ledger.database import Database, LedgerUnreadable, LedgerUnwritable, RecordRefused, storing
from switch.ledger.rows import (
    Posting,
    attempt_row,
    call_row,
    event_row,
    json_text,
    money_row,
    posting_row,
    read_posting,
    state_row,
)
from switch.ledger.schema import ATTEMPT, CALL, CONFIG, EVENT, HEALTH, MONEY, MONEY_STATE, POSTING

__all__ = ["Ledger", "LedgerUnreadable", "LedgerUnwritable", "Posting", "RecordRefused"]

BATCH_CALLS = 500  # read at a time where all are read: some megabytes
MAX_POLLED = 1_000


class Ledger:
    """One database. Every method is a transaction of its own, callable from any thread, and blocks.

    Those that write raise LedgerUnwritable, and RecordRefused where the value is at fault; those that read raise LedgerUnreadable.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def migrate(self) -> None:
        """Creates or upgrades the schema, whole or not at all."""
        self._database.migrate()

    def close(self) -> None:
        self._database.close()

    # writing

    def write(self, calls: Sequence[JudgedCall]) -> None:
        """All or none. A call or a money key that is there already stays as it was written first."""
        with self._database.changing() as connection, storing():
            offered = {judged.record.call_id: judged for judged in reversed(calls)}
            known = reading.existing(connection, CALL.c.call_id, offered)
            fresh = [judged for call_id, judged in reversed(offered.items()) if call_id not in known]
            if fresh:
                _insert_calls(connection, fresh)

    def post(self, rows: Sequence[MoneyRow], states: Sequence[StateRow], posting: Posting) -> Posting:
        """Money and states that became true after their calls, and what is answered for them: all or none.

        Gives what the ledger holds under that party and key. Where that is an earlier posting, nothing is written. Keys of money and
        states that are there already stay as they were written first.
        """
        with self._database.changing() as connection, storing():
            same = (POSTING.c.party == posting.party, POSTING.c.idempotency_key == posting.idempotency_key)
            earlier = connection.execute(select(POSTING).where(*same)).mappings().first()
            if earlier is not None:
                return read_posting(earlier)
            connection.execute(insert(POSTING), posting_row(posting))
            _insert_new(connection, MONEY, [money_row(row, 0) for row in rows])
            _insert_new(connection, MONEY_STATE, [state_row(state, 0) for state in states])
            return posting

    def keep_config(self, version: str, *, at_us: int, files: Mapping[str, str]) -> None:
        """`files`: path to content. A version that is there already stays as it was kept first."""
        with self._database.changing() as connection, storing():
            if not reading.existing(connection, CONFIG.c.version, [version]):
                connection.execute(insert(CONFIG), {"version": version, "at_us": at_us, "files": json_text(files)})

    def probe(self) -> None:
        """Proves that a write works right now, by doing one."""
        with self._database.changing() as connection:
            probed = connection.execute(update(HEALTH).where(HEALTH.c.id == 1).values(probes=HEALTH.c.probes + 1))
            if probed.rowcount == 0:
                connection.execute(insert(HEALTH).values(id=1, probes=1))

    # reading calls

    def calls(self, *, limit: int, call_id: str | None = None) -> list[JudgedCall]:
        """The call that ended last comes first."""
        with self._database.snapshot() as connection:
            return reading.newest(connection, limit=limit, call_id=call_id)

    def calls_like(self, beginning: str, *, limit: int) -> list[JudgedCall]:
        """Calls whose id begins so, the one that ended last first."""
        with self._database.snapshot() as connection:
            return reading.beginning_with(connection, beginning, limit=limit)

    def calls_between(
        self, from_us: int, to_us: int, *, batch: int = BATCH_CALLS, events: bool | Collection[str] = True
    ) -> Iterator[JudgedCall]:
        """All calls invited in [from, to), oldest first, `batch` of them in memory at a time. Each batch is a transaction of its own: a
        call that is written meanwhile comes too, unless its place has been passed. Twice as fast without `events`, which
        may be those of some names only."""
        after: tuple[int, str] | None = None
        while True:
            with self._database.snapshot() as connection:
                some = reading.invited_between(connection, from_us=from_us, to_us=to_us, after=after, limit=batch, events=events)
            yield from some
            if len(some) < batch:
                return
            after = (some[-1].record.invited_us, some[-1].record.call_id)

    def recorded(self, call_ids: Iterable[str]) -> set[str]:
        """Those of them that the ledger holds."""
        with self._database.snapshot() as connection:
            return reading.existing(connection, CALL.c.call_id, call_ids)

    def config(self, version: str) -> Mapping[str, str] | None:
        """The files of that version, path to content; None: it was never kept."""
        with self._database.snapshot() as connection:
            return reading.config_files(connection, version)

    def config_versions(self, version: str, *, at_us: int | None = None) -> Mapping[str, str] | None:
        """What was kept with that config version by the moment, or at last: which libraries it ran with; None: nothing."""
        with self._database.snapshot() as connection:
            return reading.config_versions(connection, version, at_us=at_us)

    # reading money

    def rows_of(self, call_id: str) -> list[MoneyRow]:
        """All money of the call in the order written, its verdict's and what was posted since."""
        with self._database.snapshot() as connection:
            return reading.money_of(connection, call_id)

    def state_rows(self, keys: Iterable[str]) -> list[StateRow]:
        """All states of these money rows, in the order written."""
        with self._database.snapshot() as connection:
            return reading.states_of(connection, keys)

    def money_since(self, after_id: int, *, limit: int = MAX_POLLED) -> list[tuple[int, MoneyRow]]:
        """Money rows with their ids, those behind `after_id` in the order written; 0 is before the first. None is ever written with an
        id below one that was read."""
        with self._database.snapshot() as connection:
            return reading.money_behind(connection, after_id, limit=limit)

    def states_since(self, after_id: int, *, limit: int = MAX_POLLED) -> list[tuple[int, StateRow]]:
        """States of money rows, as `money_since` gives the rows."""
        with self._database.snapshot() as connection:
            return reading.states_behind(connection, after_id, limit=limit)

    # adding up

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Sums of the whole ledger, all as of one instant."""
        with self._database.snapshot() as connection:
            yield Reading(connection)


def _insert_calls(connection: Connection, calls: Sequence[JudgedCall]) -> None:
    connection.execute(insert(CALL), [call_row(judged) for judged in calls])
    if attempts := [attempt_row(attempt, judged.record.call_id) for judged in calls for attempt in judged.record.attempts]:
        connection.execute(insert(ATTEMPT), attempts)
    if events := [event_row(happened, judged.record.call_id) for judged in calls for happened in judged.events]:
        connection.execute(insert(EVENT), events)
    money = [
        money_row(row, number, ended_us=judged.record.ended_us)
        for judged in calls
        for number, row in enumerate(judged.verdict.rows, start=1)
    ]
    _insert_new(connection, MONEY, money)
    states = [state_row(state, number) for judged in calls for number, state in enumerate(judged.verdict.states, start=1)]
    _insert_new(connection, MONEY_STATE, states)


def _insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Rows with keys that `table` has, and later ones of those that come twice, are left out."""
    by_key: dict[str, Mapping[str, object]] = {}
    for row in rows:
        by_key.setdefault(str(row["key"]), row)
    known = reading.existing(connection, table.c.key, by_key)
    if fresh := [row for key, row in by_key.items() if key not in known]:
        connection.execute(insert(table), fresh)
