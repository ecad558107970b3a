"""The changes of habits and of their days in one order, read from the events.

The first event of every stream, a habit's or a day's, names the habit; so a habit's streams are
found by it, and what an account did by the actor that is stored with each event.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as local_date
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlalchemy import Connection, Row, text

from services.habits.days.day_events import Channel, DayEvent
from services.habits.days.stored_days import DAYS
from services.habits.habit_events import HabitEvent
from services.habits.stored_events import HABITS

if TYPE_CHECKING:
    from services.habits.event_store import StreamKind

Event = HabitEvent | DayEvent

_KINDS = cast("dict[str, StreamKind[Any, Event]]", {HABITS.name: HABITS, DAYS.name: DAYS})

# Written out, because a parameter in place of a constant would keep the indexes from being used.
CHANGES = """
SELECT event.stream_id, event.version, event.type, event.schema_version, event.data, event.meta,
       streams.kind, first.data ->> 'habit_id' AS habit_id, first.data ->> 'date' AS date
  FROM events first
  JOIN streams ON streams.id = first.stream_id
  JOIN events event ON event.stream_id = first.stream_id
 WHERE first.version = 1
"""

OF_HABIT = text(
    f"{CHANGES} AND first.data ->> 'habit_id' = :habit_id"
    " ORDER BY event.position LIMIT :limit OFFSET :offset"
)
_NUMBER = text(
    "SELECT coalesce(sum(streams.version), 0)"
    "  FROM events first JOIN streams ON streams.id = first.stream_id"
    " WHERE first.version = 1 AND first.data ->> 'habit_id' = :habit_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One event of a habit, or of one of its days.

    `date` is None for the habit's own. `undoes` is the version of the event that it takes back.
    """

    habit_id: UUID
    date: local_date | None
    stream_id: UUID
    version: int
    event: Event
    stored_type: str
    channel: Channel
    undoes: int | None

    @property
    def at(self) -> datetime:
        return self.event.at


def of_habit(connection: Connection, habit_id: UUID, *, offset: int, limit: int) -> list[Change]:
    """Return changes of a habit and of its days, oldest first."""
    found = {"habit_id": str(habit_id), "offset": offset, "limit": limit}
    return read_changes(connection.execute(OF_HABIT, found))


def number_of_habit(connection: Connection, habit_id: UUID) -> int:
    """Return how many changes of a habit and of its days there are."""
    number = connection.execute(_NUMBER, {"habit_id": str(habit_id)}).scalar_one()
    return int(number)


def read_changes(rows: Iterable[Row[Any]]) -> list[Change]:
    """Read rows of `CHANGES`. Raises WrittenByNewerCode."""
    return [_read(row) for row in rows]


def _read(row: Row[Any]) -> Change:
    event = _KINDS[row.kind].read(row.type, row.schema_version, row.data)
    # Before events were stored with their channel, only days could come by more than one.
    channel = getattr(event, "channel", None) or row.meta.get("channel", Channel.API)
    return Change(
        habit_id=UUID(row.habit_id),
        date=None if row.date is None else local_date.fromisoformat(row.date),
        stream_id=row.stream_id,
        version=row.version,
        event=event,
        stored_type=row.type,
        channel=Channel(channel),
        undoes=row.meta.get("undoes"),
    )
