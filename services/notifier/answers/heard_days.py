"""What the notifier has heard of days: whether a reminder is answered already, and where.

Duplicates and reordering do no harm: only a day's newer version changes anything.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

from sqlalchemy import Connection, Text, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.notifier.tables import HEARD_DAYS
from shared.contracts.day_commands import Wish
from shared.contracts.events import HabitDayStateV1, ReminderDueV1
from shared.instants import now

Answer = Literal["done", "skipped"]

# With a hash of the account's id, the key of its lock; no other lock of this database has it.
_ANSWER_LOCKS = 7302

# Made once: these run for every message, and building them would cost more than running them.
_LOCK = select(
    func.pg_advisory_xact_lock(_ANSWER_LOCKS, func.hashtext(bindparam("account_id", type_=Text)))
)
_HEARD = select(
    HEARD_DAYS.c.habit_id, HEARD_DAYS.c.local_date, HEARD_DAYS.c.status, HEARD_DAYS.c.done_slots
).where(
    tuple_(HEARD_DAYS.c.habit_id, HEARD_DAYS.c.local_date).in_(bindparam("days", expanding=True)),
    HEARD_DAYS.c.status.is_not(None),
)


def lock_answers(connection: Connection, account_id: str) -> None:
    """Have whoever sends, hears of days or edits for the account take turns until the commit.

    What one of them has missed, the other sees: a day is heard before a message is sent, or the
    message is known when the day is heard.
    """
    connection.execute(_LOCK, {"account_id": account_id})


def store_day(connection: Connection, day: HabitDayStateV1) -> bool:
    """Take over a newer state; False when this state or a later one is known already."""
    row = {
        "account_id": day.owner_id,
        "status": day.status,
        "done_slots": [number for number, slot in enumerate(day.slots) if slot.done],
        "value": day.value,
        "target_value": day.target_value,
        "unit": day.unit,
        "channel": day.channel,
        "version": day.version,
        "heard_at": now(),
    }
    changed = connection.scalar(
        insert(HEARD_DAYS)
        .values(habit_id=day.habit_id, local_date=day.date, **row)
        .on_conflict_do_update(
            index_elements=[HEARD_DAYS.c.habit_id, HEARD_DAYS.c.local_date],
            set_=row,
            where=HEARD_DAYS.c.version < day.version,
        )
        .returning(HEARD_DAYS.c.version)
    )
    return changed is not None


def answer_of(status: str | None, done_slots: Sequence[int] | None, slot: int) -> Answer | None:
    """Return how one of a day's times is answered; a part of a day's target is no answer."""
    if status == "skipped":
        return "skipped"
    if status == "done" or (status == "partial" and slot in (done_slots or ())):
        return "done"
    return None


def answered_among(connection: Connection, reminders: Iterable[ReminderDueV1]) -> frozenset[str]:
    """Return the ids of the reminders that are answered already."""
    reminders = list(reminders)
    days = list({(each.habit_id, each.local_date) for each in reminders})
    heard = {
        (row.habit_id, row.local_date): row for row in connection.execute(_HEARD, {"days": days})
    }
    return frozenset(
        each.id
        for each in reminders
        if (row := heard.get((each.habit_id, each.local_date)))
        and answer_of(row.status, row.done_slots, each.slot)
    )


def is_any_heard(connection: Connection, reminders: Iterable[ReminderDueV1]) -> bool:
    """Whether anything is recorded of the reminders' days, if only a part."""
    days = list({(each.habit_id, each.local_date) for each in reminders})
    return connection.execute(_HEARD, {"days": days}).first() is not None


def is_heard(
    connection: Connection, habit_id: str, local_date: date, slot: int, wish: Wish
) -> bool:
    """Whether the day is known to be as somebody wants it; one more is always something new."""
    row = connection.execute(_HEARD, {"days": [(habit_id, local_date)]}).one_or_none()
    answer = answer_of(row.status, row.done_slots, slot) if row else None
    return wish == (answer or "cleared")
