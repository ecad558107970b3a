"""Streams have kinds; those that are there are habits.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Processes of the release before, still running, begin streams of habits without naming it.
    kind = sa.Column("kind", sa.Text, nullable=False, server_default="habit")
    op.add_column("streams", kind)


def downgrade() -> None:
    op.drop_column("streams", "kind")
