"""Reminders that come at an instant of their own: put off, a follow-up, or held in quiet hours.

A row is one reminder to come, and goes in the transaction that decides on it. The caller holds the
lock of the account.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from services.scheduler.reminder_messages import FOLLOW_UP, again_of
from services.scheduler.tables import WAITING_REMINDERS
from shared.contracts.events import ReminderDueV1

_columns = WAITING_REMINDERS.c


def hold(connection: Connection, reminders: Iterable[ReminderDueV1]) -> None:
    """Have reminders that are due wait until their `due_at`, the end of the quiet hours."""
    _put(connection, [_row(each, again_of(each), each.due_at, held=True) for each in reminders])


def follow_up(connection: Connection, reminders: Iterable[tuple[ReminderDueV1, int]]) -> None:
    """Have each reminder come again so many minutes after it was due."""
    _put(
        connection,
        [
            _row(each, FOLLOW_UP, each.due_at + timedelta(minutes=minutes), held=False)
            for each, minutes in reminders
        ],
    )


def put_off(connection: Connection, **columns: Any) -> None:
    """Have a date and slot come again at `due_at` alone, instead of what else waits of it."""
    is_of_it = of_slot(columns["habit_id"], columns["local_date"], columns["slot"])
    connection.execute(delete(WAITING_REMINDERS).where(is_of_it))
    _put(connection, [{**columns, "is_held": False}])


def of_slot(habit_id: str, local_date: date, slot: int) -> ColumnElement[bool]:
    """Return the condition that a row is of that date and slot."""
    return and_(
        _columns.habit_id == habit_id, _columns.local_date == local_date, _columns.slot == slot
    )


def look_again(connection: Connection, account_id: str) -> None:
    """Have the next tick decide anew, together, on what is held of an account."""
    connection.execute(
        update(WAITING_REMINDERS)
        .where(_columns.account_id == account_id, _columns.is_held)
        .values(due_at=func.statement_timestamp())
    )


def take_due(
    connection: Connection, account_ids: Sequence[str], due_until: datetime, limit: int
) -> list[dict[str, Any]]:
    """Take what is due of accounts out of the table, one account after the other."""
    key = tuple(WAITING_REMINDERS.primary_key)
    due = (
        select(*key)
        .where(_columns.account_id.in_(account_ids), _columns.due_at <= due_until)
        .order_by(_columns.account_id, _columns.due_at)
        .limit(limit)
    )
    taken = delete(WAITING_REMINDERS).where(tuple_(*key).in_(due)).returning(WAITING_REMINDERS)
    return [dict(row) for row in connection.execute(taken).mappings()]


def _row(reminder: ReminderDueV1, again: str, due_at: datetime, *, held: bool) -> dict[str, Any]:
    return {
        "habit_id": reminder.habit_id,
        "local_date": reminder.local_date,
        "slot": reminder.slot,
        "again": again,
        "account_id": reminder.account_id,
        "local_time": reminder.local_time,
        "due_at": due_at,
        "is_held": held,
    }


def _put(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(WAITING_REMINDERS).on_conflict_do_nothing(), rows)
