"""Calls, their attempts, the append-only money, and the health row.

Says its tables itself: a later schema must not change this step.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_call()
    _create_attempt()
    _create_money()
    op.create_table(
        "health",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("probes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_health"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes_of_money()


def _create_call() -> None:
    op.create_table(
        "call",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("did", sa.Text, nullable=False),
        sa.Column("ani", sa.Text, nullable=False),
        sa.Column("trunk", sa.Text, nullable=False),
        sa.Column("publisher", sa.Text),
        sa.Column("campaign", sa.Text),
        sa.Column("final_state", sa.Text, nullable=False),
        sa.Column("invited_us", sa.BigInteger, nullable=False),
        sa.Column("answered_us", sa.BigInteger),
        sa.Column("ended_us", sa.BigInteger, nullable=False),
        sa.Column("ended_by", sa.Text, nullable=False),
        sa.Column("ended_detail", sa.Text, nullable=False),
        sa.Column("sip_code", sa.Integer),
        sa.Column("total_ms", sa.BigInteger, nullable=False),
        sa.Column("menu_ms", sa.BigInteger, nullable=False),
        sa.Column("connected_ms", sa.BigInteger, nullable=False),
        sa.Column("duration_source", sa.Text, nullable=False),
        sa.Column("digits", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("trail", sa.Text, nullable=False),
        sa.Column("billable", sa.Boolean, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("revenue_micros", sa.BigInteger, nullable=False),
        sa.Column("payout_micros", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_call"),
    )
    op.create_index("ix_call_newest", "call", ["ended_us", "call_id"])


def _create_attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("advertiser", sa.Text, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("sip_code", sa.Integer),
        sa.Column("q850", sa.Integer),
        sa.Column("invited_us", sa.BigInteger, nullable=False),
        sa.Column("answered_us", sa.BigInteger),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("ring_ms", sa.BigInteger),
        sa.Column("connected_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "number", name="pk_attempt"),
        sa.ForeignKeyConstraint(["call_id"], ["call.call_id"], name="fk_attempt_call_id"),
    )


def _create_money() -> None:
    op.create_table(
        "money",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("party", sa.Text, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("amount_micros", sa.BigInteger, nullable=False),
        sa.Column("corrects", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_money"),
    )
    op.create_index("ix_money_call_id", "money", ["call_id"])


def _refuse_changes_of_money() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER money_refuses_{change.lower()} BEFORE {change} ON money "
            f"BEGIN SELECT RAISE(ABORT, 'money is append-only: no {change}'); END"
        )
