"""Days, archives, restored habits and targets may be written: every process can read them by now.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE writing_level SET level = 2")


def downgrade() -> None:
    op.execute("UPDATE writing_level SET level = 1")
