"""What the ears heard of talks: a row for each side. Append-only, as `v0002_money` says of the others."""

import sqlalchemy as sa
from alembic import op

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
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes_in_sqlite()
    else:
        op.execute(
            "CREATE TRIGGER heard_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON heard "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _refuse_changes_in_sqlite() -> None:
    """REPLACE deletes without asking the triggers for DELETE, so an INSERT of what is there already is refused as well."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER heard_refuses_{change.lower()} BEFORE {change} ON heard "
            f"BEGIN SELECT RAISE(ABORT, 'heard is append-only: no {change}'); END"
        )
    same = " AND ".join(f"{column} = NEW.{column}" for column in _KEY)
    op.execute(
        f"CREATE TRIGGER heard_refuses_replace BEFORE INSERT ON heard "  # noqa: S608 names from above
        f"WHEN EXISTS (SELECT 1 FROM heard WHERE {same}) "
        "BEGIN SELECT RAISE(ABORT, 'heard is append-only: no REPLACE'); END"
    )
