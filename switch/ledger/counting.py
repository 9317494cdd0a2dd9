"""Adds up the ledger's rows: what counts against caps and when, paid conversions by caller, deposits.

The database does the adding. The sums are by owner and step of time; caps, windows and groups of lines are applied elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Select, and_, case, func, literal, select, union_all

from routing.cap import Counts
from routing.load import PaidConversion
from switch.billing.verdict import MoneyKind
from switch.engine.counters import QUARTER_US, CounterRow
from switch.engine.usage import PastAttempt
from switch.ledger.tables import ATTEMPT, CALL, MONEY

FOREVER_US = 2**62  # far beyond any instant
LONGEST_US = 2 * 86_400_000_000
"""From the INVITE of a line to the start of talk with it: never as much."""

_NO_PROBE = ATTEMPT.c.call_id.not_in(select(CALL.c.call_id).where(CALL.c.probe))
"""Calls of probes count for nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Instants in [from, to), told apart by steps of `step_us`."""

    from_us: int
    to_us: int
    step_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Groups:
    """Sums by several kinds of owners at once and by step: one pass over many rows, so that each kind takes a pass over few."""

    kinds: Sequence[str]
    sums: Sequence[str]
    rows: CTE


class Reading:
    """Sums over all that the ledger holds, as of one instant: that of its connection's transaction. Iterators end with it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tallies(self, since_us: int) -> Iterator[CounterRow]:
        """Yields what counted since `since_us`, in whole quarters of an hour, the one that it lies in first: owner, thing counted,
        start of the quarter, amount.

        Connections are counted at the start of talk; conversions and revenue at their money rows, corrections included. A conversion is
        revenue above zero of one line for one call: a correction that takes it back to zero takes the conversion back, at its own instant.
        """
        yield from self._tallied(_Span(from_us=since_us - since_us % QUARTER_US, to_us=FOREVER_US, step_us=QUARTER_US))

    def totals(self, before_us: int) -> Iterator[tuple[str, Counts, int]]:
        """Yields all that counted before the quarter of an hour that `before_us` lies in: owner, thing counted, amount."""
        span = _Span(from_us=0, to_us=before_us - before_us % QUARTER_US, step_us=FOREVER_US)
        yield from ((owner, counts, amount) for owner, counts, _, amount in self._tallied(span))

    def balances(self) -> dict[str, int]:
        """Returns the deposits by party, micros."""
        deposits = MONEY.c.kind == MoneyKind.DEPOSIT.value
        sums = select(MONEY.c.party, func.sum(MONEY.c.amount_micros)).where(deposits).group_by(MONEY.c.party)
        return {party: int(micros) for party, micros in self._connection.execute(sums)}

    def paid_since(self, since_us: int) -> Iterator[tuple[str, PaidConversion]]:
        """Yields caller and conversion, oldest first: one for each call whose payout, corrections included, is above zero."""
        for ani, at_us, did, campaign, advertiser, line in self._connection.execute(_paid(since_us)):
            yield ani, PaidConversion(at_us=at_us, did=did, campaign=campaign, advertiser=advertiser, line=line)

    def made(self, limit: int) -> list[PastAttempt]:
        """Returns that many of the newest attempts, oldest first, with their revenue."""
        newest = (
            select(ATTEMPT)
            .where(_NO_PROBE)
            .order_by(ATTEMPT.c.invited_us.desc(), ATTEMPT.c.call_id.desc(), ATTEMPT.c.number.desc())
        )
        attempt = newest.limit(limit).subquery()
        # the kind is asked for in the sum, so that no query planner looks for the few rows of a call among all rows of a kind
        revenue = func.sum(case((MONEY.c.kind == MoneyKind.REVENUE.value, MONEY.c.amount_micros), else_=0))
        earned = select(revenue).where(MONEY.c.call_id == attempt.c.call_id, MONEY.c.line == attempt.c.line).scalar_subquery()
        found = (
            select(attempt, CALL.c.publisher, CALL.c.did, CALL.c.trunk, func.coalesce(earned, 0).label("micros"))
            .join(CALL, CALL.c.call_id == attempt.c.call_id)
            .order_by(attempt.c.invited_us, attempt.c.call_id, attempt.c.number)
        )
        return [
            PastAttempt(
                line=row["line"],
                campaign=row["campaign"],
                priority=row["priority"],
                at_us=row["invited_us"],
                revenue_micros=int(row["micros"]),
                owners=(
                    f"line:{row['line']}",
                    f"advertiser:{row['advertiser']}",
                    f"campaign:{row['campaign']}",
                    f"publisher:{row['publisher']}",
                    f"number:{row['did']}",
                    f"trunk:{row['trunk']}",
                ),
            )
            for row in self._connection.execute(found).mappings()
        ]

    def last_money(self) -> int:
        """Returns the number of the newest money row, or 0."""
        return self._connection.scalar(select(func.coalesce(func.max(MONEY.c.id), 0))) or 0

    def _tallied(self, span: _Span) -> Iterator[CounterRow]:
        for counts, at in ((Counts.ATTEMPT, ATTEMPT.c.invited_us), (Counts.CONNECTION, ATTEMPT.c.talk_us)):
            for groups in _attempts(at, span):
                yield from _counted(self._connection, groups, (counts,))
        for groups in _revenue(span):
            yield from _counted(self._connection, groups, (Counts.CONVERSION, Counts.REVENUE))


