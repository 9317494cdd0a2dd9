"""Defines the tables of the SQL ledger as they are now, and maps records to rows; both are derived from the record types.

A field of `CallRecord`, `AttemptRecord`, `Verdict`, `MoneyRow`, `StateRow`, `CallEvent`, `PostingRow`, `RecordingRow`, `LegMedia`,
`HeardRow`, `SipTraceRow`, `AlertRow`, `OverrideRow`, `ActionRow` or `ProbeRow` is a column of the same name: adding a field to the type,
and a migration that adds the column, is all there is to do. What is read equals what was written. How the tables came to be is what the
migrations say; a test compares both.

Times are UTC microseconds, durations milliseconds, money micros. Portable types only: enums are text, mappings and tuples JSON text.
Money, its states, events, configs, postings, recordings, figures of audio, what was heard, alerts, overrides, actions and what probes found
are append-only: triggers of the database refuse to change or delete their rows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from functools import partial
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    RowMapping,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from switch.billing.entry_state import StateRow
from switch.billing.verdict import CallEvent, JudgedCall, MoneyRow, Verdict
from switch.call.leg_media import LegMedia
from switch.call.record import AttemptRecord, CallRecord
from switch.engine.steering_rows import ActionRow, OverrideRow
from switch.ledger.heard import HeardRow
from switch.ledger.probes import ProbeRow

R = TypeVar("R")
_BIG = ("_us", "_ms", "_micros", "_packets", "_octets", "limit")
"""Whole numbers whose names end so need 64 bits; others are small."""
_UNSIGNED = frozenset({"seed"})
"""May need all of 64 bits, and SQL's integers have a sign: these are text."""
_STATE_TAG = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingRow:
    """A posting of `party` under a key of its own choice, and the answer to it. `request`, `answer`: JSON text."""

    party: str
    idempotency_key: str
    at_us: int
    request: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRow:
    """A recording whose file is complete. `path`: in the directory of recordings. `sha256`: of the file, in hex. `frames_lost`: they are
    silence in it. `why`: what ended it before its call; None: nothing did. `kind`: talk, or voicemail: a message that the caller left."""

    call_id: str
    path: str
    sha256: str
    length_ms: int
    sides: str
    format: str
    started_us: int
    ended_us: int
    paused_ms: int
    frames_lost: int
    why: str | None
    kind: str = "talk"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDeletionRow:
    """The file of a recording was deleted. `actor`: who did it; `reason`: in words."""

    path: str
    at_us: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SipTraceRow:
    """The SIP messages of a call. `call_id`: "" where an INVITE never became a call. `sip_call_id`: the carrier's Call-ID. `began_us`: of
    the first message. `messages`: how many `trace` holds (`switch.trace.message`), `dropped`: how many there was no room for."""

    call_id: str
    sip_call_id: str
    began_us: int
    messages: int
    dropped: int
    trace: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """What became of an alert. `cause`: what it is about, once: `line:acme-east`. `kind`, `event`: as `switch.monitor.alerts` has them; of
    event `told`: that people were told of the alert's last event, and how that went, in `text`. `level`: how bad it is, percent of a limit
    where there is one."""

    cause: str
    kind: str
    event: str
    level: int
    at_us: int
    text: str


def _plain(value: object) -> object:
    """For mappings that are not a dict, such as read-only ones."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


_JSON = msgspec.json.Encoder(enc_hook=_plain)


def json_text(value: object) -> str:
    return _JSON.encode(value).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A field of a record type as a column. `write`, `read`: what turns its values into the column's and back; None: they are the same."""

    name: str
    type: TypeEngine[Any]
    nullable: bool
    write: Callable[[Any], Any] | None = None
    read: Callable[[Any], Any] | None = None


class RecordColumns(Generic[R]):
    """The columns of a record type. Fields that are records, or tuples of records, have tables of their own, and are left out."""

    def __init__(self, record: type[R]) -> None:
        found = [_field(name, hint) for name, hint in get_type_hints(record).items()]
        self._record = record
        self._fields = tuple(each for each in found if each is not None)
        self._names = tuple(each.name for each in self._fields)
        self._values = attrgetter(*self._names)
        self._writes = tuple((each.name, each.write) for each in self._fields if each.write is not None)
        self._reads = tuple((each.name, each.read) for each in self._fields if each.read is not None)

    def sql(self) -> list[Column[Any]]:
        """For a table."""
        return [Column(each.name, each.type, nullable=each.nullable, autoincrement=False) for each in self._fields]

    def row(self, record: R, **more: object) -> dict[str, object]:
        """The record's row; `more`: the table's other columns. There are a dozen rows to a call: this is the ledger's hottest loop."""
        more.update(zip(self._names, self._values(record)))  # noqa: B905 both have one item for each field
        for name, write in self._writes:
            value = more[name]
            if value is not None:
                more[name] = write(value)
        return more

    def read(self, row: RowMapping, **more: object) -> R:
        """The record of a row; `more`: its fields that lie elsewhere. Raises ValueError where a row holds what no record can."""
        values = {name: row[name] for name in self._names}
        for name, read in self._reads:
            if values[name] is not None:
                values[name] = read(values[name])
        return self._record(**values, **more)


