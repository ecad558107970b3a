"""Files that are taken in, and how far each is.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("default_time", sa.Text, nullable=False),
        sa.Column("default_place", sa.Text, nullable=False),
        sa.Column("next_part", sa.Integer, nullable=False, server_default="0"),
        sa.Column("imported", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rejected", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sa.ForeignKeyConstraint(["account_id"], ["owners.id"], name="fk_imports_account_id_owners"),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'done', 'failed')", name="ck_imports_status"
        ),
    )
    op.create_index("ix_imports_account_id", "imports", ["account_id"])
    op.create_index("ix_imports_created_at", "imports", ["created_at"])


def downgrade() -> None:
    op.drop_table("imports")
