"""Recordings of calls, and deletions of their files. Both append-only, as `v0002_money` says of the others."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("recording", "recording_deletion")


def upgrade() -> None:
    op.create_table(
        "recording",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("length_ms", sa.BigInteger, nullable=False),
        sa.Column("sides", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger, nullable=False),
        sa.Column("paused_ms", sa.BigInteger, nullable=False),
        sa.Column("frames_lost", sa.Integer, nullable=False),
        sa.Column("why", sa.Text),
        sa.PrimaryKeyConstraint("path", name="pk_recording"),
    )
    op.create_index("ix_recording_call", "recording", ["call_id"])
    op.create_index("ix_recording_ended", "recording", ["ended_us", "path"])
    op.create_table(
        "recording_deletion",
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_recording_deletion"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes_in_sqlite()
    else:
        _refuse_changes_in_postgresql()


def _refuse_changes_in_sqlite() -> None:
    """REPLACE deletes without asking the triggers for DELETE, so an INSERT of what is there already is refused as well."""
    for table in _APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: no {change}'); END"
            )
        there = f"EXISTS (SELECT 1 FROM {table} WHERE path = NEW.path)"  # noqa: S608 names from above
        op.execute(
            f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} WHEN {there} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: no REPLACE'); END"
        )


def _refuse_changes_in_postgresql() -> None:
    """The function is there already."""
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
