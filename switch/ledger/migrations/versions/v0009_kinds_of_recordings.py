"""What is recorded: talk, or a message that the caller left in voicemail. All older recordings are of talk."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recording", sa.Column("kind", sa.Text, nullable=False, server_default="talk"))
