"""The outbox table: a message is committed with the change it tells of, or not at all.

Rows are found by their presence, never by a remembered position, and are deleted after the
broker's confirm. Messages with the same `ordering_key` share a shard and leave in order of `id`:
the writer must hold a row lock of the aggregate when it adds one, as the version guard does.
"""

import json
import uuid
import zlib
from collections.abc import Iterable, Sequence
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
    text,
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


# One JSON document for all rows: quicker to make and to read than an array for each column.
_INSERT = text(
    """
    INSERT INTO outbox (shard, ordering_key, message_id, exchange, routing_key, headers, body)
    SELECT shard, ordering_key, message_id, exchange, routing_key, headers, body
      FROM ROWS FROM (
               jsonb_to_recordset(CAST(:rows AS jsonb)) AS (
                   shard smallint, ordering_key text, message_id uuid, exchange text,
                   routing_key text, headers jsonb, body jsonb
               )
           ) WITH ORDINALITY
     ORDER BY ordinality
    """
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
    row = _event_row(source, event_type, subject, body, ordering_key or subject)
    _add_all(connection, [row])
    event_id: str = row["message_id"]
    return event_id


def add_events(
    connection: Connection, source: str, events: Iterable[tuple[str, str, EventBody]]
) -> None:
    """Store public events, each with its type and subject, by one statement."""
    _add_all(
        connection,
        [
            _event_row(source, event_type, subject, body, subject)
            for event_type, subject, body in events
        ],
    )


def _event_row(
    source: str, event_type: str, subject: str, body: EventBody, ordering_key: str
) -> dict[str, Any]:
    event = CloudEvent(
        id=str(uuid.uuid4()),
        type=event_type,
        source=source,
        subject=subject,
        time=now(),
        body=body,
        request_id=_request_id(),
    )
    return {
        "ordering_key": ordering_key,
        "message_id": event.id,
        "exchange": EVENTS_EXCHANGE,
        "routing_key": event_type,
        "headers": event.headers(),
        "body": event.json_body(),
    }


def add_message(
    connection: Connection, queue: WorkQueue, ordering_key: str, body: dict[str, Any]
) -> str:
    """Store an internal message for one queue; return its id."""
    row = _message_row(queue, ordering_key, body)
    _add_all(connection, [row])
    message_id: str = row["message_id"]
    return message_id


def add_messages(
    connection: Connection, queue: WorkQueue, messages: Iterable[tuple[str, dict[str, Any]]]
) -> None:
    """Store internal messages for one queue, each with its ordering key, by one statement."""
    _add_all(connection, [_message_row(queue, key, body) for key, body in messages])


def _message_row(queue: WorkQueue, ordering_key: str, body: dict[str, Any]) -> dict[str, Any]:
    request_id = _request_id()
    return {
        "ordering_key": ordering_key,
        "message_id": str(uuid.uuid4()),
        "exchange": "",
        "routing_key": queue.name,
        "headers": {"cloudEvents:requestid": request_id} if request_id else {},
        "body": body,
    }


def _add_all(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store rows in their order, by one statement: a round trip for each would be felt."""
    if not rows:
        return
    sharded = [{**row, "shard": zlib.crc32(row["ordering_key"].encode()) % SHARDS} for row in rows]
    connection.execute(_INSERT, {"rows": json.dumps(sharded, ensure_ascii=False)})
    mark_outbox_written(connection, *{row["shard"] for row in sharded})


def _request_id() -> str | None:
    bound = structlog.contextvars.get_contextvars().get("request_id")
    return None if bound is None else str(bound)
