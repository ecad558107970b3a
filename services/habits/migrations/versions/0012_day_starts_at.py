"""When the day of an account begins.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Processes of the release before, still running, store zones without it.
    op.add_column(
        "account_time_zones",
        sa.Column("day_starts_at", sa.SmallInteger, nullable=False, server_default="0"),
    )


def downgrade() -> None:
    op.drop_column("account_time_zones", "day_starts_at")
