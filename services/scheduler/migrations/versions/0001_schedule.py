"""Accounts, habits with their place on the schedule, the announced reminders, and the outbox.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_accounts()
    _create_habits()
    _create_reminders()
    _create_outbox()


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Text),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("time_zone", sa.Text),
        sa.Column("locale", sa.Text),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("settings_since", _INSTANT),
        sa.Column("link_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("is_linked", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("linked_since", _INSTANT),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
        sa.CheckConstraint(
            "NOT is_active OR (time_zone IS NOT NULL AND locale IS NOT NULL"
            " AND settings_since IS NOT NULL)",
            name="ck_accounts_active_has_settings",
        ),
        sa.CheckConstraint(
            "NOT is_linked OR linked_since IS NOT NULL", name="ck_accounts_linked_has_instant"
        ),
        sa.CheckConstraint(
            "NOT deleted OR NOT (is_active OR is_linked)", name="ck_accounts_deleted_is_silent"
        ),
    )
    op.create_table(
        "account_time_zones",
        sa.Column("account_id", sa.Text),
        sa.Column("version", sa.Integer),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "version", name="pk_account_time_zones"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_account_time_zones_account_id_accounts",
            ondelete="CASCADE",
        ),
    )


def _create_habits() -> None:
    op.create_table(
        "habits",
        sa.Column("habit_id", sa.Text),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("reward", sa.Text),
        sa.Column("linked_habit_id", sa.Text),
        sa.Column("is_pleasant", sa.Boolean, nullable=False),
        sa.Column("local_time", sa.Time, nullable=False),
        sa.Column("period_days", sa.SmallInteger, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("timing_since", _INSTANT, nullable=False),
        sa.Column("anchor_date", sa.Date),
        sa.Column("next_local_date", sa.Date),
        sa.Column("next_due_at", _INSTANT),
        sa.Column("last_local_date", sa.Date),
        sa.Column("tzdata_version", sa.Text),
        sa.Column("parked_reason", sa.Text),
        sa.PrimaryKeyConstraint("habit_id", name="pk_habits"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name="fk_habits_account_id_accounts"
        ),
        sa.CheckConstraint("version > 0", name="ck_habits_version_positive"),
        sa.CheckConstraint("period_days > 0", name="ck_habits_period_positive"),
        sa.CheckConstraint(
            "(next_due_at IS NULL) = (next_local_date IS NULL)",
            name="ck_habits_next_date_with_instant",
        ),
        sa.CheckConstraint(
            "next_due_at IS NULL OR (NOT deleted AND NOT is_pleasant AND parked_reason IS NULL"
            " AND anchor_date IS NOT NULL AND tzdata_version IS NOT NULL)",
            name="ck_habits_scheduled_is_wanted",
        ),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_habits_account_id", "habits", ["account_id"])
    op.create_index(
        "ix_habits_due",
        "habits",
        ["next_due_at"],
        postgresql_where=sa.text("next_due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_habits_parked",
        "habits",
        ["habit_id"],
        postgresql_where=sa.text("parked_reason IS NOT NULL"),
    )


def _create_reminders() -> None:
    op.create_table(
        "reminders",
        sa.Column("habit_id", sa.Text),
        sa.Column("local_date", sa.Date),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column(
            "recorded_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()
        ),
        sa.PrimaryKeyConstraint("habit_id", "local_date", name="pk_reminders"),
        sa.ForeignKeyConstraint(
            ["habit_id"],
            ["habits.habit_id"],
            name="fk_reminders_habit_id_habits",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("outcome IN ('due', 'missed')", name="ck_reminders_outcome_known"),
    )
    op.create_index("ix_reminders_recorded_at", "reminders", ["recorded_at"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True)),
        sa.Column("shard", sa.SmallInteger, nullable=False),
        sa.Column("ordering_key", sa.Text, nullable=False),
        sa.Column("message_id", sa.Uuid, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("routing_key", sa.Text, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column(
            "recorded_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_id"),
        postgresql_with={"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000},
    )
    op.create_index("ix_outbox_shard_id", "outbox", ["shard", "id"])
