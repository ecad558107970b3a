"""Commands that come through the queue are remembered, so that each is carried out once.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "handled_commands",
        sa.Column("command_id", sa.Text),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("habit_id", sa.Uuid, nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("pressed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("command_id", name="pk_handled_commands"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["owners.id"], name="fk_handled_commands_account_id_owners"
        ),
    )
    op.create_index("ix_handled_commands_account_id", "handled_commands", ["account_id"])
    op.create_index("ix_handled_commands_habit_id_date", "handled_commands", ["habit_id", "date"])


def downgrade() -> None:
    op.drop_table("handled_commands")
