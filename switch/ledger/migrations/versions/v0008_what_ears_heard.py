"""What the ears heard of talks: a row for each side. Append-only, as `v0002_money` says of the others."""

import sqlalchemy as sa
from alembic import op

from switch.ledger.migrations.append_only import refuse_changes

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = ("call_id", "attempt", "side", "started_us")


def upgrade() -> None:
    op.create_table(
        "heard",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("level_dbm0", sa.Float, nullable=False),
        sa.Column("peak_dbm0", sa.Float, nullable=False),
        sa.Column("speech_dbm0", sa.Float),
        sa.Column("speech_ratio", sa.Float),
        sa.Column("speaks", sa.Text, nullable=False),
        sa.Column("one_way", sa.Text, nullable=False),
        sa.Column("speech_ms", sa.BigInteger, nullable=False),
        sa.Column("tone_ms", sa.BigInteger, nullable=False),
        sa.Column("silence_ms", sa.BigInteger, nullable=False),
        sa.Column("unknown_ms", sa.BigInteger, nullable=False),
        sa.Column("first_speech_ms", sa.BigInteger),
        sa.Column("early_silence_ms", sa.BigInteger, nullable=False),
        sa.Column("dead_air_ms", sa.BigInteger, nullable=False),
        sa.Column("tones", sa.Text, nullable=False),
        sa.Column("frames_unheard", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_heard"),
    )
    refuse_changes("heard", _KEY)
