"""Idempotency keys of the requests to link a chat, of the last 24 hours.

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
    op.create_table(
        "link_request_keys",
        sa.Column("account_id", sa.Text),
        sa.Column("key_hash", sa.LargeBinary),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("chat_id", sa.BigInteger),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("used_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key_hash", name="pk_link_request_keys"),
        sa.CheckConstraint(
            "octet_length(key_hash) = 32", name="ck_link_request_keys_key_hash_is_sha256"
        ),
    )
    op.create_index("ix_link_request_keys_used_at", "link_request_keys", ["used_at"])


def downgrade() -> None:
    op.drop_table("link_request_keys")
