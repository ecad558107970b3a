"""What the notifier has heard of days: whether a reminder is answered already, and where.

Duplicates and reordering do no harm: only a day's newer version changes anything.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, Text, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.notifier.tables import HEARD_DAYS
from shared.contracts.day_commands import Wish
from shared.contracts.events import HabitDayStateV1, ReminderDueV1
from shared.instants import now

# What needs no reminder any more; a part of a day's target does.
ANSWERS = ("done", "skipped")
# With a hash of the account's id, the key of its lock; no other lock of this database has it.
_ANSWER_LOCKS = 7302

# Made once: these run for every message, and building them would cost more than running them.
_LOCK = select(
    func.pg_advisory_xact_lock(_ANSWER_LOCKS, func.hashtext(bindparam("account_id", type_=Text)))
)
_ANSWERED = select(HEARD_DAYS.c.habit_id, HEARD_DAYS.c.local_date).where(
    tuple_(HEARD_DAYS.c.habit_id, HEARD_DAYS.c.local_date).in_(bindparam("days", expanding=True)),
    HEARD_DAYS.c.status.in_(ANSWERS),
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


def answered_among(connection: Connection, reminders: Iterable[ReminderDueV1]) -> frozenset[str]:
    """Return the ids of the reminders whose day is done or skipped."""
    ids = {(each.habit_id, each.local_date): each.id for each in reminders}
    rows = connection.execute(_ANSWERED, {"days": list(ids)})
    return frozenset(ids[row.habit_id, row.local_date] for row in rows)


def is_heard(connection: Connection, habit_id: str, local_date: date, wish: Wish) -> bool:
    """Whether the day is known to be as somebody wants it."""
    status = connection.scalar(
        select(HEARD_DAYS.c.status).where(
            HEARD_DAYS.c.habit_id == habit_id, HEARD_DAYS.c.local_date == local_date
        )
    )
    return status == wish or (status is None and wish == "cleared")
