"""Requests answered under an Idempotency-Key: one table of the same form in every service.

The table it takes the place of goes after the rollout.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answered_requests",
        sa.Column("owner", sa.Text),
        sa.Column("key_hash", sa.LargeBinary),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("made", JSONB, nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key_hash", name="pk_answered_requests"),
        sa.CheckConstraint(
            "octet_length(key_hash) = 32", name="ck_answered_requests_key_hash_is_sha256"
        ),
    )
    op.create_index("ix_answered_requests_used_at", "answered_requests", ["used_at"])


def downgrade() -> None:
    op.drop_table("answered_requests")
