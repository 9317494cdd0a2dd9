"""Defines the states of money: the moves between them, and the state of an entry at an instant.

An entry is a money row with all that corrects it: they share its state. States are rows of their own, appended, never changed, so where
an entry stands follows from its rows and the clock:

    pending ──► held ──(its time has passed)──► approved
       └───────────────────────────────────────────▲
    any of these three ──► disputed ──► upheld       (the advertiser is right: credited)
                              └───────► rejected     (as if never disputed: back to where it was)
    any of these three ──► void                      (should never have been)

Money without a hold waits in `pending` until somebody approves it; held money approves itself, without a row, once `until_us` has passed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class State(StrEnum):
    PENDING = "pending"
    """Earned; nobody has approved it."""
    HELD = "held"
    """Approved by time alone, unless somebody objects before."""
    APPROVED = "approved"
    DISPUTED = "disputed"
    UPHELD = "upheld"
    """The dispute was right: what it was about is credited. Final."""
    REJECTED = "rejected"
    """The dispute was not. No entry rests here: it stands as before the dispute."""
    VOID = "void"
    """Taken back whole. Final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """One move of one entry. `key`: its idempotency key. `of`: the key of the money row that began the entry.

    `until_us`: for `held`, when it approves itself, UTC microseconds.
    """

    key: str
    of: str
    state: State
    at_us: int
    until_us: int | None = None
    reason: str
    actor: str = "switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryState:
    """The state of an entry. `before`: its state when it was disputed."""

    state: State = State.PENDING
    since_us: int = 0
    until_us: int | None = None
    before: "EntryState | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IllegalMove:
    was: State
    to: State

    def __str__(self) -> str:
        return f"{self.was} money does not become {self.to}"


OPEN = frozenset({State.PENDING, State.HELD, State.APPROVED})
"""Where amounts may still be amended."""
NEXT: Mapping[State, frozenset[State]] = {
    # `pending` after itself: a row may say that an entry began there
    State.PENDING: frozenset({State.PENDING, State.HELD, State.APPROVED, State.DISPUTED, State.VOID}),
    State.HELD: frozenset({State.APPROVED, State.DISPUTED, State.VOID}),
    State.APPROVED: frozenset({State.DISPUTED, State.VOID}),
    State.DISPUTED: frozenset({State.UPHELD, State.REJECTED}),
    State.UPHELD: frozenset(),
    State.REJECTED: frozenset(),
    State.VOID: frozenset(),
}
NEW = EntryState()


def aged(standing: EntryState, now_us: int) -> EntryState:
    """Returns the state at `now_us`: held money whose time has passed is approved, from that instant on."""
    if standing.state is State.HELD and standing.until_us is not None and standing.until_us <= now_us:
        return EntryState(state=State.APPROVED, since_us=standing.until_us)
    return standing


def move(standing: EntryState, row: StateRow) -> EntryState | IllegalMove:
    """Returns the entry's state after `row`, at its instant, or why the move is not allowed."""
    now = aged(standing, row.at_us)
    if row.state not in NEXT[now.state]:
        return IllegalMove(was=now.state, to=row.state)
    if row.state is State.REJECTED and now.before is not None:
        return aged(now.before, row.at_us)
    before = replace(now, before=None) if row.state is State.DISPUTED else None
    return EntryState(state=row.state, since_us=row.at_us, until_us=row.until_us, before=before)


def state_at(rows: Iterable[StateRow], now_us: int) -> EntryState:
    """Returns the state of one entry, from its rows in the order written. Rows that no move allows are ignored: `audit` names them."""
    standing = NEW
    for row in rows:
        moved = move(standing, row)
        if isinstance(moved, EntryState):
            standing = moved
    return aged(standing, now_us)
