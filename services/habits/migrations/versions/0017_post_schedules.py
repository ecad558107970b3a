"""Schedules may be written: every process can read them by now.

Revision ID: 0017
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE writing_level SET level = 3")


def downgrade() -> None:
    op.execute("UPDATE writing_level SET level = 2")
