"""Knows how a posting is decided on and written in one transaction, so that no other comes between what was read and what is written.

Two postings for one call at the same time are taken one after the other: each sees what the one before it wrote. Does not know what is
decided, or what a posting means.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, insert, select

from switch.billing.standing import StateRow
from switch.billing.verdict import MoneyRow
from switch.ledger import reading
from switch.ledger.database import Database, storing
from switch.ledger.rows import Posting, money_row, posting_row, read_posting, state_row
from switch.ledger.schema import MONEY, MONEY_STATE, POSTING

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The call's money and states in the order written, and the postings under the keys that were asked for, None: there is none."""

    money: Sequence[MoneyRow]
    states: Sequence[StateRow]
    postings: Sequence[Posting | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What to append: all of it or nothing."""

    money: Sequence[MoneyRow] = ()
    states: Sequence[StateRow] = ()
    postings: Sequence[Posting] = ()


class Clerk:
    """One database, by its URL. Callable from any thread, and blocks."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def close(self) -> None:
        self._database.close()

    def settle(self, call_id: str, *, postings: Sequence[tuple[str, str]], decide: Callable[[Seen], tuple[Writing | None, R]]) -> R:
        """Writes what `decide` makes of what is there, and gives its result. `call_id` empty: no call's money is read. `postings`: party
        and key of those to look up. `decide` must be quick, and touch no database: nobody else writes meanwhile.

        Raises LedgerUnwritable, RecordRefused, and whatever `decide` raises; then nothing was written.
        """
        with self._database.changing() as connection:
            writing, result = decide(_seen(connection, call_id, postings))
            if writing is not None:
                with storing():
                    _append(connection, writing)
            return result


def _seen(connection: Connection, call_id: str, postings: Sequence[tuple[str, str]]) -> Seen:
    money = reading.money_of(connection, call_id) if call_id else []
    return Seen(
        money=money,
        states=reading.states_of(connection, [row.key for row in money]),
        postings=tuple(_posting(connection, party, key) for party, key in postings),
    )


def _posting(connection: Connection, party: str, key: str) -> Posting | None:
    row = connection.execute(select(POSTING).where(POSTING.c.party == party, POSTING.c.idempotency_key == key)).mappings().first()
    return None if row is None else read_posting(row)


def _append(connection: Connection, writing: Writing) -> None:
    """A key that is there already is an error here: whoever decided has seen it."""
    if postings := [posting_row(posting) for posting in writing.postings]:
        connection.execute(insert(POSTING), postings)
    if money := [money_row(row, 0) for row in writing.money]:
        connection.execute(insert(MONEY), money)
    if states := [state_row(state, 0) for state in writing.states]:
        connection.execute(insert(MONEY_STATE), states)
