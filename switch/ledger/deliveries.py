"""Webhooks in the ledger: reads what is new, keeps what is to be told and how telling it went.

A delivery's state is what its last attempt left it in. What follows from news of the feed is kept in one transaction with the cursor, so a
process that dies before it reads the same again, and a delivery whose key is there already is not kept twice.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, and_, func, insert, or_, select, update

from switch.billing.verdict import JudgedCall, MoneyRow
from switch.ledger import reading
from switch.ledger.database import Database, storing
from switch.ledger.delivery_tables import (
    DELIVERIES,
    DELIVERY_ATTEMPTS,
    DELIVERY_CURSOR,
    FEED,
    FEED_CALL,
    FEED_MONEY,
    FEED_RECORDING,
    WEBHOOK,
)
from switch.ledger.tables import CALL, MONEY, RECORDING, RecordingRow, json_text, read_money, read_recording
from switch.webhook.happenings import Delivery
from switch.webhook.terms import WebhookEvent
from switch.webhook.view import Field

MAX_FEED = 500
MAX_PENDING = 2_000
"""Of one webhook in memory; the others wait in the ledger."""


class DeliveryState(StrEnum):
    WAITING = "waiting"
    """It has not been tried, failed and is tried again, or is to be sent again."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """It failed for a day: it is not tried again, unless somebody says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A row of the feed. `money`: of the call, in the order written. `row`: the one that was posted; None: the call itself is new, or a
    recording of it."""

    judged: JudgedCall
    money: tuple[MoneyRow, ...]
    recordings: tuple[RecordingRow, ...]
    row: MoneyRow | None = None
    recording: RecordingRow | None = None
    feed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDelivery:
    """A delivery and where it stands. `due_us`: when it is tried next; `since_us`: when it was to be tried first, or again by hand."""

    number: int
    key: str
    webhook: str
    event: WebhookEvent
    call_id: str
    at_us: int
    seen: Mapping[str, Field]
    state: DeliveryState
    tries: int
    due_us: int
    since_us: int
    last_us: int | None = None
    status: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one try went, or that somebody had it sent again. `status`: of HTTP; None: no answer."""

    delivery: int
    at_us: int
    state: DeliveryState
    tries: int
    since_us: int
    next_us: int | None
    status: int | None = None
    why: str = ""
    took_ms: int = 0
    actor: str = "switch"


_SEEN = msgspec.json.Decoder(dict[str, str | int | bool | None])


