"""The SQL ledger: writes judged calls, postings and configs once, reads them back, adds them up, proves that writing works.

`writer` decides when to write, and what to do when writing fails. The statements that read are in `reading`, `counting` and `scan`,
the differences between databases in `database`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from switch.billing.entry_state import StateRow
from switch.billing.verdict import JudgedCall, MoneyRow
from switch.call.leg_media import LegMedia
from switch.engine.steering_rows import ActionRow, OverrideRow, SteeringRows
from switch.ledger import reading, steering
from switch.ledger.database import Database, LedgerUnreadable, LedgerUnwritable, RecordRefused, storing
from switch.ledger.delivery_tables import FEED, FEED_CALL, FEED_MONEY, FEED_RECORDING
from switch.ledger.heard import HeardRow
from switch.ledger.probes import ProbeRow
from switch.ledger.reading import CallFilter, KeptRecording
from switch.ledger.scan import Broken, LedgerScan
from switch.ledger.tables import (
    ATTEMPT,
    CALL,
    CONFIG,
    EVENT,
    HEALTH,
    HEARD,
    LEG_MEDIA,
    MONEY,
    MONEY_STATE,
    POSTING,
    PROBES,
    RECORDING,
    RECORDING_DELETION,
    SIP_TRACES,
    PostingRow,
    RecordingDeletionRow,
    RecordingRow,
    SipTraceRow,
    attempt_row,
    call_row,
    deletion_values,
    event_row,
    heard_values,
    json_text,
    media_row,
    money_row,
    posting_row,
    probe_values,
    read_posting,
    read_trace,
    recording_values,
    state_row,
    trace_values,
)

if TYPE_CHECKING:
    from switch.ledger.counting import Reading

__all__ = ["Append", "Ledger", "LedgerUnreadable", "LedgerUnwritable", "PostingRow", "Read", "RecordRefused"]

R = TypeVar("R")

BATCH_CALLS = 500  # read at a time where all are read: some megabytes
MAX_POLLED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The basis of a posting: the call's money and states in the order written, and the postings under the keys that were asked
    for, None: there is none."""

    money: Sequence[MoneyRow]
    states: Sequence[StateRow]
    postings: Sequence[PostingRow | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """The rows that a posting adds: all of them or none. A key that is there already is an error: whoever decided has read it."""

    money: Sequence[MoneyRow] = ()
    states: Sequence[StateRow] = ()
    postings: Sequence[PostingRow] = ()


class Ledger:
    """The tables of one database. Every method is a transaction of its own, callable from any thread, and blocks.

    Those that write raise LedgerUnwritable, and RecordRefused where the value is at fault; those that read raise LedgerUnreadable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        return self._database

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

    def write_media(self, rows: Sequence[tuple[str, LegMedia]]) -> None:
        """All or none; each with the id of its call. What is there already of a leg and port stays as it was written first."""
        with self._database.changing() as connection, storing():
            known = reading.media_of(connection, [call_id for call_id, _ in rows])
            there = {(call_id, each.leg, each.port) for call_id, some in known.items() for each in some}
            fresh = {(call_id, each.leg, each.port): media_row(call_id, each) for call_id, each in reversed(rows)}
            if new := [row for key, row in fresh.items() if key not in there]:
                connection.execute(insert(LEG_MEDIA), new)

    def transact(
        self, call_id: str, *, postings: Sequence[tuple[str, str]], decide: Callable[[Read], tuple[Append | None, R]]
    ) -> R:
        """Appends what `decide` makes of what is there, and gives its result, in one transaction: of two postings for one call at the
        same time, the second one reads what the first has written.

        `call_id` empty: no call's money is read. `postings`: party and key of those to look up. `decide` must be quick, and touch no
        database: nobody else writes meanwhile. Whatever it raises is raised, and then nothing was written.
        """
        with self._database.changing() as connection:
            append, result = decide(_read(connection, call_id, postings))
            if append is not None:
                with storing():
                    _append(connection, append)
            return result

    def keep_config(self, version: str, *, at_us: int, files: Mapping[str, str]) -> None:
        """`files`: path to content. A version that is there already stays as it was kept first."""
        with self._database.changing() as connection, storing():
            if not reading.existing(connection, CONFIG.c.version, [version]):
                connection.execute(insert(CONFIG), {"version": version, "at_us": at_us, "files": json_text(files)})

    def add_recordings(self, recordings: Sequence[RecordingRow]) -> None:
        """One whose path is there already stays as it was."""
        with self._database.changing() as connection, storing():
            known = reading.existing(connection, RECORDING.c.path, [each.path for each in recordings])
            if fresh := [recording_values(each) for each in recordings if each.path not in known]:
                connection.execute(insert(RECORDING), fresh)
                _feed(connection, FEED_RECORDING, [str(row["path"]) for row in fresh])

    def add_recording_deletions(self, deletions: Sequence[RecordingDeletionRow]) -> None:
        """As `add_recordings`; a file without a recording's row is one, too."""
        with self._database.changing() as connection, storing():
            known = reading.existing(connection, RECORDING_DELETION.c.path, [each.path for each in deletions])
            if fresh := [deletion_values(each) for each in deletions if each.path not in known]:
                connection.execute(insert(RECORDING_DELETION), fresh)

    def add_heard(self, rows: Sequence[HeardRow]) -> None:
        """All or none. What is there already stays as it was."""
        with self._database.changing() as connection, storing():
            known = reading.heard_of(connection, [each.call_id for each in rows])
            there = {(each.call_id, each.attempt, each.side, each.started_us) for some in known.values() for each in some}
            fresh = [each for each in rows if (each.call_id, each.attempt, each.side, each.started_us) not in there]
            if fresh:
                connection.execute(insert(HEARD), [heard_values(each) for each in fresh])

    def add_steering(self, steered: Sequence[SteeringRows]) -> None:
        """All or none. What is there already stays as it was."""
        with self._database.changing() as connection, storing():
            steering.add(connection, steered)

    def add_actions(self, actions: Sequence[ActionRow]) -> None:
        """All or none. One whose key is there already stays as it was."""
        with self._database.changing() as connection, storing():
            steering.add_actions(connection, actions)

    def add_traces(self, rows: Sequence[SipTraceRow]) -> None:
        """All or none."""
        with self._database.changing() as connection, storing():
            connection.execute(insert(SIP_TRACES), [trace_values(each) for each in rows])

    def delete_traces(self, before_us: int, *, limit: int) -> int:
        """Deletes SIP traces that began before a moment, the oldest first, `limit` at most. Returns how many."""
        with self._database.changing() as connection, storing():
            old = select(SIP_TRACES.c.id).where(SIP_TRACES.c.began_us < before_us).order_by(SIP_TRACES.c.began_us).limit(limit)
            return connection.execute(delete(SIP_TRACES).where(SIP_TRACES.c.id.in_(old))).rowcount

    def add_probes(self, rows: Sequence[ProbeRow]) -> None:
        """All or none."""
        with self._database.changing() as connection, storing():
            connection.execute(insert(PROBES), [probe_values(each) for each in rows])

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

    def media_of(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[LegMedia]]:
        """Returns how well the audio of each leg arrived, by call, the caller's first. A call that has no figures is left out."""
        with self._database.snapshot() as connection:
            return reading.media_of(connection, call_ids)

    def calls_like(self, beginning: str, *, limit: int) -> list[JudgedCall]:
        """Calls whose id begins so, the one that ended last first."""
        with self._database.snapshot() as connection:
            return reading.beginning_with(connection, beginning, limit=limit)

    def calls_of_advertiser(self, search: reading.AdvertiserCalls, *, limit: int) -> list[JudgedCall]:
        """Calls that match, without events, the one that was invited last first."""
        with self._database.snapshot() as connection:
            return reading.of_advertiser(connection, search, limit=limit)

    def calls_matching(self, wanted: CallFilter, *, limit: int) -> list[JudgedCall]:
        """Calls that are as `wanted`, without their events, the one that ended last first."""
        with self._database.snapshot() as connection:
            return reading.matching(connection, wanted, limit=limit)

    def ids_like(self, beginning: str) -> list[str]:
        """Ids of up to two calls that begin so."""
        with self._database.snapshot() as connection:
            return reading.ids_beginning_with(connection, beginning, limit=2)

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
        """Returns the library versions kept with that config version by the moment, or the last ones; None: none were kept."""
        with self._database.snapshot() as connection:
            return reading.config_versions(connection, version, at_us=at_us)

    def heard_of(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[HeardRow]]:
        """Returns what was heard of each of these calls. A call that was not listened to is left out."""
        with self._database.snapshot() as connection:
            return reading.heard_of(connection, call_ids)

    # reading how the switch was steered

    def override_rows(self) -> list[OverrideRow]:
        """Every override made and lifted, by number."""
        with self._database.snapshot() as connection:
            return steering.override_rows(connection)

    def actions(self, wanted: steering.ActionFilter, *, limit: int) -> list[ActionRow]:
        """Actions that are as `wanted`, the newest first."""
        with self._database.snapshot() as connection:
            return steering.actions_matching(connection, wanted, limit=limit)

    def traces_of(self, call_id: str) -> list[SipTraceRow]:
        """Returns the SIP messages of a call, by our id or the carrier's Call-ID: what was kept of it last comes first."""
        asked = select(SIP_TRACES).where((SIP_TRACES.c.call_id == call_id) | (SIP_TRACES.c.sip_call_id == call_id))
        with self._database.snapshot() as connection:
            return [read_trace(row) for row in connection.execute(asked.order_by(SIP_TRACES.c.id.desc())).mappings()]

    # reading recordings

    def probes(self, *, since_us: int = 0, target: str | None = None, limit: int | None = None) -> list[ProbeRow]:
        """Returns the results of probes since then, newest first. `target`: the number or line; None: all."""
        with self._database.snapshot() as connection:
            return reading.probes(connection, since_us=since_us, target=target, limit=limit)

    def recordings_of(self, call_ids: Iterable[str]) -> list[KeptRecording]:
        """The recordings of these calls, in the order of their ends."""
        with self._database.snapshot() as connection:
            return reading.recordings_of(connection, call_ids)

    def recordings_before(self, ended_before_us: int) -> list[KeptRecording]:
        """The recordings that ended before a moment, the oldest first."""
        with self._database.snapshot() as connection:
            return reading.recordings_before(connection, ended_before_us)

    # reading money

    def rows_of(self, call_id: str) -> list[MoneyRow]:
        """All money of the call in the order written, its verdict's and what was posted since."""
        with self._database.snapshot() as connection:
            return reading.money_of(connection, call_id)

    def state_rows(self, keys: Iterable[str]) -> list[StateRow]:
        """All states of these money rows, in the order written."""
        with self._database.snapshot() as connection:
            return reading.states_of(connection, keys)

    def money_since(
        self, after_id: int, *, limit: int = MAX_POLLED, broken: Callable[[int, str], None] | None = None
    ) -> list[tuple[int, MoneyRow]]:
        """Money rows with their ids, those behind `after_id` in the order written; 0 is before the first. None is ever written with an
        id below one that was read. `broken` is told of a row that holds what no row can: its id, and why; None: ValueError is raised."""
        with self._database.snapshot() as connection:
            return reading.money_behind(connection, after_id, limit=limit, broken=broken)

    # adding up

    @contextmanager
    def scan(self, broken: Broken | None = None) -> Iterator[LedgerScan]:
        """The whole ledger, row by row, all as of one instant. `broken` is told of a row that can't be: its key, and why."""
        with self._database.snapshot() as connection:
            yield LedgerScan(connection, broken)

    @contextmanager
    def reading(self) -> "Iterator[Reading]":
        """Sums of the whole ledger, all as of one instant."""
        from switch.ledger.counting import Reading  # noqa: PLC0415 it brings the usage of a running switch along

        with self._database.snapshot() as connection:
            yield Reading(connection)


def _read(connection: Connection, call_id: str, postings: Sequence[tuple[str, str]]) -> Read:
    money = reading.money_of(connection, call_id) if call_id else []
    return Read(
        money=money,
        states=reading.states_of(connection, [row.key for row in money]),
        postings=tuple(_posting(connection, party, key) for party, key in postings),
    )


def _posting(connection: Connection, party: str, key: str) -> PostingRow | None:
    row = connection.execute(select(POSTING).where(POSTING.c.party == party, POSTING.c.idempotency_key == key)).mappings().first()
    return None if row is None else read_posting(row)


def _append(connection: Connection, append: Append) -> None:
    if postings := [posting_row(posting) for posting in append.postings]:
        connection.execute(insert(POSTING), postings)
    if money := [money_row(row, 0) for row in append.money]:
        connection.execute(insert(MONEY), money)
        _feed(connection, FEED_MONEY, [row.key for row in append.money])
    if states := [state_row(state, 0) for state in append.states]:
        connection.execute(insert(MONEY_STATE), states)


def _insert_calls(connection: Connection, calls: Sequence[JudgedCall]) -> None:
    last = connection.scalar(select(func.max(CALL.c.number))) or 0
    connection.execute(insert(CALL), [call_row(judged, number) for number, judged in enumerate(calls, last + 1)])
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
    _feed(connection, FEED_CALL, [judged.record.call_id for judged in calls])


def _feed(connection: Connection, kind: str, keys: Sequence[str]) -> None:
    """Says that these rows are new, in the order of commits: whoever tells others of it reads on from there."""
    connection.execute(insert(FEED), [{"kind": kind, "key": key} for key in keys])


def _insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Rows with keys that `table` has, and later ones of those that come twice, are left out."""
    by_key: dict[str, Mapping[str, object]] = {}
    for row in rows:
        by_key.setdefault(str(row["key"]), row)
    known = reading.existing(connection, table.c.key, by_key)
    if fresh := [row for key, row in by_key.items() if key not in known]:
        connection.execute(insert(table), fresh)
