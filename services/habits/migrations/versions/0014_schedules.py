"""Habits can be due at several times and by other schedules than every n days.

Revision ID: 0014
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, Any] = {
    "times": ARRAY(sa.Time),
    "schedule": JSONB(),
    "created_on": sa.Date(),
    "start_date": sa.Date(),
    "end_date": sa.Date(),
    "paused_until": sa.Date(),
    "follow_up_minutes": sa.SmallInteger(),
}
_RULES = {
    "schedule": "(period_days IS NULL) = (schedule IS NOT NULL)",
    "times": "cardinality(times) BETWEEN 2 AND 8 AND times[1] = time",
    "dates": "end_date >= start_date",
    "follow_up": "follow_up_minutes BETWEEN 5 AND 720",
}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("habits", sa.Column(name, kind))
    op.alter_column("habits", "period_days", nullable=True)
    for name, rule in _RULES.items():
        op.create_check_constraint(f"ck_habits_{name}", "habits", rule)


def downgrade() -> None:
    for name in _RULES:
        op.drop_constraint(f"ck_habits_{name}", "habits")
    op.alter_column("habits", "period_days", nullable=False)
    for name in _COLUMNS:
        op.drop_column("habits", name)
