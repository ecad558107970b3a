"""The tick of what waits for an instant of its own: snoozes, follow-ups, the end of quiet hours.

As in the tick of the habits, an account is claimed by its row, what is due of it is taken together,
and each reminder is announced once or not at all, in one transaction. What nobody wants any more,
because the habit or its date has gone, is left out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from services.scheduler.announcing import Circumstances, announce, count_announced
from services.scheduler.habit_rows import habit_of
from services.scheduler.projection import linked_actions
from services.scheduler.quiet_hours import end_of_quiet
from services.scheduler.recurrence import Occurrence
from services.scheduler.reminder_messages import (
    FOLLOW_UP,
    ReminderMessage,
    due_message,
    missed_message,
)
from services.scheduler.schedule import Habit, Owner, is_wanted
from services.scheduler.tables import ACCOUNTS, HABITS, WAITING_REMINDERS
from services.scheduler.waiting_reminders import take_due
from shared.database import transaction
from shared.process.structured_logs import get_logger
from shared.recurrence.local_dates import UnknownTimeZone

BATCH_SIZE = 500
MAX_REMINDERS_PER_TRANSACTION = 2_000

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the claimed accounts and their habits, by id, at the instant `now`."""

    owners: dict[str, Owner]
    linked_actions: dict[str, str]
    now: datetime
    grace: timedelta


def tick_waiting(engine: Engine, grace: timedelta, batch_size: int = BATCH_SIZE) -> int:
    """Announce what is due of a batch of accounts; return how many reminders waited."""
    with transaction(engine) as connection:
        owners, now = _claim(connection, batch_size)
        if not owners or now is None:
            return 0
        rows = take_due(connection, list(owners), now, MAX_REMINDERS_PER_TRANSACTION)
        habits = _habits_of(connection, rows)
        actions = linked_actions(connection, list(habits.values()))
        known = _Known(owners, actions, now, grace)
        found = [_message(row, habits[row["habit_id"]], known) for row in rows]
        messages = [message for message in found if message is not None]
        announced = announce(connection, messages, Circumstances(now, owners))
    count_announced(announced)
    return len(rows)


def _claim(connection: Connection, batch_size: int) -> tuple[dict[str, Owner], datetime | None]:
    """Lock the accounts of what has waited longest; see `due_claims` for the clock."""
    query = (
        select(ACCOUNTS, func.statement_timestamp().label("claimed_at"))
        .join(WAITING_REMINDERS, WAITING_REMINDERS.c.account_id == ACCOUNTS.c.account_id)
        .where(WAITING_REMINDERS.c.due_at <= func.statement_timestamp())
        .order_by(WAITING_REMINDERS.c.due_at)
        .limit(batch_size)
        .with_for_update(of=ACCOUNTS, skip_locked=True)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    now = max((row.pop("claimed_at") for row in rows), default=None)
    return {row["account_id"]: Owner(**row) for row in rows}, now


def _habits_of(connection: Connection, rows: list[dict[str, Any]]) -> dict[str, Habit]:
    ids = {row["habit_id"] for row in rows}
    query = select(HABITS).where(HABITS.c.habit_id.in_(ids))
    habits = (habit_of(row) for row in connection.execute(query).mappings())
    return {habit.habit_id: habit for habit in habits}


def _message(row: dict[str, Any], habit: Habit, known: _Known) -> ReminderMessage | None:
    """Return what there is to say; what is put off or comes again is not said too late."""
    owner = known.owners[habit.account_id]
    if not _is_meant(row, habit, owner):
        return None
    occurrence = Occurrence(row["local_date"], row["due_at"], row["slot"])
    try:
        comes_at = end_of_quiet(owner, occurrence.due_at) or occurrence.due_at
        if known.now - comes_at <= known.grace:
            return due_message(
                habit,
                owner,
                occurrence,
                known.linked_actions.get(habit.habit_id),
                known.grace,
                now=known.now,
                again=row["again"],
                local_time=row["local_time"],
            )
    except UnknownTimeZone as error:
        _log.error("a waiting reminder is missed", habit_id=habit.habit_id, reason=str(error))
    return None if row["again"] else missed_message(habit, occurrence, missed_at=known.now)


def _is_meant(row: dict[str, Any], habit: Habit, owner: Owner) -> bool:
    """Whether the habit's date still counts, and somebody wants to hear of it."""
    timing, day = habit.timing, row["local_date"]
    is_paused = timing.paused_until is not None and day < timing.paused_until
    is_over = timing.end_date is not None and day > timing.end_date
    if is_paused or is_over or not is_wanted(habit, owner):
        return False
    return row["again"] != FOLLOW_UP or habit.follow_up_minutes is not None
