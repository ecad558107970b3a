"""No process uses the former table of keys any more.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("idempotency_keys")


def downgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("habit_id", sa.Uuid),
        sa.Column("days", JSONB),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "key", name="pk_idempotency_keys"),
        sa.ForeignKeyConstraint(
            ["habit_id"], ["streams.id"], name="fk_idempotency_keys_habit_id_streams"
        ),
        sa.CheckConstraint(
            "(habit_id IS NULL) <> (days IS NULL)", name="ck_idempotency_keys_habit_or_days"
        ),
    )
