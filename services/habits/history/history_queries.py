"""Reading the past of a habit: what happened to it, and how it was at an instant."""

from datetime import datetime
from itertools import takewhile
from uuid import UUID

from sqlalchemy import Engine

from services.habits import read_model
from services.habits.account_clock import read_clock
from services.habits.habit import HabitNotFound
from services.habits.habit_events import ActiveHabit, evolve_all
from services.habits.history import changes
from services.habits.history.changes import Change
from services.habits.owners import refuse_erased
from services.habits.pagination import PageRequest
from services.habits.stored_events import HabitStore
from shared.database import transaction


class HistoryQueries:
    """What can be read of the past. Every method raises AccountErased for an erased account."""

    def __init__(self, engine: Engine, store: HabitStore) -> None:
        self._engine = engine
        self._store = store

    def page(self, habit_id: UUID, reader: UUID, page: PageRequest) -> tuple[int, list[Change]]:
        """Return the number of changes of a habit and its days, and one page of them.

        Raises HabitNotFound for everybody but the owner, and once the habit is deleted.
        """
        with transaction(self._engine) as connection:
            refuse_erased(connection, reader)
            habit = read_model.find(connection, habit_id)
            if habit is None or habit.owner_id != reader:
                raise HabitNotFound
            count = changes.number_of_habit(connection, habit_id)
            if page.offset >= count:
                return count, []
            return count, changes.of_habit(
                connection, habit_id, offset=page.offset, limit=page.page_size
            )

    def habit_at(self, habit_id: UUID, reader: UUID, instant: datetime) -> ActiveHabit:
        """Return the reader's habit as it was at an instant, whatever became of it since.

        Raises HabitNotFound where it was not there.
        """
        with transaction(self._engine) as connection:
            clock = read_clock(connection, reader)
            events = self._store.read_each(connection, [habit_id])[habit_id]
        state = evolve_all(takewhile(lambda event: event.at <= instant, events))
        if not isinstance(state, ActiveHabit) or state.owner_id != reader:
            raise HabitNotFound
        return clock.settled(state)
