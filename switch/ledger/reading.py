"""Reads calls and money back from the SQL ledger: whole, in order, a bounded number at a time.

The caller opens the transaction and passes its connection: everything read in a snapshot is of one moment.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, and_, or_, select
from sqlalchemy.exc import OperationalError

from switch.billing.entry_state import StateRow
from switch.billing.verdict import JudgedCall, MoneyRow
from switch.call.leg_media import LegMedia
from switch.call.record import Outcome
from switch.ledger.heard import HeardRow
from switch.ledger.probes import ProbeRow
from switch.ledger.tables import (
    ATTEMPT,
    CALL,
    CONFIG,
    EVENT,
    HEARD,
    LEG_MEDIA,
    MONEY,
    MONEY_STATE,
    PROBES,
    RECORDING,
    RECORDING_DELETION,
    RecordingDeletionRow,
    RecordingRow,
    judged_call,
    read_deletion,
    read_heard,
    read_media,
    read_money,
    read_probe,
    read_recording,
    read_state,
)

KEYS_PER_QUERY = 500
ANONYMOUS = "anonymous"
"""As a caller: any whose number was withheld or kept, or is nobody's (the tags `anonymous` and `privacy`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Criteria for calls; None: any. `line`, `advertiser`: one that was tried. `caller`: E.164, or `ANONYMOUS`.

    `since_us`, `until_us`: of the INVITE, [since, until). `ended_since_us`: of the end. `recorded`: those
    that have a recording. `before`: behind this end and id in the order of newest first.
    """

    publisher: str | None = None
    campaign: str | None = None
    line: str | None = None
    advertiser: str | None = None
    state: str | None = None
    number: str | None = None
    caller: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    ended_since_us: int | None = None
    recorded: bool = False
    before: tuple[int, str] | None = None


_FILES = msgspec.json.Decoder(dict[str, str])


def newest(connection: Connection, *, limit: int, call_id: str | None) -> list[JudgedCall]:
    """The call that ended last comes first."""
    calls = select(CALL).order_by(CALL.c.ended_us.desc(), CALL.c.call_id.desc()).limit(limit)
    if call_id is not None:
        calls = calls.where(CALL.c.call_id == call_id)
    return whole(connection, calls, events=True)


def matching(connection: Connection, wanted: CallFilter, *, limit: int) -> list[JudgedCall]:
    """Returns the calls that match `wanted`, without their events, newest first."""
    equal = (
        (CALL.c.publisher, wanted.publisher),
        (CALL.c.campaign, wanted.campaign),
        (CALL.c.final_state, wanted.state),
        (CALL.c.did, wanted.number),
    )
    calls = select(CALL).where(*(column == value for column, value in equal if value is not None))
    if wanted.caller is not None:
        calls = calls.where(_is_anonymous() if wanted.caller == ANONYMOUS else CALL.c.ani == wanted.caller)
    if wanted.line is not None:
        calls = calls.where(CALL.c.call_id.in_(select(ATTEMPT.c.call_id).where(ATTEMPT.c.line == wanted.line)))
    if wanted.advertiser is not None:
        calls = calls.where(CALL.c.call_id.in_(select(ATTEMPT.c.call_id).where(ATTEMPT.c.advertiser == wanted.advertiser)))
    if wanted.before is not None:
        last_us, last_id = wanted.before
        older = or_(CALL.c.ended_us < last_us, and_(CALL.c.ended_us == last_us, CALL.c.call_id < last_id))
        calls = calls.where(CALL.c.ended_us <= last_us, older)
    if wanted.since_us is not None:
        calls = calls.where(CALL.c.invited_us >= wanted.since_us)
    if wanted.until_us is not None:
        calls = calls.where(CALL.c.invited_us < wanted.until_us)
    if wanted.ended_since_us is not None:
        calls = calls.where(CALL.c.ended_us >= wanted.ended_since_us)
    if wanted.recorded:
        calls = calls.where(CALL.c.call_id.in_(select(RECORDING.c.call_id)))
    return whole(connection, calls.order_by(CALL.c.ended_us.desc(), CALL.c.call_id.desc()).limit(limit), events=False)


def _is_anonymous() -> ColumnElement[bool]:
    return or_(CALL.c.ani == "", _is_tagged("anonymous"), _is_tagged("privacy"))


def _is_tagged(name: str) -> ColumnElement[bool]:
    """Returns the condition that a tag is true. Tags are JSON text without blanks; a quote inside a value has a backslash before it."""
    return CALL.c.tags.contains(f'"{name}":true', autoescape=True)


def ids_beginning_with(connection: Connection, beginning: str, *, limit: int) -> list[str]:
    like = CALL.c.call_id.startswith(beginning, autoescape=True)
    return list(connection.scalars(select(CALL.c.call_id).where(like).limit(limit)))


def beginning_with(connection: Connection, beginning: str, *, limit: int) -> list[JudgedCall]:
    """Calls whose id begins so, newest first."""
    like = CALL.c.call_id.startswith(beginning, autoescape=True)
    calls = select(CALL).where(like).order_by(CALL.c.ended_us.desc(), CALL.c.call_id.desc()).limit(limit)
    return whole(connection, calls, events=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertiserCalls:
    """Calls invited in [from, to), UTC microseconds, with an attempt at a line of `advertiser`; the other fields narrow them down where
    they are not None. `caller`: E.164. `campaign`, `line`, `outcome`: of one and the same attempt of that advertiser's. `before`: behind
    this instant and id in the order of newest first."""

    advertiser: str
    from_us: int
    to_us: int
    caller: str | None = None
    campaign: str | None = None
    line: str | None = None
    outcome: Outcome | None = None
    before: tuple[int, str] | None = None


def of_advertiser(connection: Connection, search: AdvertiserCalls, *, limit: int) -> list[JudgedCall]:
    """Newest first, by when they were invited."""
    narrowed = {"campaign": search.campaign, "line": search.line, "outcome": search.outcome}
    dialled = select(ATTEMPT.c.call_id).where(
        ATTEMPT.c.call_id == CALL.c.call_id,
        ATTEMPT.c.advertiser == search.advertiser,
        *(ATTEMPT.c[name] == str(value) for name, value in narrowed.items() if value is not None),
    )
    calls = select(CALL).where(CALL.c.invited_us >= search.from_us, CALL.c.invited_us < search.to_us, dialled.exists())
    if search.caller is not None:
        calls = calls.where(CALL.c.ani == search.caller)
    if search.before is not None:
        last_us, last_id = search.before
        older = or_(CALL.c.invited_us < last_us, and_(CALL.c.invited_us == last_us, CALL.c.call_id < last_id))
        calls = calls.where(CALL.c.invited_us <= last_us, older)
    newest_first = calls.order_by(CALL.c.invited_us.desc(), CALL.c.call_id.desc())
    return whole(connection, newest_first.limit(limit), events=False)


def invited_between(
    connection: Connection, *, from_us: int, to_us: int, after: tuple[int, str] | None, limit: int, events: bool | Collection[str]
) -> list[JudgedCall]:
    """Invited in [from, to), oldest first, from the one behind `after` on: the instant and the id of the last one that is known."""
    calls = select(CALL).where(CALL.c.invited_us < to_us).order_by(CALL.c.invited_us, CALL.c.call_id).limit(limit)
    if after is None:
        return whole(connection, calls.where(CALL.c.invited_us >= from_us), events=events)
    last_us, last_id = after
    behind = or_(CALL.c.invited_us > last_us, and_(CALL.c.invited_us == last_us, CALL.c.call_id > last_id))
    return whole(connection, calls.where(CALL.c.invited_us >= last_us, behind), events=events)


def whole(connection: Connection, calls: Select[Any], *, events: bool | Collection[str]) -> list[JudgedCall]:
    """`calls` selects rows of `call`; everything else of each is added. Money that was posted afterwards is no part of a verdict.

    `events`: with them, who are most of what there is to read.
    """
    rows = connection.execute(calls).mappings().all()
    ids = [row["call_id"] for row in rows]
    attempts = _grouped(connection, ids, by=ATTEMPT.c.call_id, in_order=ATTEMPT.c.number)
    money = _grouped(connection, ids, by=MONEY.c.call_id, in_order=MONEY.c.number)
    judged = {call_id: [row for row in money[call_id] if row["number"] > 0] for call_id in ids}
    keys = [row["key"] for some in judged.values() for row in some]
    states = _grouped(connection, keys, by=MONEY_STATE.c.of, in_order=MONEY_STATE.c.number)
    only = () if isinstance(events, bool) else (EVENT.c.event.in_(sorted(events)),)
    happened = _grouped(connection, ids if events else (), by=EVENT.c.call_id, in_order=EVENT.c.number, only=only)
    return [
        judged_call(
            row,
            attempts=attempts[row["call_id"]],
            money=judged[row["call_id"]],
            states=sorted(
                (state for each in judged[row["call_id"]] for state in states[each["key"]] if state["number"] > 0),
                key=lambda state: int(state["number"]),
            ),
            events=happened[row["call_id"]],
        )
        for row in rows
    ]


def media_of(connection: Connection, call_ids: Sequence[str]) -> dict[str, list[LegMedia]]:
    """Returns the figures of the legs of each of these calls, the caller's first; none of a call that has none."""
    grouped = _grouped(connection, call_ids, by=LEG_MEDIA.c.call_id, in_order=LEG_MEDIA.c.leg)
    return {call_id: [read_media(row) for row in rows] for call_id, rows in grouped.items()}


