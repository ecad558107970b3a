"""Reading: pages and single habits from the read model.

Nothing is told of a habit to somebody who may not read it, not even that it exists.
"""

from uuid import UUID

from sqlalchemy import Engine

from services.habits import read_model
from services.habits.account_clock import read_clock
from services.habits.habit import HabitNotFound
from services.habits.habit_events import ActiveHabit
from services.habits.pagination import PageRequest
from shared.database import transaction


class HabitQueries:
    """What can be read. Methods that name a reader raise AccountErased for an erased account."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def own_page(
        self, reader: UUID, page: PageRequest, *, archived: bool = False
    ) -> tuple[int, list[ActiveHabit]]:
        """Return the length of the reader's list, or of the archive, and one page of it."""
        with transaction(self._engine) as connection:
            clock = read_clock(connection, reader)
            count, habits = read_model.own_page(
                connection, reader, archived=archived, offset=page.offset, limit=page.page_size
            )
        return count, [clock.settled(habit) for habit in habits]

    def find(self, habit_id: UUID, reader: UUID) -> ActiveHabit:
        """Return a habit of the reader or a published one. Raises HabitNotFound."""
        with transaction(self._engine) as connection:
            clock = read_clock(connection, reader)
            habit = read_model.find(connection, habit_id)
        if habit is None or (habit.owner_id != reader and not read_model.is_public(habit)):
            raise HabitNotFound
        return clock.settled(habit) if habit.owner_id == reader else habit
