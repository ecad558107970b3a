"""What chats have asked other services for, until the reply is told.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "open_questions",
        sa.Column("command_id", sa.Text),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("command_id", name="pk_open_questions"),
    )
    op.create_index("ix_open_questions_account_id", "open_questions", ["account_id"])
    op.create_index("ix_open_questions_asked_at", "open_questions", ["asked_at"])


def downgrade() -> None:
    op.drop_table("open_questions")
