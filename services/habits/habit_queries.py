"""Reading: pages and single habits from the read model, the history from the events.

Nothing is told of a habit to somebody who may not read it, not even that it exists.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine

from services.habits import read_model
from services.habits.event_store import RecordedEvent
from services.habits.habit import HabitNotFound
from services.habits.habit_details import DetailChanges, HabitDetails, all_details
from services.habits.habit_events import (
    ActiveHabit,
    HabitArchived,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    HabitRestored,
    HabitUnarchived,
    LinkCleared,
)
from services.habits.owners import refuse_erased
from services.habits.pagination import PageRequest
from services.habits.published_count import PublishedCount
from services.habits.quantities import number
from services.habits.stored_events import HabitStore, details_to_json
from services.habits.upcasting import JsonObject
from shared.database import transaction

_PLAIN: dict[type[HabitEvent], str] = {
    HabitArchived: "archived",
    HabitUnarchived: "unarchived",
    HabitDeleted: "deleted",
    HabitRestored: "restored",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryItem:
    """One event as its owner may read it."""

    version: int
    type: str
    at: datetime
    changes: JsonObject


class HabitQueries:
    """What can be read. Methods that name a reader raise AccountErased for an erased account."""

    def __init__(self, engine: Engine, store: HabitStore) -> None:
        self._engine = engine
        self._store = store
        self._published = PublishedCount()

    def own_page(
        self, reader: UUID, page: PageRequest, *, archived: bool = False
    ) -> tuple[int, list[ActiveHabit]]:
        """Return the length of the reader's list, or of the archive, and one page of it."""
        with transaction(self._engine) as connection:
            refuse_erased(connection, reader)
            which = (read_model.archived_by if archived else read_model.kept_by)(reader)
            count = read_model.count(connection, which)
            return count, _page(connection, which, page, count)

    def public_page(self, page: PageRequest) -> tuple[int, list[ActiveHabit]]:
        """Return the number of published habits, and one page of them."""
        with transaction(self._engine) as connection:
            count = self._published.current(connection)
            return count, _page(connection, read_model.published(), page, count)

    def find(self, habit_id: UUID, reader: UUID) -> ActiveHabit:
        """Return a habit of the reader or a published one. Raises HabitNotFound."""
        with transaction(self._engine) as connection:
            refuse_erased(connection, reader)
            habit = read_model.find(connection, habit_id)
        if habit is None or (habit.owner_id != reader and not _is_public(habit)):
            raise HabitNotFound
        return habit

    def history(
        self, habit_id: UUID, reader: UUID, page: PageRequest
    ) -> tuple[int, list[HistoryItem]]:
        """Return the number of a habit's events, and one page of them.

        Raises HabitNotFound for everybody but the owner, and once the habit is deleted.
        """
        with transaction(self._engine) as connection:
            refuse_erased(connection, reader)
            habit = read_model.find(connection, habit_id)
            if habit is None or habit.owner_id != reader:
                raise HabitNotFound
            recorded = self._store.read(
                connection, habit_id, after_version=page.offset, limit=page.page_size
            )
        return habit.version, [_history_item(item) for item in recorded]


def _is_public(habit: ActiveHabit) -> bool:
    return habit.details.is_published and habit.archived_at is None


def _page(
    connection: Connection, which: ColumnElement[bool], page: PageRequest, count: int
) -> list[ActiveHabit]:
    if page.offset >= count:
        return []
    return read_model.page(connection, which, offset=page.offset, limit=page.page_size)


def _history_item(recorded: RecordedEvent[HabitEvent]) -> HistoryItem:
    kind, changes = _told(recorded.event)
    return HistoryItem(version=recorded.version, type=kind, at=recorded.event.at, changes=changes)


def _told(event: HabitEvent) -> tuple[str, JsonObject]:
    match event:
        case HabitCreated(details=details):
            return "created", _created(details)
        case HabitChanged():
            return "changed", _shown(event.changes)
        case LinkCleared():
            return "link_cleared", {"linked_habit_id": None}
        case _:
            return _PLAIN[type(event)], {}


def _shown(changes: DetailChanges) -> JsonObject:
    shown = details_to_json(changes)
    if "target_value" in changes:
        shown["target_value"] = number(changes["target_value"])
    return shown


def _created(details: HabitDetails) -> JsonObject:
    """Return what a habit began with; what came to habits later only where it was used."""
    changes = _shown(all_details(details))
    unused = {name for name in ("target_value", "unit") if changes[name] is None}
    return {name: value for name, value in changes.items() if name not in unused}
