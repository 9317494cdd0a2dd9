"""Adds up the ledger's rows for the monitor, and keeps its alerts. What the figures mean for people is `switch.monitor`'s business.

Calls are found by their numbers, which rise in the order in which calls were written: the same questions serve for all that is there and
for what is new. All blocks; callable from any thread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, func, insert, select

from switch.call.record import Outcome
from switch.ledger import reading
from switch.ledger.database import Database, storing
from switch.ledger.probes import SCHEDULE, ProbeRow
from switch.ledger.tables import ALERT, ATTEMPT, CALL, LEG_MEDIA, AlertRow, alert_values, read_alert

TOLD = "told"
"""The event of a row which says that people were told of the alert's last event."""
MS_PER_S = 1_000
TALK_MS = (5_000, 15_000, 30_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000, 1_200_000, 3_600_000)
RING_MS = (100, 250, 500, 1_000, 2_000, 3_000, 5_000, 8_000, 12_000, 20_000)
ANSWER_MS = (1_000, 2_000, 3_000, 5_000, 8_000, 12_000, 20_000, 30_000, 45_000, 60_000)
LOSS = (0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
JITTER_MS = (1, 2, 5, 10, 20, 30, 50, 100, 200)
MOS = (1.5, 2.0, 2.5, 3.0, 3.3, 3.6, 3.8, 4.0, 4.2, 4.4)
_FAILED = (Outcome.FAILED, Outcome.SILENT, Outcome.CERTIFICATE_REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How values are spread. `counts`: how many are at most each of the bounds; `number`: how many there are; `total`: their sum."""

    counts: tuple[int, ...]
    number: int
    total: float

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(
            counts=tuple(map(sum, zip(self.counts, other.counts, strict=True))),
            number=self.number + other.number,
            total=self.total + other.total,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTally:
    """Calls of one outcome and cause (`final_state` and `ended_detail` of their records). `talk`: of those with talk, milliseconds."""

    outcome: str
    cause: str
    calls: int
    revenue_micros: int
    payout_micros: int
    talk: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTally:
    """Attempts at one line with one outcome. `ring`, `answer`: how long until it rang and until it answered, milliseconds."""

    line: str
    outcome: str
    attempts: int
    ring: Spread
    answer: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityTally:
    """Legs of one codec. `loss`: the share of packets that did not come; `jitter`: milliseconds. Of what we received; `sent_...`: of what
    the far ends did."""

    codec: str
    loss: Spread
    jitter: Spread
    mos: Spread
    sent_loss: Spread
    sent_mos: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Calls of some numbers, and their attempts."""

    calls: Sequence[CallTally] = ()
    attempts: Sequence[AttemptTally] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResults:
    """Attempts at a line: how many were answered, and how many failed or met silence."""

    answered: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """The last while, for alerts. `lines`: by name. `near_misses`: calls that their line ended just short of what is billable, by line and
    publisher. `invited`: how many calls came in each of the spans asked for. Calls of probes are in none of these; `probes`: what
    those found that the config asked for."""

    lines: Mapping[str, LineResults] = field(default_factory=dict)
    near_misses: Mapping[tuple[str, str], int] = field(default_factory=dict)
    invited: tuple[int, ...] = ()
    probes: tuple[ProbeRow, ...] = ()


class MonitorLedger:
    """What the monitor asks of a ledger and writes to it. Reading raises LedgerUnreadable, writing LedgerUnwritable or RecordRefused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_number(self) -> int:
        """Returns the number of the call that was written last; 0: there is none."""
        with self._database.snapshot() as connection:
            return connection.scalar(select(func.max(CALL.c.number))) or 0

    def tally(self, after: int, through: int) -> Tally:
        """Returns the sums of the calls with numbers in (after, through]."""
        numbers = and_(CALL.c.number > after, CALL.c.number <= through, ~CALL.c.probe)
        revenue, payout = func.sum(CALL.c.revenue_micros), func.sum(CALL.c.payout_micros)
        talk = case((CALL.c.connected_ms > 0, CALL.c.connected_ms))
        calls = _grouped(
            CALL,
            (CALL.c.final_state, CALL.c.ended_detail),
            (func.count(), revenue, payout, *_spread(talk, TALK_MS)),
            numbers,
        )
        attempts = _grouped(
            ATTEMPT.join(CALL),
            (ATTEMPT.c.line, ATTEMPT.c.outcome),
            (func.count(), *_spread(ATTEMPT.c.pdd_ms, RING_MS), *_spread(ATTEMPT.c.answer_delay_ms, ANSWER_MS)),
            numbers,
        )
        with self._database.snapshot() as connection:
            return Tally(
                calls=[
                    CallTally(
                        outcome=outcome,
                        cause=cause,
                        calls=number,
                        revenue_micros=int(revenue_micros),
                        payout_micros=int(payout_micros),
                        talk=_read_spread(spread),
                    )
                    for outcome, cause, number, revenue_micros, payout_micros, *spread in connection.execute(calls)
                ],
                attempts=[
                    AttemptTally(
                        line=line,
                        outcome=outcome,
                        attempts=number,
                        ring=_read_spread(spreads[: len(RING_MS) + 2]),
                        answer=_read_spread(spreads[len(RING_MS) + 2 :]),
                    )
                    for line, outcome, number, *spreads in connection.execute(attempts)
                ],
            )

    def quality(self, after: int, through: int) -> Sequence[QualityTally]:
        """Returns how well the audio of these calls' legs arrived, by codec. The figures of a leg are written apart from its call, some
        seconds before or after it."""
        asked = (
            (LEG_MEDIA.c.received_lost_share, LOSS),
            (LEG_MEDIA.c.received_jitter_ms, JITTER_MS),
            (LEG_MEDIA.c.received_mos, MOS),
            (LEG_MEDIA.c.sent_lost_share, LOSS),
            (LEG_MEDIA.c.sent_mos, MOS),
        )
        rows = _grouped(
            LEG_MEDIA.join(CALL, LEG_MEDIA.c.call_id == CALL.c.call_id),
            (LEG_MEDIA.c.codec,),
            [each for column, bounds in asked for each in _spread(column, bounds)],
            and_(CALL.c.number > after, CALL.c.number <= through, ~CALL.c.probe, LEG_MEDIA.c.codec.is_not(None)),
        )
        found = []
        with self._database.snapshot() as connection:
            for codec, *figures in connection.execute(rows):
                left = iter(figures)
                spreads = [_read_spread([*islice(left, len(bounds) + 2)]) for _, bounds in asked]
                loss, jitter, mos, sent_loss, sent_mos = spreads
                found.append(QualityTally(codec=codec, loss=loss, jitter=jitter, mos=mos, sent_loss=sent_loss, sent_mos=sent_mos))
        return found

    def recent(
        self, *, lines_since_us: int, misses_since_us: int, probes_since_us: int, spans: Sequence[tuple[int, int]]
    ) -> Recent:
        """Returns attempts made since an instant, near misses that ended since one, and how many calls came in each of `spans`: from an
        instant on, before another. All UTC microseconds."""
        answered = func.sum(case((ATTEMPT.c.outcome == Outcome.ANSWERED.value, 1), else_=0))
        failed = func.sum(case((ATTEMPT.c.outcome.in_([each.value for each in _FAILED]), 1), else_=0))
        lines = select(ATTEMPT.c.line, answered, failed).select_from(ATTEMPT.join(CALL)).group_by(ATTEMPT.c.line)
        lines = lines.where(ATTEMPT.c.invited_us >= lines_since_us, ~CALL.c.probe)
        missed = and_(
            CALL.c.ended_us >= misses_since_us, CALL.c.near_miss, CALL.c.billable.is_(False), ATTEMPT.c.talk_us.is_not(None)
        )
        whose = (ATTEMPT.c.line, func.coalesce(CALL.c.publisher, ""))
        misses = select(*whose, func.count()).select_from(ATTEMPT.join(CALL)).where(missed).group_by(*whose)
        with self._database.snapshot() as connection:
            return Recent(
                lines={line: LineResults(answered=int(good), failed=int(bad)) for line, good, bad in connection.execute(lines)},
                near_misses={(line, publisher): number for line, publisher, number in connection.execute(misses)},
                invited=tuple(
                    connection.scalar(
                        select(func.count())
                        .where(CALL.c.invited_us >= from_us, CALL.c.invited_us < to_us, ~CALL.c.probe)
                        .select_from(CALL)
                    )
                    or 0
                    for from_us, to_us in spans
                ),
                probes=tuple(
                    row
                    for row in reading.probes(connection, since_us=probes_since_us, target=None, limit=None)
                    if row.actor == SCHEDULE
                ),
            )

    def last_alerts(self) -> list[AlertRow]:
        """Returns the newest event of each cause, and beside it the row that people were told of it, if they were: in the order written."""
        is_told = ALERT.c.event == TOLD
        newest = select(func.max(ALERT.c.id)).group_by(ALERT.c.cause, is_told)
        with self._database.snapshot() as connection:
            rows = connection.execute(select(ALERT).where(ALERT.c.id.in_(newest)).order_by(ALERT.c.id)).mappings()
            return [read_alert(row) for row in rows]

    def alerts(self, *, limit: int) -> list[AlertRow]:
        """Returns that many of the newest rows, the newest first."""
        with self._database.snapshot() as connection:
            rows = connection.execute(select(ALERT).order_by(ALERT.c.id.desc()).limit(limit)).mappings()
            return [read_alert(row) for row in rows]

    def add_alerts(self, rows: Sequence[AlertRow]) -> None:
        """All or none."""
        with self._database.changing() as connection, storing():
            connection.execute(insert(ALERT), [alert_values(row) for row in rows])

    def close(self) -> None:
        self._database.close()


def _grouped(
    rows: FromClause, by: Sequence[ColumnElement[Any]], sums: Sequence[ColumnElement[Any]], where: ColumnElement[bool]
) -> Any:
    return select(*by, *sums).select_from(rows).where(where).group_by(*by)


def _spread(value: ColumnElement[Any], bounds: Sequence[float]) -> list[ColumnElement[Any]]:
    """Returns what `_read_spread` reads: rows without a value are left out."""
    within = [func.sum(case((value <= bound, 1), else_=0)) for bound in bounds]
    return [*within, func.count(value), func.coalesce(func.sum(value), 0)]


def _read_spread(figures: Sequence[Any]) -> Spread:
    *counts, number, total = figures
    return Spread(counts=tuple(map(int, counts)), number=int(number), total=float(total))
