"""What reminders look like in their messages, and what was heard of days; reminders end `answered`.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_OUTCOMES = "'sent', 'refused', 'chat_gone', 'no_chat', 'expired', 'unknown'"


def upgrade() -> None:
    op.create_table(
        "reminder_messages",
        sa.Column("reminder_id", sa.Text),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("habit_id", sa.Text, nullable=False),
        sa.Column("local_date", sa.Date, nullable=False),
        sa.Column("slot", sa.Integer, nullable=False),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("telegram_message_id", sa.BigInteger),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("heading", sa.Text),
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("begun_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("reminder_id", name="pk_reminder_messages"),
    )
    _index("reminder_messages", "account_id")
    _index("reminder_messages", "habit_id", "local_date")
    _index("reminder_messages", "chat_id", "telegram_message_id")
    _index("reminder_messages", "begun_at")
    op.create_table(
        "heard_days",
        sa.Column("habit_id", sa.Text),
        sa.Column("local_date", sa.Date),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("heard_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("habit_id", "local_date", name="pk_heard_days"),
        sa.CheckConstraint(
            "status IN ('done', 'skipped', 'partial')", name="ck_heard_days_status_known"
        ),
    )
    _index("heard_days", "account_id")
    _index("heard_days", "heard_at")
    _set_outcomes(f"{_OUTCOMES}, 'answered'")


def downgrade() -> None:
    op.execute("UPDATE delivery_states SET state = 'expired' WHERE state = 'answered'")
    op.execute("UPDATE deliveries SET outcome = 'expired' WHERE outcome = 'answered'")
    _set_outcomes(_OUTCOMES)
    op.drop_table("heard_days")
    op.drop_table("reminder_messages")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _set_outcomes(outcomes: str) -> None:
    for name, table, condition in (
        ("state_known", "delivery_states", f"state IN ('sending', 'retry', {outcomes})"),
        ("outcome_known", "deliveries", f"outcome IN ({outcomes})"),
    ):
        op.drop_constraint(f"ck_{table}_{name}", table)
        op.create_check_constraint(f"ck_{table}_{name}", table, condition)
