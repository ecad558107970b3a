"""Since when the time, the period and the kind of a habit are what they are.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIMING_SINCE = sa.Column(
    "timing_since",
    sa.DateTime(timezone=True),
    nullable=False,
    # Processes of the release before, still running, store habits without it.
    server_default=sa.func.clock_timestamp(),
)
_FROM_EVENTS = """
    UPDATE habits SET timing_since = (
        SELECT (data ->> 'at')::timestamptz FROM events
        WHERE stream_id = habits.id
        AND (type = 'habit.created'
             OR data -> 'changes' ?| ARRAY['time', 'period_days', 'is_pleasant'])
        ORDER BY events.version DESC LIMIT 1
    )
    """


def upgrade() -> None:
    op.add_column("habits", _TIMING_SINCE)
    op.execute(_FROM_EVENTS)


def downgrade() -> None:
    op.drop_column("habits", "timing_since")
