"""Who was heard in talk, and since when both sides were. Of older calls it is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("heard", sa.Text))
    op.add_column("attempt", sa.Column("both_heard_us", sa.BigInteger))
