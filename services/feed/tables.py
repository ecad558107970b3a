"""The tables of the feed's database.

Positions are handed out under the lock of the one row of `head`, so whoever sees a position sees
every smaller one. A row whose `data` is null has been erased; it keeps its place and its id, for
readers whose cursor it is.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

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
