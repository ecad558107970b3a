"""What the scheduler has heard of days: whether a reminder is answered before it is announced.

Duplicates and reordering do no harm: only a day's newer version changes anything.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, func, text
from sqlalchemy.dialects.postgresql import insert

from services.scheduler.tables import HEARD_DAYS
from shared.contracts.events import HabitDayStateV1, ReminderDueV1

# What needs no reminder any more; a part of a day does, but for the times that are done.
_ANSWERS = ("done", "skipped")

# Arrays, not a list of pairs: to plan for a thousand pairs would take longer than to look them up.
_DAYS = text(
    """
    SELECT habit_id, local_date, status, done_slots
      FROM unnest(CAST(:habit_ids AS text[]), CAST(:local_dates AS date[]))
               AS wanted (habit_id, local_date)
      JOIN heard_days USING (habit_id, local_date)
     WHERE status IS NOT NULL
    """
)


def store_day(connection: Connection, day: HabitDayStateV1) -> None:
    """Take over a state of a day, unless it or a later one is known already."""
    columns = {
        "account_id": day.owner_id,
        "status": day.status,
        "done_slots": sum(1 << number for number, slot in enumerate(day.slots) if slot.done),
        "version": day.version,
        "heard_at": func.clock_timestamp(),
    }
    connection.execute(
        insert(HEARD_DAYS)
        .values(habit_id=day.habit_id, local_date=day.date, **columns)
        .on_conflict_do_update(
            index_elements=[HEARD_DAYS.c.habit_id, HEARD_DAYS.c.local_date],
            set_=columns,
            where=HEARD_DAYS.c.version < day.version,
        )
    )


def answered_among(connection: Connection, reminders: Iterable[ReminderDueV1]) -> frozenset[str]:
    """Return the ids of the reminders whose day, or time of the day, is done or skipped."""
    wanted = list(reminders)
    if not wanted:
        return frozenset()
    days = {(each.habit_id, each.local_date) for each in wanted}
    habit_ids, local_dates = zip(*days, strict=True)
    done = {
        (row.habit_id, row.local_date): -1 if row.status in _ANSWERS else row.done_slots
        for row in connection.execute(
            _DAYS, {"habit_ids": list(habit_ids), "local_dates": list(local_dates)}
        )
    }
    return frozenset(
        each.id for each in wanted if done.get((each.habit_id, each.local_date), 0) >> each.slot & 1
    )
