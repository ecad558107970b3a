"""Parts of a day are heard and shown, and a reminder's message may sleep.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_HEARD = ("done_slots", "value", "target_value", "unit")
_SHOWN = ("target_value", "unit", "time_zone", "asks_snooze", "asleep_until")


def upgrade() -> None:
    op.execute("ALTER TABLE heard_days ADD done_slots integer[] NOT NULL DEFAULT '{}'")
    for table in ("heard_days", "reminder_messages"):
        op.add_column(table, sa.Column("target_value", sa.Numeric))
        op.add_column(table, sa.Column("unit", sa.Text))
    op.add_column("heard_days", sa.Column("value", sa.Numeric))
    op.add_column("reminder_messages", sa.Column("time_zone", sa.Text))
    asks = sa.Column("asks_snooze", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("reminder_messages", asks)
    op.add_column("reminder_messages", sa.Column("asleep_until", sa.Time))


def downgrade() -> None:
    for table, columns in (("heard_days", _HEARD), ("reminder_messages", _SHOWN)):
        for column in columns:
            op.drop_column(table, column)
