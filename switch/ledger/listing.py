"""Lists money and configs for people who look through them: newest first, a page at a time. The caller opens the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, func, select

from switch.billing.entry_state import State, StateRow, state_at
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.ledger.reading import states_of
from switch.ledger.tables import CONFIG, MONEY, MONEY_STATE, read_money


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyFilter:
    """Criteria for money rows; None: any. `before`: only those that were written before the row of this number."""

    kind: MoneyKind | None = None
    party: str | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptConfig:
    """A config version, and when the switch first ran it."""

    version: str
    at_us: int


def money_rows(connection: Connection, wanted: MoneyFilter, *, limit: int) -> list[tuple[int, MoneyRow]]:
    """Returns rows with their numbers, the one that was written last first."""
    found = _narrowed(select(MONEY), wanted).order_by(MONEY.c.id.desc()).limit(limit)
    return [(row["id"], read_money(row)) for row in connection.execute(found).mappings()]


def disputed(
    connection: Connection, wanted: MoneyFilter, *, now_us: int, limit: int
) -> Sequence[tuple[MoneyRow, Sequence[StateRow]]]:
    """Returns entries that are disputed and not decided, each with its states; the one that was disputed last first."""
    moves = select(MONEY_STATE.c.of, func.max(MONEY_STATE.c.id).label("last")).where(MONEY_STATE.c.state == State.DISPUTED.value)
    last = moves.group_by(MONEY_STATE.c.of).subquery()
    rows = _narrowed(select(MONEY).join(last, MONEY.c.key == last.c.of), wanted).order_by(last.c.last.desc())
    found = [read_money(row) for row in connection.execute(rows).mappings()]
    by_key: dict[str, list[StateRow]] = {}
    for state in states_of(connection, [row.key for row in found]):
        by_key.setdefault(state.of, []).append(state)
    still = [(row, by_key[row.key]) for row in found if state_at(by_key[row.key], now_us).state is State.DISPUTED]
    return still[:limit]


def _narrowed(rows: Select[tuple[object, ...]], wanted: MoneyFilter) -> Select[tuple[object, ...]]:
    if wanted.kind is not None:
        rows = rows.where(MONEY.c.kind == wanted.kind.value)
    if wanted.party is not None:
        rows = rows.where(MONEY.c.party == wanted.party)
    if wanted.before is not None:
        rows = rows.where(MONEY.c.id < wanted.before)
    return rows


def configs(connection: Connection, *, limit: int) -> list[KeptConfig]:
    """Returns the versions that were run, the newest first. What was kept beside them, `VERSION@MOMENT`, is left out."""
    found = (
        select(CONFIG.c.version, CONFIG.c.at_us)
        .where(~CONFIG.c.version.contains("@"))
        .order_by(CONFIG.c.at_us.desc(), CONFIG.c.version)
        .limit(limit)
    )
    return [KeptConfig(version=version, at_us=at_us) for version, at_us in connection.execute(found)]
