"""All of routing and money: what calls and attempts have learnt since, money that can be polled and amended, events, configs, postings.

The database itself refuses to change what is append-only, on SQLite and PostgreSQL. Says its tables itself: a later schema must not
change this step.
"""

import sqlalchemy as sa
from alembic import op

from switch.ledger.migrations.append_only import refuse_changes

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_APPEND_ONLY = {
    "money": ("key",),
    "money_state": ("key",),
    "event": ("call_id", "number"),
    "config": ("version",),
    "posting": ("party", "idempotency_key"),
}
"""By table: what names a row."""


def upgrade() -> None:
    _extend_call()
    _extend_attempt()
    _renew_money()
    _create_money_state()
    _create_event()
    _create_config()
    _create_posting()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only: no %', TG_TABLE_NAME, TG_OP; END $$"
        )
    for table, key in _APPEND_ONLY.items():
        refuse_changes(table, key, or_same="id" if table in ("money", "money_state") else None)


def _serial() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _extend_call() -> None:
    """A publisher who earned was paid; that is all of the new facts that the old ones tell, but for the state among the tags."""
    op.add_column("call", sa.Column("menu_done", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("call", sa.Column("paid", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("call", sa.Column("cost_micros", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("call", sa.Column("near_miss", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("call", sa.Column("state", sa.Text))
    op.create_index("ix_call_invited", "call", ["invited_us", "call_id"])
    op.execute("UPDATE call SET paid = (payout_micros > 0) WHERE payout_micros > 0")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("""UPDATE call SET state = json_extract(tags, '$.state') WHERE tags LIKE '%"state":"%'""")
    else:
        op.execute("""UPDATE call SET state = CAST(tags AS json) ->> 'state' WHERE tags LIKE '%"state":"%'""")


def _extend_attempt() -> None:
    """Until now talk began with the answer: there was no whisper, and nobody had to accept."""
    op.add_column("attempt", sa.Column("priority", sa.Integer, nullable=False, server_default="1"))
    op.add_column("attempt", sa.Column("talk_us", sa.BigInteger))
    op.add_column("attempt", sa.Column("talk_ended_us", sa.BigInteger))
    op.add_column("attempt", sa.Column("accepted", sa.Boolean))
    op.add_column("attempt", sa.Column("ended_by", sa.Text))
    op.add_column("attempt", sa.Column("repeat", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("ix_attempt_invited", "attempt", ["invited_us"])
    op.execute(
        "UPDATE attempt SET talk_us = answered_us, talk_ended_us = answered_us + 1000 * connected_ms "
        "WHERE connected_ms > 0 AND answered_us IS NOT NULL"
    )


def _renew_money() -> None:
    """Rows are numbered in the order in which they became true. Their line is in the key of a revenue row; a payout was for the first
    attempt that earned."""
    op.rename_table("money", "money_0001")
    op.drop_index("ix_money_call_id", "money_0001")
    if op.get_bind().dialect.name == "postgresql":  # where names of constraints are the schema's, not the table's
        op.drop_constraint("pk_money", "money_0001")
    _create_money()
    op.execute(
        "INSERT INTO money (key, call_id, number, kind, party, campaign, line, amount_micros, corrects, reason, actor, at_us) "
        "SELECT key, call_id, number, kind, party, campaign, COALESCE((SELECT attempt.line FROM attempt JOIN money_0001 AS earned "
        "ON earned.key = attempt.call_id || '/revenue/' || attempt.line WHERE attempt.call_id = money_0001.call_id "
        "AND (money_0001.kind <> 'revenue' OR earned.key = money_0001.key) ORDER BY attempt.number LIMIT 1), ''), "
        "amount_micros, corrects, reason, actor, at_us FROM money_0001 ORDER BY at_us, call_id, number"
    )
    op.drop_table("money_0001")  # and the triggers that kept it


def _create_money() -> None:
    op.create_table(
        "money",
        sa.Column("id", _serial(), nullable=False, autoincrement=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("party", sa.Text, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("amount_micros", sa.BigInteger, nullable=False),
        sa.Column("corrects", sa.Text),
        sa.Column("link", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_money"),
        sa.UniqueConstraint("key", name="uq_money_key"),
    )
    op.create_index("ix_money_call", "money", ["call_id"])
    op.create_index("ix_money_kind", "money", ["kind", "at_us"])


def _create_money_state() -> None:
    op.create_table(
        "money_state",
        sa.Column("id", _serial(), nullable=False, autoincrement=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("of", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_money_state"),
        sa.UniqueConstraint("key", name="uq_money_state_key"),
    )
    op.create_index("ix_money_state_of", "money_state", ["of"])


def _create_event() -> None:
    op.create_table(
        "event",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "number", name="pk_event"),
        sqlite_with_rowid=False,
    )


def _create_config() -> None:
    op.create_table(
        "config",
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("files", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_config"),
    )


def _create_posting() -> None:
    op.create_table(
        "posting",
        sa.Column("party", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("party", "idempotency_key", name="pk_posting"),
    )
