"""What other services hear of a habit: the one mapping from private events to public messages.

Every message carries the habit's full state and version. A consumer never sees a stored event.
"""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import Connection

from services.habits.habit_details import HabitDetails
from services.habits.habit_events import (
    ActiveHabit,
    DeletedHabit,
    HabitCreated,
    HabitEvent,
)
from services.habits.quantities import number
from shared.contracts.events import (
    HABIT_CHANGED,
    HABIT_CHANGED_V2,
    HABIT_CREATED,
    HABIT_CREATED_V2,
    HABIT_DELETED,
    HABIT_DELETED_V2,
    HabitStateV1,
    HabitStateV2,
)
from shared.outbox.table import add_event

SOURCE = "/services/habits"

Habit = ActiveHabit | DeletedHabit


def announce(
    connection: Connection, event: HabitEvent, after: Habit, *, in_version_1: bool = False
) -> None:
    """Put the public message of an event into the outbox. The stream's row must be locked.

    What the first version cannot tell is not there yet while that version is told.
    """
    message = to_message_1(after) if in_version_1 else to_message(after)
    is_first = isinstance(event, HabitCreated)
    add_event(connection, SOURCE, public_type(message, is_first=is_first), message.id, message)


def announce_again(connection: Connection, habit: Habit, *, in_version_1: bool = False) -> None:
    """Tell a habit's present state once more. Its owner must be locked."""
    message = to_message_1(habit) if in_version_1 else to_message(habit)
    is_first = message.version == 1
    add_event(connection, SOURCE, public_type(message, is_first=is_first), message.id, message)


def announce_erasure(
    connection: Connection,
    habit_id: UUID,
    owner_id: UUID,
    at: datetime,
    version: int,
    *,
    in_version_1: bool = False,
) -> None:
    """Tell that a habit was erased: a deletion that carries nothing of what the owner wrote."""
    erased = DeletedHabit(
        id=habit_id,
        owner_id=owner_id,
        details=HabitDetails(action="", place="", times=(time(0, 0),), duration_seconds=1),
        created_at=at,
        deleted_at=at,
        version=version,
    )
    announce_again(connection, erased, in_version_1=in_version_1)


def public_type(message: HabitStateV1 | HabitStateV2, *, is_first: bool) -> str:
    """Return the type of a message; `is_first`: of the one that tells that a habit was created."""
    if isinstance(message, HabitStateV1):
        created, changed, deleted = HABIT_CREATED, HABIT_CHANGED, HABIT_DELETED
    else:
        created, changed, deleted = HABIT_CREATED_V2, HABIT_CHANGED_V2, HABIT_DELETED_V2
    if message.deleted:
        return deleted
    return created if is_first else changed


def to_message(habit: Habit) -> HabitStateV2:
    """Return a habit's public state."""
    details = habit.details
    return HabitStateV2(
        id=str(habit.id),
        owner_id=str(habit.owner_id),
        action=details.action,
        place=details.place,
        time=details.time,
        times=list(details.times),
        period_days=details.period_days,
        schedule=details.schedule,
        start_date=details.start_date or habit.created_on,
        end_date=details.end_date,
        paused_until=details.paused_until,
        archived_at=habit.archived_at,
        duration_seconds=details.duration_seconds,
        is_pleasant=details.is_pleasant,
        reward=details.reward,
        linked_habit_id=_text(details.linked_habit_id),
        is_published=details.is_published,
        target_value=number(details.target_value),
        unit=details.unit,
        follow_up_minutes=details.follow_up_minutes,
        created_at=habit.created_at,
        updated_at=habit.deleted_at if isinstance(habit, DeletedHabit) else habit.updated_at,
        timing_since=habit.deleted_at if isinstance(habit, DeletedHabit) else habit.timing_since,
        deleted=isinstance(habit, DeletedHabit),
        version=habit.version,
    )


def to_message_1(habit: Habit) -> HabitStateV1:
    """Return the first version of a habit's public state, which is told during a rollout only.

    It knows no archive. A useful habit that is archived is told as deleted, and comes back with a
    higher version: nobody is reminded of it meanwhile. The habit must be due every n days.
    """
    details = habit.details
    is_silent = habit.archived_at is not None and not details.is_pleasant
    return HabitStateV1(
        id=str(habit.id),
        owner_id=str(habit.owner_id),
        action=details.action,
        place=details.place,
        time=details.time,
        duration_seconds=details.duration_seconds,
        period_days=details.period_days or 1,
        is_pleasant=details.is_pleasant,
        reward=details.reward,
        linked_habit_id=_text(details.linked_habit_id),
        is_published=details.is_published,
        created_at=habit.created_at,
        updated_at=habit.deleted_at if isinstance(habit, DeletedHabit) else habit.updated_at,
        timing_since=habit.deleted_at if isinstance(habit, DeletedHabit) else habit.timing_since,
        deleted=isinstance(habit, DeletedHabit) or is_silent,
        version=habit.version,
    )


def _text(habit_id: UUID | None) -> str | None:
    return None if habit_id is None else str(habit_id)
