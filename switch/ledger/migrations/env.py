"""Runs the migrations for Alembic, on the connection that it is given. Opens none of its own."""

from alembic import context

from switch.ledger.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
