"""Reading statistics: of one habit and of all of an account's; four statements, however many."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date as local_date
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, select

from services.habits import read_model
from services.habits.account_clock import AccountClock, read_clock
from services.habits.days.day_events import DayStatus
from services.habits.habit import owned
from services.habits.habit_events import ActiveHabit, NoHabit
from services.habits.schedule_spans import spans_in_force
from services.habits.statistics.judged_days import Answer
from services.habits.statistics.lived_dates import LivedDates
from services.habits.statistics.statistics import Statistics, statistics_of
from services.habits.stored_events import HabitStore
from services.habits.tables import days
from shared import instants
from shared.database import transaction

Answers = dict[local_date, Answer]

_STATUSES = {status.value: status for status in DayStatus}


@dataclass(frozen=True, slots=True)
class StatisticsAsOf:
    """Statistics of habits, oldest habit first, and the date they are of."""

    as_of: local_date
    results: list[Statistics]


class StatisticsQueries:
    """What days come to. Every method raises AccountErased for an erased account.

    `as_of` is the last date that counts, by default the account's today.
    """

    def __init__(
        self, engine: Engine, store: HabitStore, now: Callable[[], datetime] = instants.now
    ) -> None:
        self._engine = engine
        self._store = store
        self._now = now

    def of_habit(self, habit_id: UUID, reader: UUID, as_of: local_date | None) -> StatisticsAsOf:
        """Return the statistics of one habit. Raises HabitNotFound, NotTheOwner."""
        with transaction(self._engine) as connection:
            clock = read_clock(connection, reader)
            habit = owned(read_model.find(connection, habit_id) or NoHabit(), reader)
            return self._of(connection, [habit], clock, as_of)

    def of_all(self, reader: UUID, as_of: local_date | None) -> StatisticsAsOf:
        """Return the statistics of all the reader's habits that are not archived."""
        with transaction(self._engine) as connection:
            clock = read_clock(connection, reader)
            kept = read_model.all_of(connection, read_model.kept_by(reader))
            return self._of(connection, kept, clock, as_of)

    def _of(
        self,
        connection: Connection,
        habits: list[ActiveHabit],
        clock: AccountClock,
        as_of: local_date | None,
    ) -> StatisticsAsOf:
        today = clock.today(self._now())
        as_of = today if as_of is None else as_of
        habit_ids = [habit.id for habit in habits]
        events = self._store.read_each(connection, habit_ids)
        answers = _answers(connection, habit_ids, as_of)
        lived = LivedDates(clock)
        results = [
            statistics_of(
                habit,
                spans_in_force(events[habit.id], clock.date_of),
                answers[habit.id],
                as_of=as_of,
                today=today,
                was_there=lived.__contains__,
            )
            for habit in habits
        ]
        return StatisticsAsOf(as_of, results)


def _answers(
    connection: Connection, habit_ids: Collection[UUID], last: local_date
) -> dict[UUID, Answers]:
    rows = connection.execute(
        select(days.c.habit_id, days.c.date, days.c.status, days.c.value, days.c.target_value)
        .where(days.c.habit_id.in_(habit_ids), days.c.date <= last)
        .order_by(days.c.habit_id, days.c.date)
    )
    found: dict[UUID, Answers] = {habit_id: {} for habit_id in habit_ids}
    for habit_id, date, status, value, target_value in rows:
        found[habit_id][date] = Answer(_STATUSES[status], value, target_value)
    return found
