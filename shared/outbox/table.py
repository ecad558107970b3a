"""The outbox table: a message is committed with the change it tells of, or not at all.

Rows are found by their presence, never by a remembered position, and are deleted after the
broker's confirm. Messages with the same `ordering_key` share a shard and leave in order of `id`:
the writer must hold a row lock of the aggregate when it adds one, as the version guard does.
"""

import uuid
import zlib
from typing import Any

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    insert,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.contracts.cloud_event import CloudEvent
from shared.contracts.events import EventBody
from shared.contracts.topology import EVENTS_EXCHANGE, WorkQueue
from shared.database import mark_outbox_written, new_metadata
from shared.instants import now
from shared.outbox.wake_ups import SHARDS


def define_outbox(metadata: MetaData) -> Table:
    """Add the outbox to a service's tables."""
    return Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("shard", SmallInteger, nullable=False),
        Column("ordering_key", Text, nullable=False),
        Column("message_id", Uuid, nullable=False, unique=True),
        Column("exchange", Text, nullable=False),
        Column("routing_key", Text, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("body", JSONB, nullable=False),
        Column(
            "recorded_at",
            DateTime(timezone=True),
            nullable=False,
            server_default=func.clock_timestamp(),
        ),
        Index("ix_outbox_shard_id", "shard", "id"),
        # Every row is deleted soon: vacuum by number of dead rows, not by share of the table.
        postgresql_with={"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000},
    )


# The relay and the writers need only the columns, whichever service's database they are in.
OUTBOX = define_outbox(new_metadata())


def add_event(
    connection: Connection,
    source: str,
    event_type: str,
    subject: str,
    body: EventBody,
    *,
    ordering_key: str | None = None,
) -> str:
    """Store a public event for the exchange; return its id.

    `source` names the service as a URI reference, `/services/habits`; `subject` is the aggregate's
    id, by which its events are ordered unless another key is given. The request id of the work in
    hand goes along.
    """
    event = CloudEvent(
        id=str(uuid.uuid4()),
        type=event_type,
        source=source,
        subject=subject,
        time=now(),
        body=body,
        request_id=_request_id(),
    )
    _add(
        connection,
        ordering_key=ordering_key or subject,
        message_id=event.id,
        exchange=EVENTS_EXCHANGE,
        routing_key=event_type,
        headers=event.headers(),
        body=event.json_body(),
    )
    return event.id


def add_message(
    connection: Connection, queue: WorkQueue, ordering_key: str, body: dict[str, Any]
) -> str:
    """Store an internal message for one queue of the service itself; return its id."""
    message_id = str(uuid.uuid4())
    request_id = _request_id()
    _add(
        connection,
        ordering_key=ordering_key,
        message_id=message_id,
        exchange="",
        routing_key=queue.name,
        headers={"cloudEvents:requestid": request_id} if request_id else {},
        body=body,
    )
    return message_id


def _add(connection: Connection, *, ordering_key: str, **columns: Any) -> None:
    shard = zlib.crc32(ordering_key.encode()) % SHARDS
    connection.execute(insert(OUTBOX).values(shard=shard, ordering_key=ordering_key, **columns))
    mark_outbox_written(connection, shard)


def _request_id() -> str | None:
    bound = structlog.contextvars.get_contextvars().get("request_id")
    return None if bound is None else str(bound)
