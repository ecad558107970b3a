"""Updates that could not be handled, and what a chat has just been explained.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "unhandled_updates",
        sa.Column("update_id", sa.BigInteger, autoincrement=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("failed_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("update_id", name="pk_unhandled_updates"),
    )
    op.create_table(
        "hints",
        sa.Column("chat_id", sa.BigInteger, autoincrement=False),
        sa.Column("hint", sa.Text),
        sa.Column("given_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "hint", name="pk_hints"),
    )


def downgrade() -> None:
    op.drop_table("hints")
    op.drop_table("unhandled_updates")
