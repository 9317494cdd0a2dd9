"""Computes balances: sums of money rows, whole and by state.

A balance is never kept, always summed. Advertisers owe revenue and have deposits, publishers earn payouts, trunks bill costs.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter

from switch.billing import keys
from switch.billing.entry_state import EntryState, State, StateRow, state_at
from switch.billing.verdict import MoneyKind, MoneyRow

Account = tuple[MoneyKind, str]
"""A kind of money and the party it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """`parts`: by the state of the entries, those without any money left out. Costs and deposits count as approved."""

    total_micros: int
    parts: Mapping[State, int]


def sums(money: Iterable[MoneyRow]) -> dict[Account, int]:
    """Returns the sums in micros by kind and party."""
    totals: dict[Account, int] = defaultdict(int)
    for row in money:
        totals[row.kind, row.party] += row.amount_micros
    return dict(totals)


def entry_states(money: Iterable[MoneyRow], states: Iterable[StateRow], now_us: int) -> dict[str, EntryState]:
    """Returns the state of each money row at `now_us`, by its key. `states` in the order written. A correction has its entry's state."""
    moves: dict[str, list[StateRow]] = defaultdict(list)
    for state in states:
        moves[state.of].append(state)
    return {row.key: state_at(moves.get(row.corrects or row.key, ()), now_us) for row in money}


def balances(money: Sequence[MoneyRow], states: Iterable[StateRow], now_us: int) -> dict[Account, Balance]:
    """Returns all balances at `now_us`."""
    parts: dict[Account, dict[State, int]] = defaultdict(lambda: defaultdict(int))
    found = entry_states(money, states, now_us)
    for row in money:
        stands = row.kind in (MoneyKind.REVENUE, MoneyKind.PAYOUT)
        parts[row.kind, row.party][found[row.key].state if stands else State.APPROVED] += row.amount_micros
    return {account: _balance(by_state) for account, by_state in parts.items()}


def _balance(by_state: Mapping[State, int]) -> Balance:
    return Balance(total_micros=sum(by_state.values()), parts={state: micros for state, micros in by_state.items() if micros})


def balances_of(money: Iterable[MoneyRow], states: Iterable[StateRow], now_us: int) -> dict[Account, Balance]:
    """As `balances`, of a whole ledger, one call in memory at a time: rows and states come sorted by call."""
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