class DeliveryStore:
    """Every method is a transaction of its own, callable from any thread, and blocks. Raises LedgerUnwritable, LedgerUnreadable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, webhooks: Collection[str], *, version: str, now_us: int) -> Mapping[str, int]:
        """Says that these are configured, by config `version`. Returns by webhook the place in the feed behind which it is told of things:
        for a new one, behind the last call that was decided with another version. What of that has been read is read again."""
        with self._database.changing() as connection, storing():
            known = {name: feed for name, feed in connection.execute(select(WEBHOOK.c.name, WEBHOOK.c.feed))}  # noqa: C416 (rows)
            start = _last_of_others(connection, version)
            fresh = {name: start for name in webhooks if name not in known}
            if fresh:
                rows = [{"name": name, "feed": feed, "at_us": now_us} for name, feed in fresh.items()]
                connection.execute(insert(WEBHOOK), rows)
            cursor = connection.scalar(select(DELIVERY_CURSOR.c.feed))
            if cursor is None:
                connection.execute(insert(DELIVERY_CURSOR).values(id=1, feed=start))
            elif fresh and start < cursor:
                connection.execute(update(DELIVERY_CURSOR).values(feed=start))
            return {**known, **fresh}

    def news(self, *, limit: int = MAX_FEED) -> tuple[int, int, list[News]]:
        """Returns from where to where in the feed it has looked, and what is new there, in order."""
        with self._database.snapshot() as connection:
            cursor = connection.scalar(select(DELIVERY_CURSOR.c.feed)) or 0
            rows = connection.execute(select(FEED).where(FEED.c.id > cursor).order_by(FEED.c.id).limit(limit)).mappings().all()
            last = rows[-1]["id"] if rows else cursor
            return cursor, last, list(_news(connection, rows))

    def keep(self, deliveries: Sequence[Delivery], *, after: int, feed: int, now_us: int) -> list[KeptDelivery]:
        """Keeps deliveries, and that the feed has been read from `after` to `feed`, unless it is to be read again from further back by now.
        Returns those that are new, with their numbers."""
        with self._database.changing() as connection, storing():
            connection.execute(update(DELIVERY_CURSOR).where(DELIVERY_CURSOR.c.feed == after).values(feed=feed))
            by_key = {each.key: each for each in deliveries}
            known = reading.existing(connection, DELIVERIES.c.key, by_key)
            fresh = [each for key, each in by_key.items() if key not in known]
            if not fresh:
                return []
            connection.execute(insert(DELIVERIES), [_values(each, now_us) for each in fresh])
            found = connection.execute(_whole().where(DELIVERIES.c.key.in_([each.key for each in fresh])).order_by(DELIVERIES.c.id))
            return [_kept(row) for row in found.mappings()]

    def waiting(self, webhook: str, *, limit: int = MAX_PENDING) -> list[KeptDelivery]:
        """Returns those of a webhook that wait, the oldest first."""
        with self._database.snapshot() as connection:
            asked = (
                _whole()
                .where(DELIVERIES.c.webhook == webhook, _is_in(DeliveryState.WAITING))
                .order_by(DELIVERIES.c.id)
                .limit(limit)
            )
            return [_kept(row) for row in connection.execute(asked).mappings()]

    def asked_again(self, after: int) -> tuple[int, list[KeptDelivery]]:
        """Returns those that somebody had sent again since attempt `after`, and the number of the last attempt that was looked at."""
        with self._database.snapshot() as connection:
            last = connection.scalar(select(func.max(DELIVERY_ATTEMPTS.c.id))) or 0
            behind = select(DELIVERY_ATTEMPTS.c.delivery).where(
                DELIVERY_ATTEMPTS.c.id > after,
                DELIVERY_ATTEMPTS.c.state == DeliveryState.WAITING.value,
                DELIVERY_ATTEMPTS.c.tries == 0,
            )
            asked = _whole().where(DELIVERIES.c.id.in_(behind), _is_in(DeliveryState.WAITING)).order_by(DELIVERIES.c.id)
            return last, [_kept(row) for row in connection.execute(asked).mappings()]

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Keeps how attempts went."""
        with self._database.changing() as connection, storing():
            connection.execute(insert(DELIVERY_ATTEMPTS), [msgspec.to_builtins(each) for each in attempts])

    def listed(
        self,
        *,
        state: DeliveryState | None = None,
        webhook: str | None = None,
        call: str | None = None,
        numbers: Collection[int] = (),
        limit: int,
    ) -> list[KeptDelivery]:
        """Returns deliveries, the newest first."""
        asked = _whole().order_by(DELIVERIES.c.id.desc()).limit(limit)
        if state is not None:
            asked = asked.where(_is_in(state))
        if webhook is not None:
            asked = asked.where(DELIVERIES.c.webhook == webhook)
        if call is not None:
            asked = asked.where(DELIVERIES.c.call_id.startswith(call, autoescape=True))
        if numbers:
            asked = asked.where(DELIVERIES.c.id.in_(numbers))
        with self._database.snapshot() as connection:
            return [_kept(row) for row in connection.execute(asked).mappings()]

    def counted(self) -> Mapping[tuple[str, DeliveryState], int]:
        """Returns how many deliveries there are, by webhook and state."""
        state = func.coalesce(_LAST.c.state, DeliveryState.WAITING.value)
        asked = select(DELIVERIES.c.webhook, state, func.count()).select_from(_JOINED).group_by(DELIVERIES.c.webhook, state)
        with self._database.snapshot() as connection:
            return {(webhook, DeliveryState(state)): count for webhook, state, count in connection.execute(asked)}


def _last_of_others(connection: Connection, version: str) -> int:
    """The place in the feed of the last call that was decided with another config; 0: there is none."""
    others = select(FEED.c.id).join(CALL, CALL.c.call_id == FEED.c.key).where(FEED.c.kind == FEED_CALL, CALL.c.config != version)
    return connection.scalar(others.order_by(FEED.c.id.desc()).limit(1)) or 0


