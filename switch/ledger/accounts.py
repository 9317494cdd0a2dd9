"""Knows how balances of a whole ledger are summed, a call at a time. What a balance is, `switch.billing.balance` knows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter

from switch.billing import keys
from switch.billing.balance import Account, Balance, balances
from switch.billing.standing import State, StateRow
from switch.billing.verdict import MoneyRow


def balances_of(money: Iterable[MoneyRow], states: Iterable[StateRow], now_us: int) -> dict[Account, Balance]:
    """As `switch.billing.balance.balances`, of streams that are sorted by call."""
    totals: dict[Account, dict[State, int]] = defaultdict(lambda: defaultdict(int))
    for rows, moves in _by_call(money, states):
        for account, balance in balances(rows, moves, now_us).items():
            parts = totals[account]
            for state, micros in balance.parts.items():
                parts[state] += micros
    return {
        account: Balance(total_micros=sum(parts.values()), parts={state: micros for state, micros in parts.items() if micros})
        for account, parts in totals.items()
    }


def _by_call(money: Iterable[MoneyRow], states: Iterable[StateRow]) -> Iterator[tuple[list[MoneyRow], list[StateRow]]]:
    rows = ((row.call_id, row) for row in money)
    moves = ((keys.call_of(row.of), row) for row in states)
    both: Iterator[tuple[str, MoneyRow | StateRow]] = merge(rows, moves, key=itemgetter(0))
    for _, items in groupby(both, key=itemgetter(0)):
        found = [item for _, item in items]
        yield [item for item in found if isinstance(item, MoneyRow)], [item for item in found if isinstance(item, StateRow)]