def _field(name: str, hint: Any) -> _Field | None:
    optional = NoneType in get_args(hint) and get_origin(hint) in (Union, UnionType)
    if optional:
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    column = partial(_Field, name=name, nullable=optional)
    if is_dataclass(hint) or any(is_dataclass(each) for each in get_args(hint)):
        return None
    if name in _UNSIGNED:
        return column(type=Text(), write=str, read=int)
    if hint is bool:
        return column(type=Boolean())
    if hint is int:
        return column(type=BigInteger() if name.endswith(_BIG) else Integer())
    if hint is float:
        return column(type=Float())
    if hint is str:
        return column(type=Text())
    if hint is bytes:
        return column(type=LargeBinary())
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return column(type=Text(), write=attrgetter("value"), read=hint)
    return column(type=Text(), write=json_text, read=msgspec.json.Decoder(hint).decode)


_CALL, _VERDICT, _ATTEMPT = RecordColumns(CallRecord), RecordColumns(Verdict), RecordColumns(AttemptRecord)
_EVENT, _MONEY, _STATE, _POSTING = (
    RecordColumns(CallEvent),
    RecordColumns(MoneyRow),
    RecordColumns(StateRow),
    RecordColumns(PostingRow),
)
_MEDIA = RecordColumns(LegMedia)

_RECORDING, _DELETION = RecordColumns(RecordingRow), RecordColumns(RecordingDeletionRow)
_HEARD = RecordColumns(HeardRow)
_OVERRIDE, _ACTION = RecordColumns(OverrideRow), RecordColumns(ActionRow)
_TRACE = RecordColumns(SipTraceRow)
_PROBE = RecordColumns(ProbeRow)
_ALERT = RecordColumns(AlertRow)

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)
APPEND_ONLY = (
    "money",
    "money_state",
    "event",
    "config",
    "posting",
    "recording",
    "recording_deletion",
    "leg_media",
    "heard",
    "overrides",
    "actions",
    "probes",
    "alert",
    *("feed", "webhook", "deliveries", "delivery_attempts"),
)


