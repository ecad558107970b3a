"""Counts of requests and failed logins; unlogged, for they are worth no flush.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "rate_windows",
        sa.Column("subject", sa.Text),
        sa.Column("counted", ARRAY(_INSTANT), nullable=False),
        sa.Column("held", ARRAY(_INSTANT), nullable=False),
        sa.Column("lapses_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_rate_windows"),
        prefixes=["UNLOGGED"],
    )


def downgrade() -> None:
    op.drop_table("rate_windows")
