"""The states of money: every move there is and is not, time that approves, disputes that come to nothing; balances by state."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.billing.balance import Balance, balances, entry_states, sums
from switch.billing.entry_state import NEW, NEXT, EntryState, IllegalMove, State, StateRow, move, state_at
from switch.billing.verdict import MoneyKind, MoneyRow

LEGAL = {
    "pending": "pending held approved disputed void",
    "held": "approved disputed void",
    "approved": "disputed void",
    "disputed": "upheld rejected",
    "upheld": "",
    "rejected": "",
    "void": "",
}


def row(state: State, at_us: int = 10, *, until_us: int | None = None, of: str = "k") -> StateRow:
    return StateRow(key=f"{of}/{state}/{at_us}", of=of, state=state, at_us=at_us, until_us=until_us, reason="")


@pytest.mark.parametrize(("was", "to"), list(product(State, State)))
def test_every_move_is_legal_or_names_both(was: State, to: State) -> None:
    moved = move(EntryState(state=was, before=NEW if was is State.DISPUTED else None), row(to))
    if to.value in LEGAL[was].split():
        assert isinstance(moved, EntryState)
        assert moved.state is (State.PENDING if to is State.REJECTED else to)
    else:
        assert moved == IllegalMove(was=was, to=to)
        assert str(moved) == f"{was} money does not become {to}"


def test_the_table_is_total() -> None:
    assert set(NEXT) == set(State)


@pytest.mark.parametrize(
    ("now_us", "standing"),
    [
        (99, EntryState(state=State.HELD, since_us=10, until_us=100)),
        (100, EntryState(state=State.APPROVED, since_us=100)),
        (101, EntryState(state=State.APPROVED, since_us=100)),
    ],
)
def test_held_money_approves_itself_when_its_time_has_passed(now_us: int, standing: EntryState) -> None:
    assert state_at([row(State.HELD, until_us=100)], now_us) == standing


def test_money_without_a_row_is_pending() -> None:
    assert state_at([], 10**18) == NEW
    assert NEW.state is State.PENDING


@pytest.mark.parametrize(("rejected_us", "state"), [(50, State.HELD), (100, State.APPROVED), (150, State.APPROVED)])
def test_a_rejected_dispute_leaves_it_where_it_was(rejected_us: int, state: State) -> None:
    rows = [row(State.HELD, until_us=100), row(State.DISPUTED, 20), row(State.REJECTED, rejected_us)]
    assert state_at(rows, rejected_us).state is state
    assert state_at(rows, 200).state is State.APPROVED
    assert state_at(rows[:2], 200).state is State.DISPUTED


def test_a_dispute_may_be_raised_again_and_upheld() -> None:
    rows = [row(State.APPROVED, 1), row(State.DISPUTED, 2), row(State.REJECTED, 3), row(State.DISPUTED, 4), row(State.UPHELD, 5)]
    assert [state_at(rows[:count], 10).state.value for count in range(6)] == [
        "pending",
        "approved",
        "disputed",
        "approved",
        "disputed",
        "upheld",
    ]


def test_held_money_whose_time_has_passed_is_not_approved_again() -> None:
    assert move(EntryState(state=State.HELD, until_us=100), row(State.APPROVED, 100)) == IllegalMove(
        was=State.APPROVED, to=State.APPROVED
    )


@given(states=st.lists(st.sampled_from(list(State)), max_size=12), now_us=st.integers(0, 200))
def test_no_rows_leave_it_rejected_and_final_is_final(states: list[State], now_us: int) -> None:
    rows = [row(state, 10 * number, until_us=95) for number, state in enumerate(states)]
    path = [state_at(rows[:count], now_us).state for count in range(len(rows) + 1)]
    assert State.REJECTED not in path
    for final in (State.VOID, State.UPHELD):
        if final in path:
            assert set(path[path.index(final) :]) == {final}


# balances


def money(
    key: str, amount: int, *, kind: MoneyKind = MoneyKind.REVENUE, party: str = "acme", corrects: str | None = None
) -> MoneyRow:
    return MoneyRow(
        key=key, call_id="c1", kind=kind, party=party, campaign="auto", amount_micros=amount, reason="", corrects=corrects
    )


def test_balances_are_sums_by_party_and_kind_and_state() -> None:
    rows = [
        money("a", 10),
        money("a2", 5, corrects="a"),
        money("b", 20),
        money("c", 40),
        money("c2", -40, corrects="c"),
        money("p", 8, kind=MoneyKind.PAYOUT, party="radio"),
        money("q", 1, kind=MoneyKind.COST, party="carrier"),
        money("d", 100, kind=MoneyKind.DEPOSIT),
    ]
    states = [
        row(State.HELD, 1, until_us=100, of="a"),
        row(State.APPROVED, 2, of="b"),
        row(State.DISPUTED, 3, of="b"),
        row(State.VOID, 3, of="c"),
    ]
    revenue, deposits = (MoneyKind.REVENUE, "acme"), (MoneyKind.DEPOSIT, "acme")
    early = balances(rows, states, 99)
    assert early[revenue] == Balance(total_micros=35, parts={State.HELD: 15, State.DISPUTED: 20})
    assert early[MoneyKind.PAYOUT, "radio"] == Balance(total_micros=8, parts={State.PENDING: 8})
    assert early[deposits] == Balance(total_micros=100, parts={State.APPROVED: 100})
    assert balances(rows, states, 100)[revenue] == Balance(total_micros=35, parts={State.APPROVED: 15, State.DISPUTED: 20})
    assert sums(rows) == {account: balance.total_micros for account, balance in early.items()}
    assert entry_states(rows, states, 99)["a2"].state is State.HELD
