"""Schedules of every kind, several times a day, targets, and the slot of what is announced.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "habits", sa.Column("is_archived", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("habits", sa.Column("timing", JSONB))
    op.add_column("habits", sa.Column("target_value", sa.Numeric))
    op.add_column("habits", sa.Column("unit", sa.Text))
    op.add_column("habits", sa.Column("follow_up_minutes", sa.SmallInteger))
    op.add_column("habits", sa.Column("next_slot", sa.SmallInteger))
    op.add_column("habits", sa.Column("last_slots", sa.Integer))
    op.add_column("habit_timings", sa.Column("timing", JSONB))
    op.add_column(
        "reminders", sa.Column("slot", sa.SmallInteger, nullable=False, server_default="0")
    )
    _replace_key("habit_id", "local_date", "slot")


def downgrade() -> None:
    op.execute("DELETE FROM reminders WHERE slot > 0")
    _replace_key("habit_id", "local_date")
    op.drop_column("reminders", "slot")
    op.drop_column("habit_timings", "timing")
    added = ("last_slots", "next_slot", "follow_up_minutes", "unit", "target_value", "timing")
    for column in (*added, "is_archived"):
        op.drop_column("habits", column)


def _replace_key(*columns: str) -> None:
    op.drop_constraint("pk_reminders", "reminders")
    op.create_primary_key("pk_reminders", "reminders", list(columns))
