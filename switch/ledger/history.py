"""Knows what a starting switch has to learn from the ledger before it may take calls, and what others write there while it runs.

Does not know what is made of it.
"""

from dataclasses import dataclass
from itertools import takewhile

from switch.billing.verdict import MoneyRow
from switch.call.record import CallRecord
from switch.engine.lookback import Lookback
from switch.engine.usage import UsageHistory
from switch.ledger.store import Ledger

MAX_MADE = 20_000
"""So many of the newest attempts say which line is next in turn, and what lines have earned lately."""
OURS = "switch"
"""The actor of rows that a running switch writes itself, and has counted already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`last_money`: the number of the newest money row that `past` holds."""

    past: UsageHistory
    last_money: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
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
    with ledger.reading() as reading:
        past = UsageHistory(
            horizon_us=horizon.counts_us,
            tallies=tuple(reading.tallies(horizon.counts_us)),
            before=tuple(reading.totals(horizon.counts_us)) if horizon.ever else (),
            deposits=reading.balances(),
            paid=tuple(reading.paid_since(horizon.paid_us)),
            made=tuple(reading.made(MAX_MADE)),
        )
        return History(past=past, last_money=reading.last_money())


def read_posted(ledger: Ledger, *, after: int) -> tuple[list[Posted], int]:
    """Rows of others behind number `after`, and the number to go on from.

    Raises LedgerUnreadable.
    """
    found: list[Posted] = []
    for number, row in ledger.money_since(after):
        after = number
        if row.actor != OURS:
            found.append(_posted(ledger, row))
    return found, after


def _posted(ledger: Ledger, row: MoneyRow) -> Posted:
    calls = ledger.calls(limit=1, call_id=row.call_id) if row.call_id else []
    earlier = takewhile(lambda each: each.key != row.key, ledger.rows_of(row.call_id) if row.call_id else [])
    alike = (each.amount_micros for each in earlier if (each.kind, each.line) == (row.kind, row.line))
    return Posted(row=row, record=calls[0].record if calls else None, before_micros=sum(alike))
