"""Accounts, refresh tokens, signing keys and the outbox.

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
    _create_accounts()
    _create_refresh_tokens()
    _create_signing_keys()
    _create_outbox()


def downgrade() -> None:
    for table in ("outbox", "signing_keys", "refresh_tokens", "erased_accounts", "accounts"):
        op.drop_table(table)


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("password_changed_at", _INSTANT, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
        sa.CheckConstraint("locale IN ('en', 'ru')", name="ck_accounts_locale_known"),
        sa.CheckConstraint("version > 0", name="ck_accounts_version_positive"),
    )
    op.create_table(
        "erased_accounts",
        sa.Column("id", sa.Uuid),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erased_accounts"),
    )


def _create_refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary),
        sa.Column("family_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("issued_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("used_at", _INSTANT),
        sa.Column("sealed_successor", sa.LargeBinary),
        sa.PrimaryKeyConstraint("token_hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_refresh_tokens_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("expires_at > issued_at", name="ck_refresh_tokens_lives"),
        sa.CheckConstraint(
            "sealed_successor IS NULL OR used_at IS NOT NULL",
            name="ck_refresh_tokens_successor_of_used",
        ),
    )
    op.create_index("ix_refresh_tokens_family_id", "refresh_tokens", ["family_id"])
    op.create_index(
        "ix_refresh_tokens_account_id_expires_at", "refresh_tokens", ["account_id", "expires_at"]
    )


def _create_signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text),
        sa.Column("public_jwk", JSONB, nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("signs_from", _INSTANT, nullable=False),
        sa.Column("retired_at", _INSTANT),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )


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
        # Every row is deleted soon: vacuum by number of dead rows, not by share of the table.
        postgresql_with={"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000},
    )
    op.create_index("ix_outbox_shard_id", "outbox", ["shard", "id"])
