"""What each version of a state said about reminding, and an index for an account's due habits.

What is known today is taken over as the newest version of each state.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("account_time_zones", sa.Column("is_active", sa.Boolean))
    op.execute(
        "UPDATE account_time_zones SET is_active = accounts.is_active FROM accounts"
        " WHERE accounts.account_id = account_time_zones.account_id"
        " AND accounts.version = account_time_zones.version"
    )
    _create_links()
    _create_timings()
    op.create_index(
        "ix_habits_account_id_next_due_at",
        "habits",
        ["account_id", "next_due_at"],
        postgresql_where=sa.text("next_due_at IS NOT NULL"),
    )


def _create_links() -> None:
    op.create_table(
        "account_links",
        sa.Column("account_id", sa.Text),
        sa.Column("version", sa.Integer),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("is_linked", sa.Boolean, nullable=False),
        sa.Column("heard_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.PrimaryKeyConstraint("account_id", "version", name="pk_account_links"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_account_links_account_id_accounts",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_account_links_heard_at", "account_links", ["heard_at"])
    op.execute(
        "INSERT INTO account_links (account_id, version, since, is_linked)"
        " SELECT account_id, link_version, coalesce(linked_since, clock_timestamp()), is_linked"
        " FROM accounts WHERE link_version > 0 AND NOT deleted"
    )


def _create_timings() -> None:
    op.create_table(
        "habit_timings",
        sa.Column("habit_id", sa.Text),
        sa.Column("version", sa.Integer),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("local_time", sa.Time, nullable=False),
        sa.Column("period_days", sa.SmallInteger, nullable=False),
        sa.Column("is_reminded", sa.Boolean, nullable=False),
        sa.Column("heard_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.PrimaryKeyConstraint("habit_id", "version", name="pk_habit_timings"),
        sa.ForeignKeyConstraint(
            ["habit_id"],
            ["habits.habit_id"],
            name="fk_habit_timings_habit_id_habits",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_habit_timings_heard_at", "habit_timings", ["heard_at"])
    op.execute(
        "INSERT INTO habit_timings"
        " (habit_id, version, since, local_time, period_days, is_reminded)"
        " SELECT habit_id, version, timing_since, local_time, period_days,"
        " NOT (deleted OR is_pleasant) FROM habits"
    )


def downgrade() -> None:
    op.drop_index("ix_habits_account_id_next_due_at", "habits")
    op.drop_table("habit_timings")
    op.drop_table("account_links")
    op.drop_column("account_time_zones", "is_active")
