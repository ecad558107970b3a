"""Tells the scheduler what happened, and reads what it made of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Engine, Row, select, text, update

from services.scheduler.event_handlers import handle
from services.scheduler.recurrence import Occurrence
from services.scheduler.schedule import Scheduled
from services.scheduler.schedule_entries import ScheduleEntry, write_entries
from services.scheduler.tables import HABITS, OUTBOX, REMINDERS
from shared.contracts import events
from shared.contracts.cloud_event import CloudEvent
from shared.contracts.events import (
    AccountStateV1,
    ChatLinkStateV1,
    HabitDayStateV1,
    HabitStateV1,
    HabitStateV2,
)
from shared.contracts.reminder_group import read_group
from shared.contracts.topology import EVENTS_EXCHANGE
from shared.database import transaction
from shared.instants import now
from tests.unit.scheduler.states import account_state, link_state

GRACE = timedelta(hours=1)

State = HabitStateV1 | HabitStateV2 | AccountStateV1 | ChatLinkStateV1


@dataclass(frozen=True, slots=True)
class Told:
    """One reminder in the outbox."""

    type: str
    habit_id: str
    local_date: date
    slot: int
    body: dict[str, Any]


def seconds_ago(seconds: float) -> datetime:
    """Return that instant, on a whole second: local times have no fractions."""
    return (now() - timedelta(seconds=seconds)).replace(microsecond=0)


def time_at(instant: datetime) -> time:
    """Return what a wall clock in UTC shows at an instant."""
    return instant.astimezone(UTC).time()


def on_the_date_after(instant: datetime, shown: datetime) -> datetime:
    """Return when a clock in UTC shows the time of `shown` on the date after that of `instant`."""
    return datetime.combine(instant.date() + timedelta(days=1), shown.time(), tzinfo=UTC)


def deliver(engine: Engine, *states: State | HabitDayStateV1, grace: timedelta = GRACE) -> None:
    """Hand each state to the scheduler as the event that carries it."""
    for state in states:
        event = CloudEvent(
            id="event",
            type=type_of(state),
            source="/tests",
            subject="subject",
            time=now(),
            body=state,
        )
        handle(engine, event, grace)


def linked_account(engine: Engine, **changes: Any) -> None:
    """Tell of an account with a linked chat."""
    account = account_state(**changes)
    deliver(engine, account, link_state(account_id=account.id))


def told(engine: Engine) -> list[Told]:
    """Return the public reminders in the outbox, in the order they were put there."""
    return [
        Told(
            row.routing_key,
            row.body["habit_id"],
            date.fromisoformat(row.body["local_date"]),
            row.body["slot"],
            row.body,
        )
        for row in _outbox(engine)
        if row.exchange == EVENTS_EXCHANGE
    ]


def told_together(engine: Engine) -> list[list[str]]:
    """Return the habit ids of each group for the notifier in the outbox, in their order."""
    groups = [
        read_group(json.dumps(row.body).encode())
        for row in _outbox(engine)
        if (row.exchange, row.routing_key) == ("", "reminders")
    ]
    return [[reminder.habit_id for reminder in group.reminders] for group in groups]


def _outbox(engine: Engine) -> Sequence[Row[Any]]:
    with engine.connect() as connection:
        return connection.execute(select(OUTBOX).order_by(OUTBOX.c.id)).all()


def row_of(engine: Engine, habit_id: str = "habit-1") -> Any:
    """Return a habit's row; None when there is none."""
    with engine.connect() as connection:
        query = select(HABITS).where(HABITS.c.habit_id == habit_id)
        return connection.execute(query).one_or_none()


def next_due(engine: Engine, habit_id: str = "habit-1") -> datetime | None:
    """Return when a habit is due next."""
    row = row_of(engine, habit_id)
    due_at: datetime | None = row.next_due_at
    return due_at


def recorded(engine: Engine) -> list[tuple[str, date, str]]:
    """Return the records of announced reminders: habit, date, outcome."""
    query = select(REMINDERS.c.habit_id, REMINDERS.c.local_date, REMINDERS.c.outcome).order_by(
        REMINDERS.c.habit_id, REMINDERS.c.local_date
    )
    with engine.connect() as connection:
        return [(row.habit_id, row.local_date, row.outcome) for row in connection.execute(query)]


def announced_of(engine: Engine, habit_id: str) -> set[tuple[date, int]]:
    """Return the dates and slots of a habit that are recorded as announced."""
    query = select(REMINDERS.c.local_date, REMINDERS.c.slot).where(REMINDERS.c.habit_id == habit_id)
    with engine.connect() as connection:
        return {(row.local_date, row.slot) for row in connection.execute(query)}


def wait_since(engine: Engine, due_at: datetime, habit_id: str = "habit-1") -> None:
    """Put a habit where it would be after an outage: waiting for an occurrence long due."""
    occurrence = Occurrence(due_at.date(), due_at)
    with transaction(engine) as connection:
        anchored = Scheduled(anchor_date=due_at.date(), occurrence=occurrence)
        write_entries(connection, [ScheduleEntry(habit_id, anchored, None)])
        since = due_at - timedelta(seconds=1)
        connection.execute(
            update(HABITS).where(HABITS.c.habit_id == habit_id).values(timing_since=since)
        )


def until_somebody_waits_for_a_lock(engine: Engine) -> None:
    """Return once a session of this database waits for another's lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(5_000):
            if connection.execute(waiting).scalar_one():
                return
    raise AssertionError("nobody waits for a lock")


def type_of(state: State | HabitDayStateV1) -> str:
    """Return the type of the event that carries a state."""
    match state:
        case HabitStateV1():
            return events.HABIT_DELETED if state.deleted else events.HABIT_CHANGED
        case HabitStateV2():
            return events.HABIT_DELETED_V2 if state.deleted else events.HABIT_CHANGED_V2
        case HabitDayStateV1():
            return events.HABIT_DAY_CLEARED if state.cleared else events.HABIT_DAY_RECORDED
        case AccountStateV1():
            return events.ACCOUNT_DELETED if state.deleted else events.ACCOUNT_CHANGED
        case ChatLinkStateV1():
            return f"telegram.{state.status}.v1"
