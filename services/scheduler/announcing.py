"""Announces reminders to the other services, each (habit, local date, slot) once.

Everybody hears of each reminder by itself, the notifier of those that an account has at one
instant together, so that it can send them as one.

The record's primary key decides: only the transaction that inserts it adds the event to the
outbox, and both are committed together. Taking the key away makes a reminder that is computed
twice be sent twice.
"""

from collections.abc import Sequence
from typing import assert_never

from prometheus_client import Counter, Histogram
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from services.scheduler.reminder_messages import ReminderMessage, due_together
from services.scheduler.tables import REMINDERS
from shared.contracts.events import (
    REMINDER_DUE,
    REMINDER_MISSED,
    ReminderDueV1,
    ReminderMissedV1,
)
from shared.contracts.reminder_group import group_to_json
from shared.contracts.topology import REMINDERS as REMINDERS_QUEUE
from shared.instants import now
from shared.outbox.table import add_events, add_messages

SOURCE = "/services/scheduler"

_announced = Counter("scheduler_reminders_total", "Reminders announced, by outcome", ["outcome"])
_lag = Histogram(
    "scheduler_due_to_announced_seconds",
    "From a reminder's due instant to the commit of its announcement",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600),
)


def announce(connection: Connection, messages: Sequence[ReminderMessage]) -> list[ReminderMessage]:
    """Record the reminders and add the new ones to the outbox; return the new ones."""
    if not messages:
        return []
    record = insert(REMINDERS).on_conflict_do_nothing()
    recorded = connection.execute(
        record.returning(REMINDERS.c.habit_id, REMINDERS.c.local_date, REMINDERS.c.slot),
        [
            {
                "habit_id": message.habit_id,
                "local_date": message.local_date,
                "slot": message.slot,
                "outcome": _outcome(message),
                "due_at": message.due_at,
            }
            for message in messages
        ],
    )
    new_keys = {(row.habit_id, row.local_date, row.slot) for row in recorded}
    new = [each for each in messages if (each.habit_id, each.local_date, each.slot) in new_keys]
    add_events(connection, SOURCE, [(_event_type(each), each.id, each) for each in new])
    groups = due_together(each for each in new if isinstance(each, ReminderDueV1))
    add_messages(
        connection, REMINDERS_QUEUE, ((group.identity, group_to_json(group)) for group in groups)
    )
    return new


def count_announced(messages: Sequence[ReminderMessage]) -> None:
    """Count what has been announced, after its commit."""
    for message in messages:
        _announced.labels(_outcome(message)).inc()
        if isinstance(message, ReminderDueV1):
            _lag.observe((now() - message.due_at).total_seconds())


def _outcome(message: ReminderMessage) -> str:
    match message:
        case ReminderDueV1():
            return "due"
        case ReminderMissedV1():
            return "missed"
        case _:
            assert_never(message)


def _event_type(message: ReminderMessage) -> str:
    match message:
        case ReminderDueV1():
            return REMINDER_DUE
        case ReminderMissedV1():
            return REMINDER_MISSED
        case _:
            assert_never(message)