def _serial() -> Column[int]:
    """Rising, in the order of commits: writers take turns. SQLite numbers rows of an INTEGER key by itself."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _number() -> Column[int]:
    """A row's place in its call's verdict, from 1; 0: it was posted afterwards."""
    return Column("number", Integer, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


# `state`: of `tags`, for reports by state. `number`: rising, in the order of commits, for those who look for new calls.
CALL = Table(
    "call",
    METADATA,
    *_CALL.sql(),
    *_VERDICT.sql(),
    Column(_STATE_TAG, Text),
    Column("number", BigInteger),
    PrimaryKeyConstraint("call_id"),
)
Index("ix_call_number", CALL.c.number)
Index("ix_call_newest", CALL.c.ended_us, CALL.c.call_id)
Index("ix_call_invited", CALL.c.invited_us, CALL.c.call_id)
Index("ix_call_ani", CALL.c.ani, CALL.c.invited_us)
Index("ix_call_probe", CALL.c.call_id, sqlite_where=CALL.c.probe, postgresql_where=CALL.c.probe)

ATTEMPT = Table(
    "attempt",
    METADATA,
    _text("call_id"),
    *_ATTEMPT.sql(),
    PrimaryKeyConstraint("call_id", "number"),
    ForeignKeyConstraint(["call_id"], ["call.call_id"]),
)
Index("ix_attempt_invited", ATTEMPT.c.invited_us)

# No foreign key to call: a row may be owed before its call is over, and a deposit belongs to none.
MONEY = Table("money", METADATA, _serial(), _number(), *_MONEY.sql(), UniqueConstraint("key"))
Index("ix_money_call", MONEY.c.call_id)
Index("ix_money_kind", MONEY.c.kind, MONEY.c.at_us)

# The states of money rows: held, approved, disputed (`switch.billing.entry_state`). `of`: the money row's key.
MONEY_STATE = Table("money_state", METADATA, _serial(), _number(), *_STATE.sql(), UniqueConstraint("key"))
Index("ix_money_state_of", MONEY_STATE.c.of)

# The journal of calls that are over, heartbeats left out.
EVENT = Table(
    "event", METADATA, _text("call_id"), *_EVENT.sql(), PrimaryKeyConstraint("call_id", "number"), sqlite_with_rowid=False
)

# Config versions that calls were decided with. `files`: JSON object, path to content.
CONFIG = Table(
    "config",
    METADATA,
    Column("version", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    _text("files"),
)

# Postings by party, with their answers: the same key again gets the same answer.
POSTING = Table("posting", METADATA, *_POSTING.sql(), PrimaryKeyConstraint("party", "idempotency_key"))

RECORDING = Table("recording", METADATA, *_RECORDING.sql(), PrimaryKeyConstraint("path"))
Index("ix_recording_call", RECORDING.c.call_id)
Index("ix_recording_ended", RECORDING.c.ended_us, RECORDING.c.path)

# Their rows stay.
RECORDING_DELETION = Table("recording_deletion", METADATA, *_DELETION.sql(), PrimaryKeyConstraint("path"))

# How well the audio of each leg arrived. No foreign key to call: it is known when the leg is closed, and the record may come later.
LEG_MEDIA = Table("leg_media", METADATA, _text("call_id"), *_MEDIA.sql(), PrimaryKeyConstraint("call_id", "leg", "port"))

# What was heard of each side of a talk. No foreign key to call: the record may come later.
HEARD = Table("heard", METADATA, *_HEARD.sql(), PrimaryKeyConstraint("call_id", "attempt", "side", "started_us"))

# What was overridden on the running switch: a row when an override is made, and one when it is lifted.
OVERRIDES = Table("overrides", METADATA, *_OVERRIDE.sql(), PrimaryKeyConstraint("number", "change"))

# Who did what to the running switch, and who logged in.
ACTIONS = Table("actions", METADATA, _serial(), *_ACTION.sql(), UniqueConstraint("key"))
Index("ix_actions_at", ACTIONS.c.at_us)

# Not append-only: personal data, of which nothing is owed. Rows can't be changed; old ones are deleted (ADR 0042).
SIP_TRACES = Table("sip_traces", METADATA, _serial(), *_TRACE.sql())
Index("ix_sip_traces_call", SIP_TRACES.c.call_id)
Index("ix_sip_traces_sip", SIP_TRACES.c.sip_call_id)
Index("ix_sip_traces_began", SIP_TRACES.c.began_us)
# What probes found (`switch.probe`): a row for each call that they placed.
PROBES = Table("probes", METADATA, *_PROBE.sql(), PrimaryKeyConstraint("probe", "at_us", "number"))
Index("ix_probes_at", PROBES.c.at_us)

ALERT = Table("alert", METADATA, _serial(), *_ALERT.sql())
Index("ix_alert_cause", ALERT.c.cause, ALERT.c.id)

HEALTH = Table(
    "health",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("probes", BigInteger, nullable=False),
)


def call_row(judged: JudgedCall, number: int) -> dict[str, object]:
    state = judged.record.tags.get(_STATE_TAG)
    more = {_STATE_TAG: state if isinstance(state, str) else None, "number": number}
    return _CALL.row(judged.record, **_VERDICT.row(judged.verdict), **more)


def attempt_row(attempt: AttemptRecord, call_id: str) -> dict[str, object]:
    return _ATTEMPT.row(attempt, call_id=call_id)


def event_row(happened: CallEvent, call_id: str) -> dict[str, object]:
    return _EVENT.row(happened, call_id=call_id)


def money_row(money: MoneyRow, number: int, *, ended_us: int = 0) -> dict[str, object]:
    """`number`: its place in a verdict, 0 in none. `ended_us`: when it became true, where it does not say so itself."""
    row = _MONEY.row(money, number=number)
    row["at_us"] = money.at_us or ended_us
    return row


def state_row(state: StateRow, number: int) -> dict[str, object]:
    return _STATE.row(state, number=number)


def media_row(call_id: str, media: LegMedia) -> dict[str, object]:
    return _MEDIA.row(media, call_id=call_id)


def posting_row(posting: PostingRow) -> dict[str, object]:
    return _POSTING.row(posting)


def recording_values(row: RecordingRow) -> dict[str, object]:
    return _RECORDING.row(row)


def deletion_values(row: RecordingDeletionRow) -> dict[str, object]:
    return _DELETION.row(row)


def override_values(row: OverrideRow) -> dict[str, object]:
    return _OVERRIDE.row(row)


def action_values(row: ActionRow) -> dict[str, object]:
    return _ACTION.row(row)


def heard_values(row: HeardRow) -> dict[str, object]:
    return _HEARD.row(row)


def trace_values(row: SipTraceRow) -> dict[str, object]:
    return _TRACE.row(row)


def probe_values(row: ProbeRow) -> dict[str, object]:
    return _PROBE.row(row)


def alert_values(row: AlertRow) -> dict[str, object]:
    return _ALERT.row(row)


def judged_call(
    call: RowMapping,
    *,
    attempts: Iterable[RowMapping],
    money: Iterable[RowMapping],
    states: Iterable[RowMapping],
    events: Iterable[RowMapping],
) -> JudgedCall:
    """`attempts`, `money` and `states` (of its verdict) and `events` are this call's, in order."""
    rows, moves = tuple(read_money(row) for row in money), tuple(read_state(row) for row in states)
    return JudgedCall(
        record=_CALL.read(call, attempts=tuple(_ATTEMPT.read(row) for row in attempts)),
        verdict=_VERDICT.read(call, rows=rows, states=moves),
        events=tuple(_EVENT.read(row) for row in events),
    )


read_money = _MONEY.read
read_state = _STATE.read
read_posting = _POSTING.read
read_recording = _RECORDING.read
read_deletion = _DELETION.read
read_media = _MEDIA.read
read_heard = _HEARD.read
read_override = _OVERRIDE.read
read_action = _ACTION.read
read_trace = _TRACE.read
read_probe = _PROBE.read
read_alert = _ALERT.read