def money_of(connection: Connection, call_id: str) -> list[MoneyRow]:
    rows = connection.execute(select(MONEY).where(MONEY.c.call_id == call_id).order_by(MONEY.c.id))
    return [read_money(row) for row in rows.mappings()]


def money_behind(
    connection: Connection, after: int, *, limit: int, broken: Callable[[int, str], None] | None
) -> list[tuple[int, MoneyRow]]:
    """With their numbers. `broken` is told of a row that holds what no row can: its number, and why; None: ValueError is raised."""
    rows = select(MONEY).where(MONEY.c.id > after).order_by(MONEY.c.id).limit(limit)
    found = []
    try:
        read: Iterable[RowMapping] = connection.execute(rows).mappings().all()
    except OperationalError as error:
        if broken is None or not _is_no_text(error):
            raise
        read = _one_by_one(connection, rows, broken)
    for row in read:
        try:
            found.append((row["id"], _whole_money(row)))
        except ValueError as error:
            if broken is None:
                raise
            broken(row["id"], f"{row['key']}: {error}")
    return found


def _one_by_one(connection: Connection, rows: Select[Any], broken: Callable[[int, str], None]) -> Iterator[RowMapping]:
    """A row with a text that is none makes SQLite refuse all that are asked for with it."""
    for number in connection.scalars(rows.with_only_columns(MONEY.c.id)).all():
        try:
            yield connection.execute(select(MONEY).where(MONEY.c.id == number)).mappings().one()
        except OperationalError as error:
            if not _is_no_text(error):
                raise
            broken(number, str(error.orig))


