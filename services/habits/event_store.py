"""The event store: streams of several kinds, versions without holes, one winner for each version.

The row in `streams` guards the version: `append` moves it from the expected version or raises
`ConcurrentChange`. `UNIQUE (stream_id, version)` alone would let a writer leave a hole. Its row
lock also keeps positions, and the outbox rows of the same transaction, in order of the versions.
Nothing here commits: events, read model and outbox are one transaction of the caller.

What a stream's events mean is its kind's business: how they fold into a state, how they are stored.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select

from services.habits.tables import events, streams
from services.habits.upcasting import JsonObject
from services.habits.writing_level import FIRST_LEVEL, WritingLevel
from shared.written_together import Write, write_together

State = TypeVar("State")
Event = TypeVar("Event")

_ROWS_IN_MEMORY = 1000

_BEGIN_STREAMS = """
INSERT INTO streams (id, owner_id, kind, version)
SELECT id, owner_id, kind, version
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS (
           id uuid, owner_id uuid, kind text, version integer
       )
    ON CONFLICT DO NOTHING RETURNING id
"""
_MOVE_STREAMS = """
UPDATE streams SET version = streams.version + given.count
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (id uuid, expected integer, count integer)
 WHERE streams.id = given.id AND streams.version = given.expected RETURNING streams.id
"""
_RECORD_EVENTS = """
INSERT INTO events (stream_id, version, event_id, type, schema_version, data, meta)
SELECT stream_id, version, event_id, type, schema_version, data, meta
  FROM ROWS FROM (
           jsonb_to_recordset(CAST(:rows AS jsonb)) AS (
               stream_id uuid, version integer, event_id uuid, type text,
               schema_version smallint, data jsonb, meta jsonb
           )
       ) WITH ORDINALITY
 WHERE stream_id IN (SELECT id FROM begun UNION ALL SELECT id FROM moved)
 ORDER BY ordinality RETURNING 1
"""


class ConcurrentChange(Exception):
    """Somebody else has appended to the stream first; load and decide again."""


@dataclass(frozen=True, slots=True)
class StoredForm:
    """How an event is written down: a type name of ours, and data of one of its schema versions.

    `since` is the writing level from which on every process can read the form.
    """

    type: str
    schema_version: int
    data: JsonObject
    since: int = FIRST_LEVEL


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
        self._level = WritingLevel()

    def may_write(self, connection: Connection, level: int) -> bool:
        """Whether every process of a rollout can read forms of this level."""
        return self._level.allows(connection, level)

    def append(
        self,
        connection: Connection,
        stream_id: UUID,
        new_events: Sequence[Event],
        *,
        owner_id: UUID,
        expected_version: int,
        meta: JsonObject,
        beside: Sequence[Write] = (),
    ) -> None:
        """Add at least one event to the stream. Raises ConcurrentChange, NotYetWritable.

        `beside` is written by the same statement.
        """
        numbered = enumerate(new_events, expected_version + 1)
        events = [(stream_id, *each) for each in numbered]
        streams = self._advanced(owner_id, {stream_id: expected_version}, len(new_events))
        _write(connection, [*streams, self._recorded(connection, events, meta)], beside)

    def append_each(
        self,
        connection: Connection,
        new_events: Mapping[UUID, tuple[int, Event]],
        *,
        owner_id: UUID,
        meta: JsonObject,
    ) -> None:
        """Add one event to each stream, given with the version it is expected to be at.

        By one statement. Raises ConcurrentChange, NotYetWritable.
        """
        expected = {stream_id: version for stream_id, (version, _) in new_events.items()}
        events = [(each, version + 1, event) for each, (version, event) in new_events.items()]
        streams = self._advanced(owner_id, expected, 1)
        _write(connection, [*streams, self._recorded(connection, events, meta)])

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

    def load_at(self, connection: Connection, versions: Mapping[UUID, int]) -> dict[UUID, State]:
        """Return the states that streams had at these versions, by one statement."""
        rows = connection.execute(_in_order().where(events.c.stream_id.in_(versions)))
        states = dict.fromkeys(versions, self.kind.initial)
        for row in rows:
            if row.version <= versions[row.stream_id]:
                event = self._read(row).event
                states[row.stream_id] = self.kind.evolve(states[row.stream_id], event)
        return states

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

    def read_each(
        self, connection: Connection, stream_ids: Collection[UUID]
    ) -> dict[UUID, list[Event]]:
        """Return all events of streams, oldest first, by one statement."""
        rows = connection.execute(_in_order().where(events.c.stream_id.in_(stream_ids)))
        found: dict[UUID, list[Event]] = {stream_id: [] for stream_id in stream_ids}
        for row in rows:
            found[row.stream_id].append(self._read(row).event)
        return found

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

    def _recorded(
        self, connection: Connection, numbered: Sequence[tuple[UUID, int, Event]], meta: JsonObject
    ) -> Write:
        forms = [(each, version, self.kind.write(event)) for each, version, event in numbered]
        self._level.require(connection, max(form.since for _, _, form in forms))
        rows = [
            {
                "stream_id": stream_id,
                "version": version,
                "event_id": uuid.uuid4(),
                "type": form.type,
                "schema_version": form.schema_version,
                "data": form.data,
                "meta": meta,
            }
            for stream_id, version, form in forms
        ]
        return Write("recorded", _RECORD_EVENTS, rows)

    def _advanced(self, owner_id: UUID, expected: Mapping[UUID, int], count: int) -> list[Write]:
        """Return what moves the streams so many versions on, those that are as expected."""
        common = {"owner_id": owner_id, "kind": self.kind.name, "version": count}
        begun = [{"id": each, **common} for each, version in expected.items() if version == 0]
        moved = [
            {"id": each, "expected": version, "count": count}
            for each, version in expected.items()
            if version != 0
        ]
        return [Write("begun", _BEGIN_STREAMS, begun), Write("moved", _MOVE_STREAMS, moved)]


def _write(connection: Connection, guarded: Sequence[Write], beside: Sequence[Write] = ()) -> None:
    written = write_together(connection, [*guarded, *beside])
    if written[: len(guarded)] != [len(write.rows) for write in guarded]:
        raise ConcurrentChange("somebody else has appended to a stream first")


def _in_order() -> Select[tuple[UUID, int, str, int, JsonObject, datetime]]:
    return select(
        events.c.stream_id,
        events.c.version,
        events.c.type,
        events.c.schema_version,
        events.c.data,
        events.c.recorded_at,
    ).order_by(events.c.stream_id, events.c.version)
