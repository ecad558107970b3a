"""A handled command need not be about one date: an undo is not.

Revision ID: 0013
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("handled_commands", "habit_id", nullable=True)
    op.alter_column("handled_commands", "date", nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM handled_commands WHERE habit_id IS NULL OR date IS NULL")
    op.alter_column("handled_commands", "date", nullable=False)
    op.alter_column("handled_commands", "habit_id", nullable=False)
