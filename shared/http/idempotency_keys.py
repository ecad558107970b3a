"""The table of requests that were answered under an Idempotency-Key, the same in every service.

Apart from the HTTP side, which `shared.http.idempotency` has: who only prunes or erases needs no
web framework.
"""

from datetime import timedelta

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import new_metadata
from shared.pruning import Retention

KEPT = timedelta(hours=24)


def define_idempotency_keys(metadata: MetaData) -> Table:
    """Add the table to a service's tables; `made` is what an answer is made from again."""
    return Table(
        "answered_requests",
        metadata,
        Column("owner", Text, primary_key=True),
        Column("key_hash", LargeBinary, primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("made", JSONB, nullable=False),
        Column("used_at", DateTime(timezone=True), nullable=False),
        CheckConstraint("octet_length(key_hash) = 32", name="key_hash_is_sha256"),
        Index("ix_answered_requests_used_at", "used_at"),
    )


# Who uses the keys needs only the columns, whichever service's database they are in.
ANSWERED_REQUESTS = define_idempotency_keys(new_metadata())
KEYS_KEPT = Retention(ANSWERED_REQUESTS.c.used_at, KEPT)


def forget_keys(connection: Connection, owner: str) -> None:
    """Forget all keys of an owner."""
    connection.execute(delete(ANSWERED_REQUESTS).where(ANSWERED_REQUESTS.c.owner == owner))
