"""Reminders that come later, answered days, quiet and mute, and commands that were carried out.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("accounts", sa.Column("quiet_from", sa.Time))
    op.add_column("accounts", sa.Column("quiet_to", sa.Time))
    op.add_column("accounts", sa.Column("muted_at", _INSTANT))
    op.add_column("accounts", sa.Column("muted_until", _INSTANT))
    op.add_column("reminders", sa.Column("again", sa.Text, nullable=False, server_default=""))
    _replace_key("habit_id", "local_date", "slot", "again")
    _replace_outcomes("due", "missed", "answered", "muted")
    _create_waiting_reminders()
    _create_heard_days()
    _create_handled_commands()


def _create_waiting_reminders() -> None:
    op.create_table(
        "waiting_reminders",
        sa.Column("habit_id", sa.Text),
        sa.Column("local_date", sa.Date),
        sa.Column("slot", sa.SmallInteger),
        sa.Column("again", sa.Text),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("local_time", sa.Time, nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("is_held", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint(
            "habit_id", "local_date", "slot", "again", name="pk_waiting_reminders"
        ),
        sa.ForeignKeyConstraint(
            ["habit_id"],
            ["habits.habit_id"],
            name="fk_waiting_reminders_habit_id_habits",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_waiting_reminders_due_at", "waiting_reminders", ["due_at"])
    op.create_index(
        "ix_waiting_reminders_account_id_due_at", "waiting_reminders", ["account_id", "due_at"]
    )


def _create_heard_days() -> None:
    op.create_table(
        "heard_days",
        sa.Column("habit_id", sa.Text),
        sa.Column("local_date", sa.Date),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("done_slots", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("heard_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.PrimaryKeyConstraint("habit_id", "local_date", name="pk_heard_days"),
        sa.CheckConstraint(
            "status IN ('done', 'skipped', 'partial')", name="ck_heard_days_status_known"
        ),
    )
    op.create_index("ix_heard_days_account_id", "heard_days", ["account_id"])
    op.create_index("ix_heard_days_heard_at", "heard_days", ["heard_at"])


def _create_handled_commands() -> None:
    op.create_table(
        "handled_commands",
        sa.Column("command_id", sa.Text),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("handled_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.PrimaryKeyConstraint("command_id", name="pk_handled_commands"),
    )
    op.create_index("ix_handled_commands_account_id", "handled_commands", ["account_id"])
    op.create_index("ix_handled_commands_handled_at", "handled_commands", ["handled_at"])


def downgrade() -> None:
    for table in ("handled_commands", "heard_days", "waiting_reminders"):
        op.drop_table(table)
    op.execute("DELETE FROM reminders WHERE again <> ''")
    op.execute("UPDATE reminders SET outcome = 'missed' WHERE outcome IN ('answered', 'muted')")
    _replace_outcomes("due", "missed")
    _replace_key("habit_id", "local_date", "slot")
    op.drop_column("reminders", "again")
    for column in ("muted_until", "muted_at", "quiet_to", "quiet_from"):
        op.drop_column("accounts", column)


def _replace_key(*columns: str) -> None:
    op.drop_constraint("pk_reminders", "reminders")
    op.create_primary_key("pk_reminders", "reminders", list(columns))


def _replace_outcomes(*outcomes: str) -> None:
    op.drop_constraint("ck_reminders_outcome_known", "reminders")
    known = ", ".join(f"'{outcome}'" for outcome in outcomes)
    op.create_check_constraint("ck_reminders_outcome_known", "reminders", f"outcome IN ({known})")
