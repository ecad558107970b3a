"""The event store: one stream a habit, versions without holes, one winner for each version.

The row in `streams` guards the version: `append` moves it from the expected version or raises
`ConcurrentChange`. `UNIQUE (stream_id, version)` alone would let a writer leave a hole. Its row
lock also keeps positions, and the outbox rows of the same transaction, in order of the versions.
Nothing here commits: events, read model and outbox are one transaction of the caller.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, Select, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.habits import stored_events
from services.habits.habit_events import HabitEvent, HabitState, evolve_all
from services.habits.tables import events, streams
from services.habits.upcasting import JsonObject, Upcasting

_ROWS_IN_MEMORY = 1000


class ConcurrentChange(Exception):
    """Somebody else has appended to the stream first; load and decide again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An event with its place in the stream."""

    stream_id: UUID
    version: int
    event: HabitEvent
    recorded_at: datetime


class EventStore:
    """Appends to and reads from streams, on the connection it is given."""

    def __init__(self, upcasting: Upcasting = stored_events.UPCASTING) -> None:
        self._upcasting = upcasting

    def append(
        self,
        connection: Connection,
        stream_id: UUID,
        new_events: Sequence[HabitEvent],
        *,
        owner_id: UUID,
        expected_version: int,
        meta: JsonObject,
    ) -> None:
        """Add at least one event to the stream. Raises ConcurrentChange."""
        _advance(connection, stream_id, owner_id, expected_version, len(new_events))
        connection.execute(
            insert(events),
            [
                {
                    "stream_id": stream_id,
                    "version": version,
                    "event_id": uuid.uuid4(),
                    "type": stored_events.stored_type(event),
                    "schema_version": self._upcasting.newest_version(
                        stored_events.stored_type(event)
                    ),
                    "data": stored_events.to_data(event),
                    "meta": meta,
                }
                for version, event in enumerate(new_events, expected_version + 1)
            ],
        )

    def load(self, connection: Connection, stream_id: UUID) -> HabitState:
        """Return the state all stored events of the stream lead to."""
        rows = connection.execute(_in_order().where(events.c.stream_id == stream_id))
        return evolve_all(self._read(row).event for row in rows)

    def read(
        self, connection: Connection, stream_id: UUID, *, after_version: int = 0, limit: int
    ) -> list[RecordedEvent]:
        """Return up to `limit` events, oldest first; versions have no holes, so they count rows."""
        rows = connection.execute(
            _in_order()
            .where(events.c.stream_id == stream_id, events.c.version > after_version)
            .limit(limit)
        )
        return [self._read(row) for row in rows]

    def read_all(self, connection: Connection) -> Iterator[RecordedEvent]:
        """Yield every event, stream by stream, without holding all of them in memory."""
        rows = connection.execute(_in_order(), execution_options={"yield_per": _ROWS_IN_MEMORY})
        for row in rows:
            yield self._read(row)

    def _read(self, row: Row[tuple[UUID, int, str, int, JsonObject, datetime]]) -> RecordedEvent:
        data = self._upcasting.to_newest(row.type, row.schema_version, row.data)
        return RecordedEvent(
            stream_id=row.stream_id,
            version=row.version,
            event=stored_events.from_data(row.type, data),
            recorded_at=row.recorded_at,
        )


def _advance(
    connection: Connection, stream_id: UUID, owner_id: UUID, expected_version: int, count: int
) -> None:
    """Move the stream's version on, or raise ConcurrentChange."""
    guard = (
        upsert(streams)
        .values(id=stream_id, owner_id=owner_id, version=count)
        .on_conflict_do_nothing()
        .returning(streams.c.version)
        if expected_version == 0
        else update(streams)
        .where(streams.c.id == stream_id, streams.c.version == expected_version)
        .values(version=expected_version + count)
        .returning(streams.c.version)
    )
    if connection.execute(guard).one_or_none() is None:
        raise ConcurrentChange(f"stream {stream_id} is no longer at version {expected_version}")


def _in_order() -> Select[tuple[UUID, int, str, int, JsonObject, datetime]]:
    return select(
        events.c.stream_id,
        events.c.version,
        events.c.type,
        events.c.schema_version,
        events.c.data,
        events.c.recorded_at,
    ).order_by(events.c.stream_id, events.c.version)
