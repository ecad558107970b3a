"""Days, archives, restored habits and targets may be written: every process can read them by now.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE writing_level SET level = 2")


def downgrade() -> None:
    op.execute("UPDATE writing_level SET level = 1")
