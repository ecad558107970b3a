"""Days, the clocks of accounts, and which forms of events may be written.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_VALUE = sa.Numeric(10, 3)


def upgrade() -> None:
    _create_writing_level()
    _create_account_time_zones()
    _create_days()
    op.add_column("idempotency_keys", sa.Column("days", JSONB))
    op.alter_column("idempotency_keys", "habit_id", nullable=True)
    op.create_check_constraint(
        "ck_idempotency_keys_habit_or_days",
        "idempotency_keys",
        "(habit_id IS NULL) <> (days IS NULL)",
    )


def _create_writing_level() -> None:
    level = op.create_table(
        "writing_level",
        sa.Column("level", sa.SmallInteger),
        sa.PrimaryKeyConstraint("level", name="pk_writing_level"),
    )
    op.bulk_insert(level, [{"level": 1}])


def _create_account_time_zones() -> None:
    op.create_table(
        "account_time_zones",
        sa.Column("account_id", sa.Uuid),
        sa.Column("version", sa.Integer),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "version", name="pk_account_time_zones"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["owners.id"], name="fk_account_time_zones_account_id_owners"
        ),
    )


def _create_days() -> None:
    op.create_table(
        "days",
        sa.Column("id", sa.Uuid),
        sa.Column("habit_id", sa.Uuid, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("value", _VALUE),
        sa.Column("target_value", _VALUE),
        sa.Column("unit", sa.String(32)),
        sa.Column("slots", JSONB, nullable=False),
        sa.Column("note", sa.String(1000)),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_days"),
        sa.ForeignKeyConstraint(["id"], ["streams.id"], name="fk_days_id_streams"),
        sa.ForeignKeyConstraint(["habit_id"], ["streams.id"], name="fk_days_habit_id_streams"),
        sa.UniqueConstraint("habit_id", "date", name="uq_days_habit_id_date"),
        sa.CheckConstraint("status IN ('done', 'skipped', 'partial')", name="ck_days_status"),
        sa.CheckConstraint("channel IN ('api', 'telegram', 'import')", name="ck_days_channel"),
        sa.CheckConstraint("value > 0", name="ck_days_value"),
    )
    op.create_index("ix_days_owner_id", "days", ["owner_id"])


def downgrade() -> None:
    op.drop_table("days")
    op.drop_table("account_time_zones")
    op.drop_table("writing_level")
    op.drop_constraint("ck_idempotency_keys_habit_or_days", "idempotency_keys")
    op.drop_column("idempotency_keys", "days")
    op.alter_column("idempotency_keys", "habit_id", nullable=False)