_LAST = DELIVERY_ATTEMPTS.alias("last")
_LATER = DELIVERY_ATTEMPTS.alias("later")
# Of the attempts of each delivery the last one: no other has a higher number.
_JOINED = DELIVERIES.outerjoin(
    _LAST,
    and_(
        _LAST.c.delivery == DELIVERIES.c.id,
        _LAST.c.id == select(func.max(_LATER.c.id)).where(_LATER.c.delivery == DELIVERIES.c.id).scalar_subquery(),
    ),
)


def _whole() -> Select[tuple[object, ...]]:
    last = (_LAST.c[name].label(f"last_{name}") for name in ("at_us", "state", "tries", "since_us", "next_us", "status", "why"))
    return select(DELIVERIES, *last).select_from(_JOINED)


def _is_in(state: DeliveryState) -> ColumnElement[bool]:
    return (
        or_(_LAST.c.state == state.value, _LAST.c.state.is_(None))
        if state is DeliveryState.WAITING
        else _LAST.c.state == state.value
    )


def _values(delivery: Delivery, now_us: int) -> dict[str, object]:
    return {
        "key": delivery.key,
        "webhook": delivery.webhook,
        "event": delivery.event.value,
        "call_id": delivery.call_id,
        "at_us": delivery.at_us,
        "created_us": now_us,
        "seen": json_text(delivery.seen),
    }


def _kept(row: RowMapping) -> KeptDelivery:
    is_tried = row["last_state"] is not None
    return KeptDelivery(
        number=row["id"],
        key=row["key"],
        webhook=row["webhook"],
        event=WebhookEvent(row["event"]),
        call_id=row["call_id"],
        at_us=row["at_us"],
        seen=_SEEN.decode(row["seen"]),
        state=DeliveryState(row["last_state"]) if is_tried else DeliveryState.WAITING,
        tries=row["last_tries"] if is_tried else 0,
        due_us=row["created_us"] if row["last_next_us"] is None else row["last_next_us"],
        since_us=row["last_since_us"] if is_tried else row["created_us"],
        last_us=row["last_at_us"],
        status=row["last_status"],
        why=row["last_why"] or "",
    )


def _news(connection: Connection, rows: Sequence[RowMapping]) -> Iterator[News]:
    """A row whose call is not there yet is passed over: the call comes with all that there is of it."""
    money = {row.key: row for row in map(read_money, _found(connection, MONEY.c.key, _keys(rows, FEED_MONEY)))}
    recordings = {row.path: row for row in map(read_recording, _found(connection, RECORDING.c.path, _keys(rows, FEED_RECORDING)))}
    call_ids = {
        *_keys(rows, FEED_CALL),
        *(row.call_id for row in money.values()),
        *(row.call_id for row in recordings.values()),
    } - {""}
    calls = {
        judged.record.call_id: judged
        for judged in reading.whole(connection, select(CALL).where(CALL.c.call_id.in_(call_ids)), events=False)
    }
    all_money = {call_id: tuple(reading.money_of(connection, call_id)) for call_id in calls}
    kept: dict[str, list[RecordingRow]] = {}
    for each in reading.recordings_of(connection, calls):
        kept.setdefault(each.recording.call_id, []).append(each.recording)
    for row in rows:
        posting, recording = money.get(row["key"]), recordings.get(row["key"])
        call_id = row["key"] if row["kind"] == FEED_CALL else posting.call_id if posting else recording.call_id if recording else ""
        if call_id in calls:
            yield News(
                judged=calls[call_id],
                money=all_money[call_id],
                recordings=tuple(kept.get(call_id, ())),
                row=posting if row["kind"] == FEED_MONEY else None,
                recording=recording if row["kind"] == FEED_RECORDING else None,
                feed=row["id"],
            )


def _keys(rows: Sequence[RowMapping], kind: str) -> list[str]:
    return [row["key"] for row in rows if row["kind"] == kind]


def _found(connection: Connection, column: Column[str], keys: Collection[str]) -> Sequence[RowMapping]:
    return connection.execute(select(column.table).where(column.in_(keys))).mappings().all() if keys else []