def _paid(since_us: int) -> Select[Any]:
    """Selects calls by their payout. A row that corrects an earlier one adds to the sum, and says nothing of the instant."""
    payout = (
        select(
            MONEY.c.call_id,
            func.min(case((MONEY.c.corrects.is_(None), MONEY.c.at_us))).label("at_us"),
            func.max(MONEY.c.campaign).label("campaign"),
            func.max(MONEY.c.line).label("line"),
        )
        .where(MONEY.c.kind == MoneyKind.PAYOUT.value, MONEY.c.at_us >= since_us)
        .group_by(MONEY.c.call_id)
        .having(func.sum(MONEY.c.amount_micros) > 0)
        .subquery()
    )
    return (
        select(CALL.c.ani, payout.c.at_us, CALL.c.did, payout.c.campaign, func.coalesce(ATTEMPT.c.advertiser, ""), payout.c.line)
        .join_from(payout, CALL, payout.c.call_id == CALL.c.call_id)
        .outerjoin(ATTEMPT, and_(ATTEMPT.c.call_id == payout.c.call_id, ATTEMPT.c.line == payout.c.line))
        .where(payout.c.at_us.is_not(None))
        .order_by(payout.c.at_us, payout.c.call_id)
    )


def _attempts(at: ColumnElement[int], span: _Span) -> tuple[_Groups, _Groups]:
    """How many attempts had the instant `at`: for whom they were made, and whose calls they were of."""
    near = (_NO_PROBE, ATTEMPT.c.invited_us >= span.from_us - LONGEST_US, at >= span.from_us, at < span.to_us)
    made_for = {"line": ATTEMPT.c.line, "advertiser": ATTEMPT.c.advertiser, "campaign": ATTEMPT.c.campaign}
    attempts = ATTEMPT.join(CALL, ATTEMPT.c.call_id == CALL.c.call_id)
    return (
        _groups(select(func.count().label("many")).select_from(ATTEMPT).where(*near), at, made_for, span),
        _groups(select(func.count().label("many")).select_from(attempts).where(*near), at, _CALLS, span),
    )


def _revenue(span: _Span) -> tuple[_Groups, _Groups]:
    """The same of revenue rows. `after`: what the line owed for the call once the row was there, earlier rows included."""
    kind = MONEY.c.kind == MoneyKind.REVENUE.value
    touched = select(MONEY.c.call_id).where(kind, MONEY.c.at_us >= span.from_us)
    after = func.sum(MONEY.c.amount_micros).over(partition_by=(MONEY.c.call_id, MONEY.c.line), order_by=MONEY.c.id)
    row = select(MONEY, after.label("after")).where(kind, MONEY.c.call_id.in_(touched)).subquery("revenue").c
    before = row.after - row.amount_micros
    came = case((and_(before <= 0, row.after > 0), 1), (and_(before > 0, row.after <= 0), -1), else_=0)
    sums = select(func.sum(came).label("many"), func.sum(row.amount_micros).label("micros"))
    sums = sums.where(row.at_us >= span.from_us, row.at_us < span.to_us)
    made_for = {"line": row.line, "advertiser": row.party, "campaign": row.campaign}
    return (
        _groups(sums, row.at_us, made_for, span),
        _groups(sums.join(CALL, row.call_id == CALL.c.call_id), row.at_us, _CALLS, span),
    )


_CALLS = {"publisher": CALL.c.publisher, "number": CALL.c.did, "trunk": CALL.c.trunk}


def _groups(sums: Select[Any], at: ColumnElement[int], owners: Mapping[str, ColumnElement[Any]], span: _Span) -> _Groups:
    start = at - at % span.step_us
    named = [owner.label(kind) for kind, owner in owners.items()]
    rows = sums.add_columns(start.label("start_us"), *named).group_by(*owners.values(), start).cte("summed")
    return _Groups(kinds=tuple(owners), sums=tuple(sums.selected_columns.keys()), rows=rows)


def _counted(connection: Connection, groups: _Groups, what: tuple[Counts, ...]) -> Iterator[CounterRow]:
    """Yields the sums as counter rows. `what`: the things that the sums count, in their order."""
    for row in connection.execute(union_all(*(_by_owner(groups, kind) for kind in groups.kinds))):
        kind, owner, start_us, *amounts = tuple(row)
        for counts, amount in zip(what, amounts, strict=True):
            if amount:
                yield f"{kind}:{owner}", counts, int(start_us), int(amount)


def _by_owner(groups: _Groups, kind: str) -> Select[Any]:
    """Leaves out NULL and the empty name, which are no owners: an unknown number has no publisher, a posted row may have no line."""
    columns = groups.rows.c
    return (
        select(literal(kind), columns[kind], columns.start_us, *(func.sum(columns[name]) for name in groups.sums))
        .where(columns[kind].is_not(None), columns[kind] != "")
        .group_by(columns[kind], columns.start_us)
    )
