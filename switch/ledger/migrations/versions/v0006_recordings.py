"""Recordings of calls, and deletions of their files. Both append-only, as `v0002_money` says of the others."""

import sqlalchemy as sa
from alembic import op

from switch.ledger.migrations.append_only import refuse_changes

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


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
    refuse_changes("recording", ("path",))
    refuse_changes("recording_deletion", ("path",))
