"""The log of all events, its head, and the accounts that have been erased.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "log",
        sa.Column("position", sa.BigInteger, autoincrement=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("account_id", sa.Text),
        sa.Column("version", sa.Integer),
        sa.Column("time", _INSTANT, nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("data", JSONB),
        sa.Column("request_id", sa.Text),
        sa.Column("traceparent", sa.Text),
        sa.PrimaryKeyConstraint("position", name="pk_log"),
        sa.UniqueConstraint("event_id", name="uq_log_event_id"),
    )
    op.create_index("ix_log_account_id_position", "log", ["account_id", "position"])
    op.create_index("ix_log_subject_position", "log", ["subject", "position"])
    op.create_table(
        "head",
        sa.Column("is_head", sa.Integer, server_default=sa.text("1")),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("is_head", name="pk_head"),
        sa.CheckConstraint("is_head = 1", name="ck_head_one_row"),
    )
    op.execute("INSERT INTO head (position) VALUES (0)")
    op.create_table(
        "erased_accounts",
        sa.Column("account_id", sa.Text),
        sa.PrimaryKeyConstraint("account_id", name="pk_erased_accounts"),
    )


def downgrade() -> None:
    for table in ("erased_accounts", "head", "log"):
        op.drop_table(table)