def _is_no_text(error: OperationalError) -> bool:
    """SQLite has no other word for bytes in a text column that are not UTF-8."""
    return str(error.orig).startswith("Could not decode to UTF-8")


def _whole_money(row: RowMapping) -> MoneyRow:
    for name in ("amount_micros", "at_us"):  # SQLite takes anything in any column
        if type(row[name]) is not int:
            raise ValueError(f"{row[name]!r} is no whole number")
    return read_money(row)


def states_of(connection: Connection, keys: Iterable[str]) -> list[StateRow]:
    found: list[RowMapping] = []
    for some in _in_turn(keys):
        found.extend(connection.execute(select(MONEY_STATE).where(MONEY_STATE.c.of.in_(some))).mappings())
    return [read_state(row) for row in sorted(found, key=lambda row: int(row["id"]))]


def config_files(connection: Connection, version: str) -> dict[str, str] | None:
    files = connection.scalar(select(CONFIG.c.files).where(CONFIG.c.version == version))
    return None if files is None else _FILES.decode(files)


def config_versions(connection: Connection, version: str, *, at_us: int | None) -> dict[str, str] | None:
    """Kept as `VERSION@MOMENT`, each time a switch begins to run that config."""
    kept = select(CONFIG.c.files).where(CONFIG.c.version.like(f"{version}@%")).order_by(CONFIG.c.at_us.desc()).limit(1)
    files = connection.scalar(kept if at_us is None else kept.where(CONFIG.c.at_us <= at_us))
    return None if files is None else _FILES.decode(files)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRecording:
    """A recording and, where its file was deleted, when and by whom; None: it is there."""

    recording: RecordingRow
    deletion: RecordingDeletionRow | None


