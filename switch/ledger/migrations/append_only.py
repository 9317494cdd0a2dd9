"""What makes a table append-only: triggers by which the database itself refuses changes, on SQLite and PostgreSQL.

Migrations call it, and are history: what it does must never change. Another way to do it takes another function.
"""

from collections.abc import Sequence

from alembic import op


def refuse_changes(table: str, key: Sequence[str], *, or_same: str | None = None) -> None:
    """`key`: the columns that name a row; `or_same`: another one that names it as well. On PostgreSQL the function of migration 0002 is
    there already."""
    if op.get_bind().dialect.name == "sqlite":
        _in_sqlite(table, key, or_same)
    else:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def refuse_updates(table: str, key: Sequence[str]) -> None:
    """Rows of `table` can't be changed or replaced, but they can be deleted."""
    if op.get_bind().dialect.name == "sqlite":
        _refuse_in_sqlite(table, "UPDATE")
        _refuse_replace(table, key, None)
    else:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _in_sqlite(table: str, key: Sequence[str], or_same: str | None) -> None:
    for change in ("UPDATE", "DELETE"):
        _refuse_in_sqlite(table, change)
    _refuse_replace(table, key, or_same)


def _refuse_in_sqlite(table: str, change: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: no {change}'); END"
    )


def _refuse_replace(table: str, key: Sequence[str], or_same: str | None) -> None:
    """REPLACE deletes without asking the triggers for DELETE, so an INSERT of what is there already is refused as well."""
    same = " AND ".join(f"{column} = NEW.{column}" for column in key)
    same = same if or_same is None else f"({same}) OR {or_same} = NEW.{or_same}"
    there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 names of migrations
    op.execute(
        f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} WHEN {there} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: no REPLACE'); END"
    )
