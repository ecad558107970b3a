"""No process uses the former table of registration keys any more.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("registration_keys")


def downgrade() -> None:
    op.create_table(
        "registration_keys",
        sa.Column("key_hash", sa.LargeBinary),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name="pk_registration_keys"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_registration_keys_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "octet_length(key_hash) = 32", name="ck_registration_keys_key_hash_is_sha256"
        ),
    )
    op.create_index("ix_registration_keys_account_id", "registration_keys", ["account_id"])
    op.create_index("ix_registration_keys_used_at", "registration_keys", ["used_at"])