def as_plain(kept: KeptRecording) -> dict[str, object]:
    """Returns it as JSON values."""
    return {**asdict(kept.recording), "deletion": None if kept.deletion is None else asdict(kept.deletion)}


def recordings_of(connection: Connection, call_ids: Iterable[str]) -> list[KeptRecording]:
    """In the order of their ends."""
    found: list[RecordingRow] = []
    for some in _in_turn(call_ids):
        rows = connection.execute(select(RECORDING).where(RECORDING.c.call_id.in_(some)))
        found.extend(read_recording(row) for row in rows.mappings())
    return _with_deletions(connection, sorted(found, key=lambda row: (row.ended_us, row.path)))


def recordings_before(connection: Connection, ended_before_us: int) -> list[KeptRecording]:
    """Those that ended before a moment, the oldest first."""
    rows = connection.execute(
        select(RECORDING).where(RECORDING.c.ended_us < ended_before_us).order_by(RECORDING.c.ended_us, RECORDING.c.path)
    )
    return _with_deletions(connection, [read_recording(row) for row in rows.mappings()])


def _with_deletions(connection: Connection, recordings: Sequence[RecordingRow]) -> list[KeptRecording]:
    deleted: dict[str, RecordingDeletionRow] = {}
    for some in _in_turn([row.path for row in recordings]):
        for row in connection.execute(select(RECORDING_DELETION).where(RECORDING_DELETION.c.path.in_(some))).mappings():
            deleted[row["path"]] = read_deletion(row)
    return [KeptRecording(recording=row, deletion=deleted.get(row.path)) for row in recordings]


def heard_of(connection: Connection, call_ids: Sequence[str]) -> dict[str, list[HeardRow]]:
    """Returns what was heard of each of these calls, talk by talk, the caller first; nothing of a call that was not listened to."""
    grouped = _grouped(connection, call_ids, by=HEARD.c.call_id, in_order=HEARD.c.started_us)
    found = {call_id: [read_heard(row) for row in rows] for call_id, rows in grouped.items()}
    return {call_id: sorted(rows, key=lambda row: (row.started_us, row.attempt, row.side)) for call_id, rows in found.items()}


def existing(connection: Connection, column: Column[Any], keys: Iterable[str]) -> set[str]:
    """Returns those of `keys` that are in `column`."""
    found: set[str] = set()
    for some in _in_turn(keys):
        found.update(connection.scalars(select(column).where(column.in_(some))))
    return found


def _grouped(
    connection: Connection, keys: Sequence[str], *, by: Column[Any], in_order: Column[Any], only: Sequence[ColumnElement[bool]] = ()
) -> dict[str, list[RowMapping]]:
    """Rows of the table that `by` is a column of."""
    grouped: dict[str, list[RowMapping]] = defaultdict(list)
    for some in _in_turn(keys):
        for row in connection.execute(select(by.table).where(by.in_(some), *only).order_by(in_order)).mappings():
            grouped[row[by.name]].append(row)
    return grouped


def _in_turn(keys: Iterable[str]) -> Iterable[list[str]]:
    """A statement has room for so many. The last is repeated up to a power of two: each number is another statement, and the driver keeps
    a hundred of them prepared, some 10 kB each."""
    left = iter(keys)
    while some := list(islice(left, KEYS_PER_QUERY)):
        wanted = min(KEYS_PER_QUERY, 1 << (len(some) - 1).bit_length())
        yield some + some[-1:] * (wanted - len(some))


def probes(connection: Connection, *, since_us: int, target: str | None, limit: int | None) -> list[ProbeRow]:
    """Returns them newest first."""
    found = select(PROBES).where(PROBES.c.at_us >= since_us).order_by(PROBES.c.at_us.desc(), PROBES.c.number.desc()).limit(limit)
    if target is not None:
        found = found.where(PROBES.c.target == target)
    return [read_probe(row) for row in connection.execute(found).mappings()]
