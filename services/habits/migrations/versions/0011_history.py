"""The history of a habit with its days, and of what an account did, are found by indexes.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_events_habit_id_of_first",
        "events",
        [sa.text("(data ->> 'habit_id')")],
        postgresql_where=sa.text("version = 1"),
    )
    op.create_index(
        "ix_events_actor_recorded_at", "events", [sa.text("(meta ->> 'actor')"), "recorded_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_events_actor_recorded_at", "events")
    op.drop_index("ix_events_habit_id_of_first", "events")
