"""The event store: streams of several kinds, versions without holes, one winner for each version.

The row in `streams` guards the version: `append` moves it from the expected version or raises
`ConcurrentChange`. `UNIQUE (stream_id, version)` alone would let a writer leave a hole. Its row
lock also keeps positions, and the outbox rows of the same transaction, in order of the versions.
Nothing here commits: events, read model and outbox are one transaction of the caller.

What a stream's events mean is its kind's business: how they fold into a state, how they are stored.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, Select, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.habits.tables import events, streams
from services.habits.upcasting import JsonObject

State = TypeVar("State")
Event = TypeVar("Event")

_ROWS_IN_MEMORY = 1000


class ConcurrentChange(Exception):
    """Somebody else has appended to the stream first; load and decide again."""


@dataclass(frozen=True, slots=True)
class StoredForm:
    """How an event is written down: a type name of ours, and data of one of its schema versions."""

    type: str
    schema_version: int
    data: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamKind(Generic[State, Event]):
    """What streams of one kind have in common; `name` is stored with each of them.

    `read` takes type, schema version and data as stored; it raises WrittenByNewerCode.
    """

    name: str
    initial: State
    evolve: Callable[[State, Event], State]
    write: Callable[[Event], StoredForm]
    read: Callable[[str, int, JsonObject], Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent(Generic[Event]):
    """An event with its place in the stream."""

    stream_id: UUID
    version: int
    event: Event
    recorded_at: datetime


class EventStore(Generic[State, Event]):
    """Appends to and reads from streams of one kind, on the connection it is given."""

    def __init__(self, kind: StreamKind[State, Event]) -> None:
        self.kind = kind

    def append(
        self,
        connection: Connection,
        stream_id: UUID,
        new_events: Sequence[Event],
        *,
        owner_id: UUID,
        expected_version: int,
        meta: JsonObject,
    ) -> None:
        """Add at least one event to the stream. Raises ConcurrentChange."""
        self._advance(connection, stream_id, owner_id, expected_version, len(new_events))
        forms = [self.kind.write(event) for event in new_events]
        connection.execute(
            insert(events),
            [
                {
                    "stream_id": stream_id,
                    "version": version,
                    "event_id": uuid.uuid4(),
                    "type": form.type,
                    "schema_version": form.schema_version,
                    "data": form.data,
                    "meta": meta,
                }
                for version, form in enumerate(forms, expected_version + 1)
            ],
        )

    def load(self, connection: Connection, stream_id: UUID) -> State:
        """Return the state all stored events of the stream lead to."""
        rows = connection.execute(_in_order().where(events.c.stream_id == stream_id))
        return self.fold(self._read(row) for row in rows)

    def fold(self, recorded: Iterable[RecordedEvent[Event]]) -> State:
        """Return the state that a stream's events, oldest first, lead to."""
        state = self.kind.initial
        for item in recorded:
            state = self.kind.evolve(state, item.event)
        return state

    def read(
        self, connection: Connection, stream_id: UUID, *, after_version: int = 0, limit: int
    ) -> list[RecordedEvent[Event]]:
        """Return up to `limit` events, oldest first; versions have no holes, so they count rows."""
        rows = connection.execute(
            _in_order()
            .where(events.c.stream_id == stream_id, events.c.version > after_version)
            .limit(limit)
        )
        return [self._read(row) for row in rows]

    def read_all(self, connection: Connection) -> Iterator[RecordedEvent[Event]]:
        """Yield every event of the kind, stream by stream, without holding all in memory."""
        of_kind = _in_order().join(streams).where(streams.c.kind == self.kind.name)
        rows = connection.execute(of_kind, execution_options={"yield_per": _ROWS_IN_MEMORY})
        for row in rows:
            yield self._read(row)

    def _read(
        self, row: Row[tuple[UUID, int, str, int, JsonObject, datetime]]
    ) -> RecordedEvent[Event]:
        return RecordedEvent(
            stream_id=row.stream_id,
            version=row.version,
            event=self.kind.read(row.type, row.schema_version, row.data),
            recorded_at=row.recorded_at,
        )

    def _advance(
        self,
        connection: Connection,
        stream_id: UUID,
        owner_id: UUID,
        expected_version: int,
        count: int,
    ) -> None:
        """Move the stream's version on, or raise ConcurrentChange."""
        guard = (
            upsert(streams)
            .values(id=stream_id, owner_id=owner_id, kind=self.kind.name, version=count)
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
