"""Knows what balances are: sums of money rows, whole and by state. Does not know how an entry came to its state.

A balance is never kept, always summed. Advertisers owe revenue and have deposits, publishers earn payouts, trunks bill costs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from switch.billing.standing import Standing, State, StateRow, stand
from switch.billing.verdict import MoneyKind, MoneyRow

Account = tuple[MoneyKind, str]
"""A kind of money and the party whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """`parts`: by the state of the entries, those without any money left out. Costs and deposits count as approved."""

    total_micros: int
    parts: Mapping[State, int]


def sums(money: Iterable[MoneyRow]) -> dict[Account, int]:
    """Micros by kind and party."""
    totals: dict[Account, int] = defaultdict(int)
    for row in money:
        totals[row.kind, row.party] += row.amount_micros
    return dict(totals)


def standings(money: Iterable[MoneyRow], states: Iterable[StateRow], now_us: int) -> dict[str, Standing]:
    """Where each money row stands at `now_us`, by its key. `states` in the order written. A correction stands as what it corrects."""
    moves: dict[str, list[StateRow]] = defaultdict(list)
    for state in states:
        moves[state.of].append(state)
    return {row.key: stand(moves.get(row.corrects or row.key, ()), now_us) for row in money}


def balances(money: Sequence[MoneyRow], states: Iterable[StateRow], now_us: int) -> dict[Account, Balance]:
    """Everybody's balance at `now_us`."""
    parts: dict[Account, dict[State, int]] = defaultdict(lambda: defaultdict(int))
    found = standings(money, states, now_us)
    for row in money:
        stands = row.kind in (MoneyKind.REVENUE, MoneyKind.PAYOUT)
        parts[row.kind, row.party][found[row.key].state if stands else State.APPROVED] += row.amount_micros
    return {account: _balance(by_state) for account, by_state in parts.items()}


def _balance(by_state: Mapping[State, int]) -> Balance:
    return Balance(total_micros=sum(by_state.values()), parts={state: micros for state, micros in by_state.items() if micros})
