"""What other services hear of a habit: the one mapping from private events to public messages.

Every message carries the habit's full state and version. A consumer never sees a stored event.
"""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import Connection

from services.habits.habit_events import ActiveHabit, DeletedHabit, HabitCreated, HabitEvent
from shared.contracts.events import HABIT_CHANGED, HABIT_CREATED, HABIT_DELETED, HabitStateV1
from shared.outbox.table import add_event

SOURCE = "/services/habits"


def announce(connection: Connection, event: HabitEvent, after: ActiveHabit | DeletedHabit) -> None:
    """Put the public message of an event into the outbox. The stream's row must be locked."""
    message = to_message(after)
    add_event(connection, SOURCE, public_type(event, message), str(after.id), message)


def announce_again(connection: Connection, habit: ActiveHabit | DeletedHabit) -> None:
    """Tell a habit's present state once more. Its owner must be locked."""
    message = to_message(habit)
    event_type = HABIT_CREATED if message.version == 1 else HABIT_CHANGED
    add_event(
        connection,
        SOURCE,
        HABIT_DELETED if message.deleted else event_type,
        message.id,
        message,
    )


def announce_erasure(
    connection: Connection, habit_id: UUID, owner_id: UUID, at: datetime, version: int
) -> None:
    """Tell that a habit was erased: a deletion that carries nothing of what the owner wrote."""
    body = HabitStateV1(
        id=str(habit_id),
        owner_id=str(owner_id),
        action="",
        place="",
        time=time(0, 0),
        duration_seconds=1,
        period_days=1,
        is_pleasant=False,
        reward=None,
        linked_habit_id=None,
        is_published=False,
        created_at=at,
        updated_at=at,
        timing_since=at,
        deleted=True,
        version=version,
    )
    add_event(connection, SOURCE, HABIT_DELETED, str(habit_id), body)


def public_type(event: HabitEvent, message: HabitStateV1) -> str:
    """Return the type of the message that tells of an event."""
    if message.deleted:
        return HABIT_DELETED
    return HABIT_CREATED if isinstance(event, HabitCreated) else HABIT_CHANGED


def to_message(habit: ActiveHabit | DeletedHabit) -> HabitStateV1:
    """Return a habit's public state.

    Its first version knows no archive. A useful habit that is archived is told as deleted, and
    comes back with a higher version: nobody is reminded of it meanwhile.
    """
    details = habit.details
    is_deleted = isinstance(habit, DeletedHabit)
    is_silent = habit.archived_at is not None and not details.is_pleasant
    return HabitStateV1(
        id=str(habit.id),
        owner_id=str(habit.owner_id),
        action=details.action,
        place=details.place,
        time=details.time,
        duration_seconds=details.duration_seconds,
        period_days=details.period_days,
        is_pleasant=details.is_pleasant,
        reward=details.reward,
        linked_habit_id=None if details.linked_habit_id is None else str(details.linked_habit_id),
        is_published=details.is_published,
        created_at=habit.created_at,
        updated_at=habit.deleted_at if isinstance(habit, DeletedHabit) else habit.updated_at,
        timing_since=habit.deleted_at if isinstance(habit, DeletedHabit) else habit.timing_since,
        deleted=is_deleted or is_silent,
        version=habit.version,
    )
