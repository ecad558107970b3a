"""No process uses the former table of keys any more.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("link_request_keys")


def downgrade() -> None:
    op.create_table(
        "link_request_keys",
        sa.Column("account_id", sa.Text),
        sa.Column("key_hash", sa.LargeBinary),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("chat_id", sa.BigInteger),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key_hash", name="pk_link_request_keys"),
        sa.CheckConstraint(
            "octet_length(key_hash) = 32", name="ck_link_request_keys_key_hash_is_sha256"
        ),
    )
    op.create_index("ix_link_request_keys_used_at", "link_request_keys", ["used_at"])
