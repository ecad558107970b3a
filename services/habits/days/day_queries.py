"""Reading days: of one habit, of all of an account's as a grid, and what is due today."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date as local_date
from datetime import datetime
from datetime import time as local_time
from uuid import UUID

from sqlalchemy import Engine

from services.habits import read_model
from services.habits.account_clock import AccountClock, read_clock
from services.habits.days import day_table
from services.habits.days.day_events import RecordedDay
from services.habits.habit import owned
from services.habits.habit_events import ActiveHabit, HabitEvent, NoHabit
from services.habits.schedule_spans import dates_of, recurrence_of, spans_in_force
from services.habits.stored_events import HabitStore
from shared import instants
from shared.database import transaction


@dataclass(frozen=True, slots=True)
class GridRow:
    """A habit with the dates it is due on and the days that are recorded."""

    habit: ActiveHabit
    scheduled: list[local_date]
    days: list[RecordedDay]


@dataclass(frozen=True, slots=True)
class DueToday:
    """A habit that is due today, at which times, and what is recorded of the day."""

    habit: ActiveHabit
    day: RecordedDay | None
    times: tuple[local_time, ...]


class DayQueries:
    """What can be read of days. Every method raises AccountErased for an erased account."""

    def __init__(
        self, engine: Engine, store: HabitStore, now: Callable[[], datetime] = instants.now
    ) -> None:
        self._engine = engine
        self._store = store
        self._now = now

    def of_habit(
        self, habit_id: UUID, reader: UUID, first: local_date, last: local_date
    ) -> list[RecordedDay]:
        """Return a habit's recorded days, oldest first. Raises HabitNotFound, NotTheOwner."""
        with transaction(self._engine) as connection:
            read_clock(connection, reader)
            owned(read_model.find(connection, habit_id) or NoHabit(), reader)
            return day_table.of_habit(connection, habit_id, first, last)

    def grid(self, reader: UUID, first: local_date, last: local_date) -> list[GridRow]:
        """Return all the reader's habits, oldest first, with their days.

        Two statements; one more if a schedule has changed since `first`.
        """
        with transaction(self._engine) as connection:
            clock = read_clock(connection, reader)
            found = day_table.with_habits(connection, read_model.kept_by(reader), first, last)
            habits = [clock.settled(habit) for habit, _ in found]
            changed = [each.id for each in habits if clock.date_of(each.timing_since) > first]
            events = self._store.read_each(connection, changed) if changed else {}
        return [
            GridRow(habit, _scheduled(habit, events.get(habit.id), clock, first, last), days)
            for habit, (_, days) in zip(habits, found, strict=True)
        ]

    def today(self, reader: UUID) -> tuple[local_date, list[DueToday]]:
        """Return the account's date and what is due on it, by time; two statements."""
        with transaction(self._engine) as connection:
            clock = read_clock(connection, reader)
            today = clock.today(self._now())
            found = day_table.with_habits(connection, read_model.kept_by(reader), today, today)
        due = [
            DueToday(habit, next(iter(days), None), habit.details.times)
            for habit, days in ((clock.settled(habit), days) for habit, days in found)
            if not habit.details.is_pleasant and _is_due(habit, today)
        ]
        return today, sorted(due, key=lambda item: item.times)


def _is_due(habit: ActiveHabit, day: local_date) -> bool:
    recurrence = recurrence_of(habit)
    return recurrence is not None and any(recurrence.dates(day, day))


def _scheduled(
    habit: ActiveHabit,
    events: list[HabitEvent] | None,
    clock: AccountClock,
    first: local_date,
    last: local_date,
) -> list[local_date]:
    """Return the dates a habit is due on, by the schedule of each; None: it has not changed."""
    if events is not None:
        return list(dates_of(spans_in_force(events, clock.date_of), first, last))
    recurrence = recurrence_of(habit)
    return [] if recurrence is None else list(recurrence.dates(first, last))
