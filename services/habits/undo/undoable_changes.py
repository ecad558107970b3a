"""Which changes an account can undo: its latest, of its habits and of their days.

What an undo did is not undone itself, neither is what it took back; so undoing again and again
walks back. A link that a deletion cleared comes back with the deletion, and what was imported goes
with its habit.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from services.habits.habit_events import HabitDeleted
from services.habits.history.changes import Change, read_changes
from shared import instants

# A change that nothing would come of any more is passed over; of so many at most.
_MOST = 50

# Materialized, or the planner might walk through everybody's events to find one of the account.
_RECENT = """
WITH recent AS MATERIALIZED (
  SELECT * FROM events WHERE meta ->> 'actor' = :actor AND recorded_at > :since
)
SELECT event.stream_id, event.version, event.type, event.schema_version, event.data, event.meta,
       streams.kind, first.data ->> 'habit_id' AS habit_id, first.data ->> 'date' AS date
  FROM recent event
  JOIN streams ON streams.id = event.stream_id
  JOIN events first ON first.stream_id = event.stream_id AND first.version = 1
"""
_UNDOABLE = text(
    f"""{_RECENT}
 WHERE event.meta ->> 'undoes' IS NULL
   AND event.type <> 'habit.link_cleared'
   AND coalesce(event.meta ->> 'channel', '') <> 'import'
   AND (CAST(:habit_id AS text) IS NULL OR first.data ->> 'habit_id' = :habit_id)
   AND NOT EXISTS (
     SELECT FROM events undo
      WHERE undo.stream_id = event.stream_id AND undo.version > event.version
        AND (undo.meta ->> 'undoes')::integer = event.version)
 ORDER BY event.position DESC LIMIT {_MOST}"""
)
_CLEARED_WITH = text(
    f"""{_RECENT}
 WHERE event.type = 'habit.link_cleared' AND event.data ->> 'at' = :at
 ORDER BY event.position"""
)


def undoable_changes(
    connection: Connection, account_id: UUID, since: datetime, habit_id: UUID | None
) -> list[Change]:
    """Return changes of the account, or of one of its habits, that can be undone, latest first."""
    asked = {
        "actor": str(account_id),
        "since": since,
        "habit_id": None if habit_id is None else str(habit_id),
    }
    return read_changes(connection.execute(_UNDOABLE, asked))


def links_cleared_with(
    connection: Connection, account_id: UUID, since: datetime, deletion: HabitDeleted
) -> list[Change]:
    """Return the changes by which links were cleared when a habit was deleted."""
    asked = {"actor": str(account_id), "since": since, "at": instants.to_json(deletion.at)}
    return read_changes(connection.execute(_CLEARED_WITH, asked))
