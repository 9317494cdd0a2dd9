"""How well the audio of each leg arrived. Of older calls it is not known."""

import sqlalchemy as sa
from alembic import op

from switch.ledger.migrations.append_only import refuse_changes

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = ("call_id", "leg", "port")


def upgrade() -> None:
    op.create_table(
        "leg_media",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("leg", sa.Integer, nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("codec", sa.Text),
        sa.Column("received_packets", sa.BigInteger, nullable=False),
        sa.Column("received_octets", sa.BigInteger, nullable=False),
        sa.Column("received_lost", sa.Integer, nullable=False),
        sa.Column("received_lost_share", sa.Float),
        sa.Column("received_jitter_ms", sa.Float),
        sa.Column("received_jitter_max_ms", sa.Float),
        sa.Column("received_gap_ms", sa.Float),
        sa.Column("received_mos", sa.Float),
        sa.Column("sent_packets", sa.BigInteger, nullable=False),
        sa.Column("sent_octets", sa.BigInteger, nullable=False),
        sa.Column("sent_lost", sa.Integer),
        sa.Column("sent_lost_share", sa.Float),
        sa.Column("sent_jitter_ms", sa.Float),
        sa.Column("sent_mos", sa.Float),
        sa.Column("far_mos", sa.Float),
        sa.Column("round_trip_ms", sa.Float),
        sa.Column("unheard", sa.Integer, nullable=False),
        sa.Column("stray", sa.Integer, nullable=False),
        sa.Column("malformed", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_leg_media"),
    )
    refuse_changes("leg_media", _KEY)
