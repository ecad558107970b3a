"""The states of messages move from Redis to the database, where a commit is for good.

What the ledger knows to have ended is taken over, so that nothing old is sent again. The table of
Redis' epochs goes: only `setup` ever used it.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "delivery_states",
        sa.Column("identity", sa.Text),
        sa.Column("account_id", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("changed_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("until", _INSTANT),
        sa.Column("telegram_message_id", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("identity", name="pk_delivery_states"),
        sa.CheckConstraint(
            "state IN ('sending', 'retry',"
            " 'sent', 'refused', 'chat_gone', 'no_chat', 'expired', 'unknown')",
            name="ck_delivery_states_state_known",
        ),
        sa.CheckConstraint(
            "(state = 'sending') = (until IS NOT NULL)",
            name="ck_delivery_states_until_while_sending",
        ),
        sa.CheckConstraint(
            "(state = 'sent') = (telegram_message_id IS NOT NULL)",
            name="ck_delivery_states_sent_has_proof",
        ),
    )
    op.create_index("ix_delivery_states_account_id", "delivery_states", ["account_id"])
    op.create_index("ix_delivery_states_changed_at", "delivery_states", ["changed_at"])
    op.create_index("ix_deliveries_received_at", "deliveries", ["received_at"])
    op.execute(
        "INSERT INTO delivery_states (identity, account_id, state, token, attempts, first_at,"
        " changed_at, telegram_message_id, reason)"
        " SELECT 'reminder:' || reminder_id, account_id, outcome, '', attempts, received_at,"
        " coalesce(sent_at, received_at), telegram_message_id, reason FROM deliveries"
    )
    op.drop_table("redis_epochs")


def downgrade() -> None:
    op.create_table(
        "redis_epochs",
        sa.Column("only_one", sa.Boolean),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("only_one", name="pk_redis_epochs"),
        sa.CheckConstraint("only_one", name="ck_redis_epochs_only_one_row"),
    )
    op.drop_index("ix_deliveries_received_at", "deliveries")
    op.drop_table("delivery_states")
