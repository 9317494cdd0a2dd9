"""Defines the tables of webhooks: what is new in the ledger, in the order of commits, and what was told of it to whom.

`feed` and `deliveries`, `delivery_attempts` and `webhook` are append-only. `delivery_cursor` is one number: how far the feed has been read.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from switch.ledger.tables import METADATA

FEED_CALL, FEED_MONEY, FEED_RECORDING = "call", "money", "recording"


def _serial() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


# `key`: a call's id, the key of a money row that was posted, a recording's path.
FEED = Table("feed", METADATA, _serial(), Column("kind", Text, nullable=False), Column("key", Text, nullable=False))

DELIVERY_CURSOR = Table(
    "delivery_cursor",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("feed", BigInteger, nullable=False),
)

# When each was known first: it is told of what came to the feed after that.
WEBHOOK = Table(
    "webhook",
    METADATA,
    Column("name", Text, nullable=False),
    Column("feed", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
)

# `seen`: JSON object, what the owner of the webhook may see.
DELIVERIES = Table(
    "deliveries",
    METADATA,
    _serial(),
    Column("key", Text, nullable=False),
    Column("webhook", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("seen", Text, nullable=False),
    UniqueConstraint("key"),
)
Index("ix_deliveries_webhook", DELIVERIES.c.webhook, DELIVERIES.c.id)
Index("ix_deliveries_call", DELIVERIES.c.call_id)

# `state`: what it leaves the delivery in. `next_us`: when it is tried again; None: never. `actor`: who asked that it is sent again.
DELIVERY_ATTEMPTS = Table(
    "delivery_attempts",
    METADATA,
    _serial(),
    Column("delivery", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("next_us", BigInteger),
    Column("status", Integer),
    Column("why", Text, nullable=False),
    Column("took_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
)
Index("ix_delivery_attempts_delivery", DELIVERY_ATTEMPTS.c.delivery, DELIVERY_ATTEMPTS.c.id)
