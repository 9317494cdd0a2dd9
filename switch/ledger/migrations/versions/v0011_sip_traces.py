"""The SIP messages of calls. They hold personal data, and nothing of them is owed: rows can't be changed, but they can be deleted."""

import sqlalchemy as sa
from alembic import op

from switch.ledger.migrations.append_only import refuse_updates

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sip_traces",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("sip_call_id", sa.Text, nullable=False),
        sa.Column("began_us", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("dropped", sa.Integer, nullable=False),
        sa.Column("trace", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_sip_traces_call", "sip_traces", ["call_id"])
    op.create_index("ix_sip_traces_sip", "sip_traces", ["sip_call_id"])
    op.create_index("ix_sip_traces_began", "sip_traces", ["began_us"])
    refuse_updates("sip_traces", ("id",))
