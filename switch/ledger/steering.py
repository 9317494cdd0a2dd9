"""Writes and reads how the switch was steered: actions, and overrides made and lifted. The caller opens the transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from switch.engine.steering_rows import ActionRow, OverrideRow, SteeringRows
from switch.ledger.reading import existing
from switch.ledger.tables import ACTIONS, OVERRIDES, action_values, override_values, read_action, read_override


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFilter:
    """Criteria for actions; None: any. `target`: whole. `since_us`, `until_us`: [since, until)."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since_us: int | None = None
    until_us: int | None = None


def add(connection: Connection, steered: Sequence[SteeringRows]) -> None:
    """Adds what is not there already."""
    add_actions(connection, [action for each in steered for action in each.actions])
    changed = {(row.number, row.change): row for each in steered if (row := each.override) is not None}
    there = {(row.number, row.change) for row in override_rows(connection, {number for number, _ in changed})}
    if fresh := [override_values(row) for key, row in changed.items() if key not in there]:
        connection.execute(insert(OVERRIDES), fresh)


def add_actions(connection: Connection, actions: Sequence[ActionRow]) -> None:
    offered = {each.key: each for each in reversed(actions)}
    known = existing(connection, ACTIONS.c.key, offered)
    if fresh := [action_values(each) for key, each in reversed(offered.items()) if key not in known]:
        connection.execute(insert(ACTIONS), fresh)


def override_rows(connection: Connection, numbers: Collection[int] | None = None) -> list[OverrideRow]:
    """Returns the changes of these overrides, or of all, by number, the one that made it first."""
    rows = select(OVERRIDES).order_by(OVERRIDES.c.number, OVERRIDES.c.change.desc())
    if numbers is not None:
        rows = rows.where(OVERRIDES.c.number.in_(numbers))
    return [read_override(row) for row in connection.execute(rows).mappings()]


def actions_matching(connection: Connection, wanted: ActionFilter, *, limit: int) -> list[ActionRow]:
    """Returns the actions that match, the newest first."""
    found = select(ACTIONS).order_by(ACTIONS.c.id.desc()).limit(limit)
    equal = ((ACTIONS.c.actor, wanted.actor), (ACTIONS.c.action, wanted.action), (ACTIONS.c.target, wanted.target))
    found = found.where(*(column == value for column, value in equal if value is not None))
    if wanted.since_us is not None:
        found = found.where(ACTIONS.c.at_us >= wanted.since_us)
    if wanted.until_us is not None:
        found = found.where(ACTIONS.c.at_us < wanted.until_us)
    return [read_action(row) for row in connection.execute(found).mappings()]
