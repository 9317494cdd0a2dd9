"""Webhooks: what is new in the ledger, in the order of commits; what is told of it to whom, and how that went. Append-only, but for how far
the feed has been read."""

import sqlalchemy as sa
from alembic import op

from switch.ledger.migrations.append_only import refuse_changes

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed",
        _serial(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feed"),
    )
    op.create_table(
        "delivery_cursor",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("feed", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_cursor"),
    )
    op.create_table(
        "webhook",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("feed", sa.BigInteger, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_webhook"),
    )
    op.create_table(
        "deliveries",
        _serial(),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("webhook", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("key", name="uq_deliveries_key"),
    )
    op.create_index("ix_deliveries_webhook", "deliveries", ["webhook", "id"])
    op.create_index("ix_deliveries_call", "deliveries", ["call_id"])
    op.create_table(
        "delivery_attempts",
        _serial(),
        sa.Column("delivery", sa.BigInteger, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=False),
        sa.Column("next_us", sa.BigInteger),
        sa.Column("status", sa.Integer),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("took_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_attempts"),
    )
    op.create_index("ix_delivery_attempts_delivery", "delivery_attempts", ["delivery", "id"])
    refuse_changes("feed", ("id",))
    refuse_changes("webhook", ("name",))
    refuse_changes("deliveries", ("id",), or_same="key")
    refuse_changes("delivery_attempts", ("id",))


def _serial() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False)
