"""Accounts, chat links and requests, handled updates, the delivery ledger and the outbox.

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
        "accounts",
        sa.Column("account_id", sa.Text),
        sa.Column("locale", sa.Text),
        sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
    )
    _create_links()
    _create_ledger()
    op.create_table(
        "handled_updates",
        sa.Column("update_id", sa.BigInteger, autoincrement=False),
        sa.Column("handled_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("update_id", name="pk_handled_updates"),
    )
    op.create_index("ix_handled_updates_handled_at", "handled_updates", ["handled_at"])
    op.create_table(
        "redis_epochs",
        sa.Column("only_one", sa.Boolean),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("only_one", name="pk_redis_epochs"),
        sa.CheckConstraint("only_one", name="ck_redis_epochs_only_one_row"),
    )
    _create_outbox()


def _create_links() -> None:
    op.create_table(
        "chat_links",
        sa.Column("account_id", sa.Text),
        sa.Column("chat_id", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("linked_at", _INSTANT),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("membership_at", _INSTANT),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_chat_links"),
        sa.UniqueConstraint("chat_id", name="uq_chat_links_chat_id"),
        sa.CheckConstraint(
            "status IN ('linked', 'unlinked', 'blocked')", name="ck_chat_links_status_known"
        ),
        sa.CheckConstraint(
            "(status = 'unlinked') = (chat_id IS NULL)", name="ck_chat_links_chat_unless_unlinked"
        ),
        sa.CheckConstraint(
            "(chat_id IS NULL) = (linked_at IS NULL)", name="ck_chat_links_linked_at_with_chat"
        ),
        sa.CheckConstraint("version > 0", name="ck_chat_links_version_positive"),
    )
    op.create_table(
        "link_requests",
        sa.Column("account_id", sa.Text),
        sa.Column("code_hash", sa.LargeBinary, nullable=False),
        sa.Column("chat_id", sa.BigInteger),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_link_requests"),
        sa.UniqueConstraint("code_hash", name="uq_link_requests_code_hash"),
        sa.CheckConstraint(
            "octet_length(code_hash) = 32", name="ck_link_requests_code_hash_is_sha256"
        ),
    )


def _create_ledger() -> None:
    op.create_table(
        "deliveries",
        sa.Column("reminder_id", sa.Text),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("habit_id", sa.Text, nullable=False),
        sa.Column("local_date", sa.Date, nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("sent_at", _INSTANT),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("telegram_message_id", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("reminder_id", name="pk_deliveries"),
        sa.CheckConstraint(
            "outcome IN ('sent', 'refused', 'chat_gone', 'no_chat', 'expired', 'unknown')",
            name="ck_deliveries_outcome_known",
        ),
        sa.CheckConstraint(
            "(outcome = 'sent') = (sent_at IS NOT NULL AND telegram_message_id IS NOT NULL)",
            name="ck_deliveries_sent_has_proof",
        ),
    )
    op.create_index("ix_deliveries_account_id", "deliveries", ["account_id"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True)),
        sa.Column("shard", sa.SmallInteger, nullable=False),
        sa.Column("ordering_key", sa.Text, nullable=False),
        sa.Column("message_id", sa.Uuid, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("routing_key", sa.Text, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column(
            "recorded_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_id"),
        postgresql_with={"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000},
    )
    op.create_index("ix_outbox_shard_id", "outbox", ["shard", "id"])
