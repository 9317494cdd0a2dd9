"""Reads the whole ledger in one pass, call by call, to add it up or to audit it.

Everything read in one `reading` is of one moment. Rows come sorted by call id, by code point whatever the database's language, and the
rows of a call in the order they were written; few of them are in memory at a time. A row that holds what no row can is told and left out.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, case, func, literal_column, or_, select, text

from switch.billing import keys
from switch.billing.audit import ATTEMPT_FACTS, CALL_FACTS, JUDGE, AttemptFacts, CallFacts
from switch.billing.balance import Account
from switch.billing.entry_state import StateRow
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.ledger.reading import KEYS_PER_QUERY
from switch.ledger.tables import APPEND_ONLY, ATTEMPT, CALL, MONEY, MONEY_STATE, POSTING, read_money, read_state

R = TypeVar("R")

ROWS_AT_ONCE = 5_000
NUMBERS = ("_us", "_micros")
"""Columns whose names end so hold whole numbers, or nothing."""
CACHE_KIB = 128 * 1024
"""SQLite's, while it is read: rows of a call do not lie together."""
Broken = Callable[[str, str], None]
"""Told of a row that can't be: its key, and why."""


class LedgerScan:
    """The ledger at one moment: that of the connection's transaction. `broken` is told of rows that can't be; None: nobody is."""

    def __init__(self, connection: Connection, broken: Broken | None = None) -> None:
        self._connection = connection
        self._broken = broken or (lambda _key, _why: None)
        self._on_sqlite = connection.dialect.name == "sqlite"
        if self._on_sqlite:
            connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")

    def count(self) -> int:
        """All rows that the four streams have."""
        tables = (CALL, ATTEMPT, MONEY, MONEY_STATE)
        return sum(self._connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables)

    def count_money(self, *, party: str | None = None) -> int:
        rows = select(func.count()).select_from(MONEY)
        return self._connection.scalar(rows if party is None else rows.where(MONEY.c.party == party)) or 0

    def calls(self) -> Iterator[CallFacts]:
        columns = [CALL.c[name] for name in CALL_FACTS]
        for row in self._rows(select(*columns).order_by(self._by_code_point(CALL.c.call_id))):
            if self._whole(row[0], (each for each in row[1:] if each is not None)):
                yield CallFacts(**dict(zip(CALL_FACTS, row, strict=True)))

    def attempts(self) -> Iterator[AttemptFacts]:
        columns = [ATTEMPT.c[name] for name in ATTEMPT_FACTS]
        in_order = (self._by_code_point(ATTEMPT.c.call_id), ATTEMPT.c.number)
        for row in self._rows(select(*columns).order_by(*in_order)):
            if self._whole(f"{row[0]}/attempt/{row[1]}", (each for each in row[1:] if each is not None)):
                yield AttemptFacts(**dict(zip(ATTEMPT_FACTS, row, strict=True)))

    def money(self, *, party: str | None = None) -> Iterator[MoneyRow]:
        """`party`: only theirs."""
        rows = select(MONEY).order_by(self._by_code_point(MONEY.c.call_id), MONEY.c.id)
        for row in self._rows(rows if party is None else rows.where(MONEY.c.party == party)):
            if (found := self._read(row._mapping, read_money)) is not None:
                yield found

    def states(self, *, party: str | None = None) -> Iterator[StateRow]:
        """`party`: only of their money."""
        rows = select(MONEY_STATE).order_by(self._by_code_point(self._call_of_state()), MONEY_STATE.c.id)
        if party is not None:
            rows = rows.join(MONEY, MONEY.c.key == MONEY_STATE.c.of).where(MONEY.c.party == party)
        for row in self._rows(rows):
            if (found := self._read(row._mapping, read_state)) is not None:
                yield found

    def sums(self, *, party: str | None = None) -> dict[Account, int]:
        """Balances, as the database adds them up: micros by kind and party."""
        total = select(MONEY.c.kind, MONEY.c.party, func.sum(MONEY.c.amount_micros)).group_by(MONEY.c.kind, MONEY.c.party)
        rows = self._connection.execute(total if party is None else total.where(MONEY.c.party == party))
        known = {kind.value: kind for kind in MoneyKind}
        return {(known[kind], party): int(micros) for kind, party, micros in rows if kind in known}

    def postings(self) -> Iterator[tuple[str, str, str]]:
        """Party, key and request of each."""
        for row in self._rows(select(POSTING.c.party, POSTING.c.idempotency_key, POSTING.c.request)):
            yield row[0], row[1], row[2]

    def posted_money(self) -> Iterator[str]:
        """Keys of money rows that no verdict has."""
        for row in self._rows(select(MONEY.c.key).where(or_(MONEY.c.number == 0, MONEY.c.actor != JUDGE))):
            yield row[0]

    def posted_states(self) -> Iterator[str]:
        """Keys of state rows that no verdict has."""
        for row in self._rows(select(MONEY_STATE.c.key).where(or_(MONEY_STATE.c.number == 0, MONEY_STATE.c.actor != JUDGE))):
            yield row[0]

    def amounts(self, money_keys: Iterable[str]) -> dict[str, int]:
        """Micros of these money rows; those that are not there are left out."""
        return self._found(money_keys, MONEY.c.key, MONEY.c.amount_micros)

    def moves(self, state_keys: Iterable[str]) -> dict[str, str]:
        """The states that these state rows say; those that are not there are left out."""
        return self._found(state_keys, MONEY_STATE.c.key, MONEY_STATE.c.state)

    def judged_keys(self, call_id: str) -> list[str]:
        """Keys of the money rows that judging the call gave."""
        rows = select(MONEY.c.key).where(MONEY.c.call_id == call_id, MONEY.c.actor == JUDGE).order_by(MONEY.c.id)
        return list(self._connection.scalars(rows))

    def unguarded(self) -> list[str]:
        """Triggers that keep tables append-only and are missing or switched off."""
        if self._on_sqlite:
            wanted = [f"{table}_refuses_{change}" for table in APPEND_ONLY for change in ("update", "delete", "replace")]
            there = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        else:
            wanted = [f"{table}_refuses_change" for table in APPEND_ONLY]
            there = "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
        known = set(self._connection.scalars(text(there)))
        return [name for name in wanted if name not in known]

    def _found(self, wanted: Iterable[str], key: ColumnElement[str], value: ColumnElement[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        left = iter(wanted)
        while some := list(islice(left, KEYS_PER_QUERY)):
            for row in self._connection.execute(select(key, value).where(key.in_(some))):
                found[row[0]] = row[1]
        return found

    def _rows(self, statement: Select[Any]) -> Iterator[Any]:
        """Yields the selected rows as tuples."""
        for some in self._connection.execution_options(yield_per=ROWS_AT_ONCE).execute(statement).partitions():
            yield from some

    def _by_code_point(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """SQLite compares so anyway."""
        return column if self._on_sqlite else column.collate("C")

    def _call_of_state(self) -> ColumnElement[str]:
        """As `keys.call_of`, in SQL: what stands before the first slash; nothing for a deposit's."""
        of = MONEY_STATE.c.of
        first = (
            func.substr(of, 1, func.instr(of.concat("/"), "/") - 1)
            if self._on_sqlite
            else func.split_part(of, literal_column("'/'"), literal_column("1"))
        )
        return case((first == keys.DEPOSIT, ""), else_=first)

    def _read(self, row: RowMapping, read: Callable[[RowMapping], R]) -> R | None:
        """Returns the record, or None where the row holds what no row can; that was reported."""
        if not self._whole(row["key"], (row[name] for name in row if name.endswith(NUMBERS) and row[name] is not None)):
            return None
        try:
            return read(row)
        except ValueError as error:
            self._broken(row["key"], str(error))
            return None

    def _whole(self, key: str, numbers: Iterable[object]) -> bool:
        """SQLite takes anything in any column: whether these are whole numbers, as they should be."""
        for number in numbers:
            if type(number) is not int:
                self._broken(key, f"{number!r} is no whole number")
                return False
        return True
