"""Days, archives, restored habits and targets may be written: every process can read them by now.

Revision ID: 0008
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE writing_level SET level = 2")


def downgrade() -> None:
    op.execute("UPDATE writing_level SET level = 1")
