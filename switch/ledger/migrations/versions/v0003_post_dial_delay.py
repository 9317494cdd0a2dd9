"""Post-dial delay beside the delay until a line answered, and the SIP Call-IDs of both legs.

`ring_ms` never was the time of ringing: it ran from the INVITE to the 200. What older calls did not measure stays unknown.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE attempt RENAME COLUMN ring_ms TO answer_delay_ms")
    op.add_column("attempt", sa.Column("pdd_ms", sa.BigInteger))
    op.add_column("attempt", sa.Column("sip_call_id", sa.Text))
    op.add_column("call", sa.Column("sip_call_id", sa.Text))
