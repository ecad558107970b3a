"""What can be done with everybody's published habits: reading them, and copying one."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import Engine

from services.habits import read_model
from services.habits.command_handling import HabitCommands
from services.habits.habit import HabitNotFound
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import ActiveHabit
from services.habits.pagination import PageRequest
from services.habits.public_list import public_table
from services.habits.public_list.public_table import Order
from services.habits.public_list.published_count import PublishedCount
from shared.database import transaction
from shared.http.idempotency import RequestKey


class PublicList:
    """Reads pages and makes copies."""

    def __init__(self, engine: Engine, commands: HabitCommands) -> None:
        self._engine = engine
        self._commands = commands
        self._published = PublishedCount()

    def page(
        self, asked: PageRequest, text: str | None = None, order: Order = Order.OLDEST
    ) -> tuple[int, list[ActiveHabit]]:
        """Return the number of published habits that contain the text, and one page of them."""
        which = public_table.published(text)
        with transaction(self._engine) as connection:
            if text is None:
                count = self._published.current(connection)
            else:
                count = read_model.count(connection, which)
            if asked.offset >= count:
                return count, []
            return count, public_table.page(connection, which, order, asked)

    def copy(self, by: UUID, habit_id: UUID, key: RequestKey | None = None) -> ActiveHabit:
        """Make a habit of one's own out of a published one.

        Raises HabitNotFound for one that is not published; else as HabitCommands.create.
        """
        with transaction(self._engine) as connection:
            habit = read_model.find(connection, habit_id)
        if habit is None or not read_model.is_public(habit):
            raise HabitNotFound
        return self._commands.create(by, _copied(habit.details), key, copied_from=habit_id)


def _copied(details: HabitDetails) -> HabitDetails:
    begins_today = replace(details, start_date=None, end_date=None, paused_until=None)
    return replace(begins_today, is_published=False, linked_habit_id=None)
