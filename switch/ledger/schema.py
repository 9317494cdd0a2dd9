"""Knows the tables of the SQL ledger as they are now. Does not know how they came to be: that is what the migrations say.

Times are UTC microseconds, durations milliseconds, money micros. Portable types only; JSON is text.
`seed` is text: it may need all of 64 bits, and SQL's integers have a sign.
Money, its states, events, configs and postings are append-only: triggers of the database refuse to change or delete their rows.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
)

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)
REVISION = "0002"
"""Of the newest migration, which makes these tables."""
APPEND_ONLY = ("money", "money_state", "event", "config", "posting")
_SERIAL = BigInteger().with_variant(Integer, "sqlite")
"""Rising, in the order of commits: writers take turns. SQLite numbers rows of an INTEGER key by itself."""

# `state`: of `tags`, for reports by state.
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
    Column("menu_done", Boolean, nullable=False, server_default=false()),
    Column("paid", Boolean, nullable=False, server_default=false()),
    Column("cost_micros", BigInteger, nullable=False, server_default="0"),
    Column("near_miss", Boolean, nullable=False, server_default=false()),
    Column("state", Text),
)
Index("ix_call_newest", CALL.c.ended_us, CALL.c.call_id)
Index("ix_call_invited", CALL.c.invited_us, CALL.c.call_id)

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
    Column("priority", Integer, nullable=False, server_default="1"),
    Column("talk_us", BigInteger),
    Column("talk_ended_us", BigInteger),
    Column("accepted", Boolean),
    Column("ended_by", Text),
    Column("repeat", Boolean, nullable=False, server_default=false()),
)
Index("ix_attempt_invited", ATTEMPT.c.invited_us)

# No foreign key to call: a row may be owed before its call is over, and a deposit belongs to none.
# `number`: the row's place in its call's verdict, from 1; 0: it was posted afterwards.
MONEY = Table(
    "money",
    METADATA,
    Column("id", _SERIAL, primary_key=True),
    Column("key", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("line", Text, nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("corrects", Text),
    Column("link", Text),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    UniqueConstraint("key"),
    Index("ix_money_call", "call_id"),
    Index("ix_money_kind", "kind", "at_us"),
)

# What became of money rows: held, approved, disputed (`switch.billing.standing`). `of`: the money row's key; `number` as in money.
MONEY_STATE = Table(
    "money_state",
    METADATA,
    Column("id", _SERIAL, primary_key=True),
    Column("key", Text, nullable=False),
    Column("of", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    UniqueConstraint("key"),
    Index("ix_money_state_of", "of"),
)

# The journal of calls that are over, heartbeats left out. `facts`: JSON object.
EVENT = Table(
    "event",
    METADATA,
    Column("call_id", Text, nullable=False),
    Column("number", Integer, autoincrement=False, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("facts", Text, nullable=False),
    PrimaryKeyConstraint("call_id", "number"),
    sqlite_with_rowid=False,
)

# Config versions that calls were decided with. `files`: JSON object, path to content.
CONFIG = Table(
    "config",
    METADATA,
    Column("version", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("files", Text, nullable=False),
)

# What was posted by whom, and what was answered: the same key again gets the same answer. `request`, `answer`: JSON.
POSTING = Table(
    "posting",
    METADATA,
    Column("party", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("request", Text, nullable=False),
    Column("answer", Text, nullable=False),
    PrimaryKeyConstraint("party", "idempotency_key"),
)

HEALTH = Table(
    "health",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("probes", BigInteger, nullable=False),
)
