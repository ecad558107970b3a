"""The tables of the feed's database.

Positions are handed out under the lock of the one row of `head`, so whoever sees a position sees
every smaller one. A row whose `data` is null has been erased; it keeps its place and its id, for
readers whose cursor it is.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.database import new_metadata

METADATA = new_metadata()

LOG = Table(
    "log",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("subject", Text),
    Column("account_id", Text),
    Column("version", Integer),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    # None is the absence of a body, not the JSON value null.
    Column("data", JSONB(none_as_null=True)),
    Column("request_id", Text),
    Column("traceparent", Text),
    Index("ix_log_account_id_position", "account_id", "position"),
    Index("ix_log_subject_position", "subject", "position"),
)

HEAD = Table(
    "head",
    METADATA,
    Column("is_head", Integer, primary_key=True, server_default=text("1")),
    Column("position", BigInteger, nullable=False),
    CheckConstraint("is_head = 1", name="one_row"),
)

ERASED_ACCOUNTS = Table(
    "erased_accounts",
    METADATA,
    Column("account_id", Text, primary_key=True),
)

# `position`: of the last event that is done with. Whoever works on a row moves `next_attempt_at`
# on first, by comparing it, and stores the end of the work only if nobody has moved it since.
WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("types", ARRAY(Text), nullable=False),
    Column("batch", Boolean, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("disabled_reason", Text),
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("previous_secret_until", DateTime(timezone=True)),
    Column("position", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False, index=True),
    Column("failing_since", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("webhook_id", Uuid, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer),
    Column("milliseconds", Integer, nullable=False),
    Column("attempted_at", DateTime(timezone=True), nullable=False, index=True),
    Index("ix_deliveries_webhook_id_id", "webhook_id", "id"),
)
