"""Knows the tables of the SQL ledger as they are now. Does not know how they came to be: that is what the migrations say.

Times are UTC microseconds, durations milliseconds, money micros. Portable types only.
`seed` is text: it may need all of 64 bits, and SQL's integers have a sign.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, Table, Text

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

CALL = Table(
    "call",
    METADATA,
    Column("call_id", Text, primary_key=True),
    Column("did", Text, nullable=False),
    Column("ani", Text, nullable=False),
    Column("trunk", Text, nullable=False),
    Column("publisher", Text),
    Column("campaign", Text),
    Column("final_state", Text, nullable=False),
    Column("invited_us", BigInteger, nullable=False),
    Column("answered_us", BigInteger),
    Column("ended_us", BigInteger, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("ended_detail", Text, nullable=False),
    Column("sip_code", Integer),
    Column("total_ms", BigInteger, nullable=False),
    Column("menu_ms", BigInteger, nullable=False),
    Column("connected_ms", BigInteger, nullable=False),
    Column("duration_source", Text, nullable=False),
    Column("digits", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("seed", Text, nullable=False),
    Column("trail", Text, nullable=False),
    Column("billable", Boolean, nullable=False),
    Column("rule", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("revenue_micros", BigInteger, nullable=False),
    Column("payout_micros", BigInteger, nullable=False),
)
Index("ix_call_newest", CALL.c.ended_us, CALL.c.call_id)

ATTEMPT = Table(
    "attempt",
    METADATA,
    Column("call_id", Text, ForeignKey("call.call_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("line", Text, nullable=False),
    Column("advertiser", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("sip_code", Integer),
    Column("q850", Integer),
    Column("invited_us", BigInteger, nullable=False),
    Column("answered_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("ring_ms", BigInteger),
    Column("connected_ms", BigInteger, nullable=False),
)

# Append-only: the migration adds triggers that refuse UPDATE and DELETE. `number`: the row's place in its verdict.
# No foreign key to call: a row may be owed before its call is over.
MONEY = Table(
    "money",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("call_id", Text, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("corrects", Text),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

HEALTH = Table(
    "health",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("probes", BigInteger, nullable=False),
)
