"""Announces reminders to the other services, each (habit, local date, slot) once.

What is answered already, and what is due while its account wants to hear of nothing, is recorded
and told to nobody; what is due in quiet hours waits for their end.

Everybody hears of each reminder by itself, the notifier of those that an account has at one
instant together, so that it can send them as one.

The record's primary key decides: only the transaction that inserts it adds the event to the
outbox, and both are committed together. Taking the key away makes a reminder that is computed
twice be sent twice.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, assert_never

from prometheus_client import Counter, Histogram
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from services.scheduler.heard_days import answered_among
from services.scheduler.reminder_messages import ReminderMessage, again_of, due_together
from services.scheduler.schedule import Owner
from services.scheduler.tables import REMINDERS
from services.scheduler.waiting_reminders import follow_up, hold
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

Outcome = Literal["due", "missed", "answered", "muted", "held"]

_announced = Counter("scheduler_reminders_total", "Reminders announced, by outcome", ["outcome"])
_lag = Histogram(
    "scheduler_due_to_announced_seconds",
    "From a reminder's due instant to the commit of its announcement",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600),
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides beside the reminders: when it is, whose they are, and what comes after them.

    `follow_ups` are minutes by habit id.
    """

    now: datetime
    owners: Mapping[str, Owner]
    follow_ups: Mapping[str, int] = field(default_factory=dict)


def announce(
    connection: Connection, messages: Sequence[ReminderMessage], circumstances: Circumstances
) -> list[ReminderMessage]:
    """Record the reminders and add the new ones to the outbox; return those that are told."""
    if not messages:
        return []
    due = [each for each in messages if isinstance(each, ReminderDueV1)]
    answered = answered_among(connection, due)
    outcomes = {each.id: _outcome(each, answered, circumstances) for each in messages}
    hold(connection, [each for each in due if outcomes[each.id] == "held"])
    decided = [each for each in messages if outcomes[each.id] != "held"]
    new = _record(connection, decided, outcomes)
    told = [each for each in new if outcomes[each.id] in {"due", "missed"}]
    add_events(connection, SOURCE, [(_event_type(each), each.id, each) for each in told])
    told_due = [each for each in told if isinstance(each, ReminderDueV1)]
    add_messages(
        connection,
        REMINDERS_QUEUE,
        ((group.identity, group_to_json(group)) for group in due_together(told_due)),
    )
    minutes = circumstances.follow_ups
    follow_up(
        connection,
        [(each, minutes[each.habit_id]) for each in told_due if each.habit_id in minutes],
    )
    return told


def _outcome(
    message: ReminderMessage, answered: Container[str], circumstances: Circumstances
) -> Outcome:
    if isinstance(message, ReminderMissedV1):
        return "missed"
    if message.id in answered:
        return "answered"
    if message.due_at > circumstances.now:
        return "held"
    owner = circumstances.owners.get(message.account_id)
    return "muted" if owner is not None and owner.is_muted(message.due_at) else "due"


def _record(
    connection: Connection, messages: Sequence[ReminderMessage], outcomes: Mapping[str, Outcome]
) -> list[ReminderMessage]:
    """Record what became of reminders; return those of which nothing was known."""
    if not messages:
        return []
    by_key = {_key(each): each for each in messages}
    names = ("habit_id", "local_date", "slot", "again")
    rows = [
        {
            **dict(zip(names, key, strict=True)),
            "outcome": outcomes[message.id],
            "due_at": message.due_at,
        }
        for key, message in by_key.items()
    ]
    record = insert(REMINDERS).on_conflict_do_nothing()
    new = connection.execute(record.returning(*(REMINDERS.c[name] for name in names)), rows).all()
    new_keys = set(map(tuple, new))
    return [message for key, message in by_key.items() if key in new_keys]


def _key(message: ReminderMessage) -> tuple[Any, ...]:
    return message.habit_id, message.local_date, message.slot, again_of(message)


def count_announced(messages: Sequence[ReminderMessage]) -> None:
    """Count what has been announced, after its commit."""
    for message in messages:
        _announced.labels("due" if isinstance(message, ReminderDueV1) else "missed").inc()
        if isinstance(message, ReminderDueV1):
            _lag.observe((now() - message.due_at).total_seconds())


def _event_type(message: ReminderMessage) -> str:
    match message:
        case ReminderDueV1():
            return REMINDER_DUE
        case ReminderMissedV1():
            return REMINDER_MISSED
        case _:
            assert_never(message)
