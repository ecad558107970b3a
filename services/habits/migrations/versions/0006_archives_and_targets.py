"""Habits can be archived and can have a target.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("habits", sa.Column("target_value", sa.Numeric(10, 3)))
    op.add_column("habits", sa.Column("unit", sa.String(32)))
    op.add_column("habits", sa.Column("archived_at", sa.DateTime(timezone=True)))
    op.create_check_constraint("ck_habits_target_value", "habits", "target_value > 0")
    op.create_check_constraint(
        "ck_habits_target_with_unit", "habits", "target_value IS NULL OR unit IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_constraint("ck_habits_target_with_unit", "habits")
    op.drop_constraint("ck_habits_target_value", "habits")
    op.drop_column("habits", "archived_at")
    op.drop_column("habits", "unit")
    op.drop_column("habits", "target_value")
