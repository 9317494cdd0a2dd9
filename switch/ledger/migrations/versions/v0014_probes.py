"""What probes found, a row for each call that they placed, append-only as `v0002_money` says of the others; and which calls are
theirs: none of those that there are."""

import sqlalchemy as sa
from alembic import op

from switch.ledger.migrations.append_only import refuse_changes

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KEY = ("probe", "at_us", "number")


def upgrade() -> None:
    op.add_column("call", sa.Column("probe", sa.Boolean, nullable=False, server_default=sa.false()))
    is_probe = sa.text("probe")
    op.create_index("ix_call_probe", "call", ["call_id"], sqlite_where=is_probe, postgresql_where=is_probe)
    op.create_table(
        "probes",
        sa.Column("probe", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("good", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Text, nullable=False),
        sa.Column("sip_code", sa.Integer),
        sa.Column("sip_reason", sa.Text, nullable=False),
        sa.Column("sip_call_id", sa.Text, nullable=False),
        sa.Column("pdd_ms", sa.BigInteger),
        sa.Column("answer_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("ended_by", sa.Text),
        sa.Column("bye_code", sa.Integer),
        sa.Column("codec", sa.Text),
        sa.Column("talk_ms", sa.BigInteger, nullable=False),
        sa.Column("audio_ms", sa.BigInteger, nullable=False),
        sa.Column("level_dbm0", sa.Float),
        sa.Column("tone_hz", sa.Float),
        sa.Column("tone_dbm0", sa.Float),
        sa.Column("tone_ms", sa.BigInteger, nullable=False),
        sa.Column("pressed", sa.Text, nullable=False),
        sa.Column("keys_sent", sa.Text, nullable=False),
        sa.Column("keys_heard", sa.Text, nullable=False),
        sa.Column("lost_share", sa.Float),
        sa.Column("jitter", sa.Float),
        sa.Column("mos", sa.Float),
        sa.Column("sent_lost_share", sa.Float),
        sa.Column("sent_mos", sa.Float),
        sa.Column("round_trip", sa.Float),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_probes"),
    )
    op.create_index("ix_probes_at", "probes", ["at_us"])
    refuse_changes("probes", _KEY)
