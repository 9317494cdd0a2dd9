"""An index by caller: a sale is posted for a call that is found by who called, among all calls of a month."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_call_ani", "call", ["ani", "invited_us"])
