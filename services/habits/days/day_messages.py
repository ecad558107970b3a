"""What other services hear of a day: its full state, with the day's own version."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date as local_date
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from services.habits.days.day_events import (
    Channel,
    DayEvent,
    DayRecorded,
    DayState,
    EmptyDay,
    RecordedDay,
    day_id,
    evolve,
)
from services.habits.public_events import SOURCE
from services.habits.quantities import number
from shared.contracts.events import (
    HABIT_DAY_CLEARED,
    HABIT_DAY_RECORDED,
    DaySlotV1,
    HabitDayStateV1,
)
from shared.outbox.table import add_events


def announce(connection: Connection, days: Iterable[HabitDayStateV1]) -> None:
    """Put the messages of days into the outbox. The rows of their streams must be locked."""
    add_events(
        connection,
        SOURCE,
        [
            (
                HABIT_DAY_CLEARED if day.cleared else HABIT_DAY_RECORDED,
                f"{day.habit_id}/{day.date.isoformat()}",
                day,
            )
            for day in days
        ],
    )


def announce_again(connection: Connection, events: Sequence[DayEvent]) -> None:
    """Tell the present state of the day of these events once more. Its owner must be locked."""
    last = events[-1]
    recorded = next(event for event in reversed(events) if isinstance(event, DayRecorded))
    state: DayState = EmptyDay()
    for event in events:
        state = evolve(state, event)
    message = to_message(
        state,
        habit_id=recorded.habit_id,
        owner_id=recorded.owner_id,
        date=recorded.date,
        channel=last.channel,
        at=last.at,
    )
    announce(connection, [message])


def announce_erasure(
    connection: Connection,
    recorded: Iterable[RecordedDay],
    versions: Mapping[UUID, int],
    at: datetime,
) -> None:
    """Tell that days were erased; `versions` are the last of each stream."""
    announce(
        connection,
        [
            cleared(
                habit_id=day.habit_id,
                owner_id=day.owner_id,
                date=day.date,
                channel=day.channel,
                at=at,
                version=versions[day_id(day.habit_id, day.date)],
            )
            for day in recorded
        ],
    )


def to_message(
    day: DayState,
    *,
    habit_id: UUID,
    owner_id: UUID,
    date: local_date,
    channel: Channel,
    at: datetime,
) -> HabitDayStateV1:
    """Return the state of a day after an event of that channel and instant."""
    if isinstance(day, RecordedDay):
        return _recorded(day)
    return cleared(
        habit_id=habit_id,
        owner_id=owner_id,
        date=date,
        channel=channel,
        at=at,
        version=day.version,
    )


def cleared(
    *,
    habit_id: UUID,
    owner_id: UUID,
    date: local_date,
    channel: Channel,
    at: datetime,
    version: int,
) -> HabitDayStateV1:
    """Return the state of a day of which nothing is recorded any more."""
    return HabitDayStateV1(
        habit_id=str(habit_id),
        owner_id=str(owner_id),
        date=date,
        status=None,
        value=None,
        target_value=None,
        unit=None,
        slots=[],
        note=None,
        channel=channel.value,
        recorded_at=at,
        cleared=True,
        version=version,
    )


def _recorded(day: RecordedDay) -> HabitDayStateV1:
    record = day.record
    return HabitDayStateV1(
        habit_id=str(day.habit_id),
        owner_id=str(day.owner_id),
        date=day.date,
        status=record.status.value,
        value=number(record.value),
        target_value=number(record.target_value),
        unit=record.unit,
        slots=[DaySlotV1(time=slot.time, done=slot.done) for slot in record.slots],
        note=record.note,
        channel=day.channel.value,
        recorded_at=day.recorded_at,
        cleared=False,
        version=day.version,
    )
