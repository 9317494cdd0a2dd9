"""Alerts, append-only as `v0002_money` says; and calls are numbered in the order in which they are written."""

import sqlalchemy as sa
from alembic import op

from switch.ledger.migrations.append_only import refuse_changes

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BY_AGE = "SELECT call_id, row_number() OVER (ORDER BY ended_us, call_id) AS place FROM call"


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("ix_alert_cause", "alert", ["cause", "id"])
    refuse_changes("alert", ("id",))
    op.add_column("call", sa.Column("number", sa.BigInteger))
    op.execute(f"UPDATE call SET number = aged.place FROM ({_BY_AGE}) AS aged WHERE aged.call_id = call.call_id")  # noqa: S608
    op.create_index("ix_call_number", "call", ["number"])
