"""The table `habits`: how habits are now, written in the transaction of the events behind it.

A row is a function of its habit's state alone, so `rebuild_read_model.py` makes identical rows.
"""

from collections.abc import Collection
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    Select,
    Uuid,
    bindparam,
    func,
    select,
    true,
)

from services.habits.habit_details import HabitDetails, all_details
from services.habits.habit_events import ActiveHabit, DeletedHabit
from services.habits.tables import habits
from shared.recurrence.schedules import EveryNDays, schedule_from_json, schedule_to_json
from shared.written_together import Write, upsert

_DETAILS = tuple(
    field.name for field in fields(HabitDetails) if field.name not in ("times", "schedule")
)

_OWNER = bindparam("owner_id", type_=Uuid())

_DELETE = """
DELETE FROM habits USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS gone (id uuid)
 WHERE habits.id = gone.id RETURNING 1
"""


def written(habit: ActiveHabit | DeletedHabit) -> Write:
    """Return what makes the row match the state, to go with the event behind it."""
    if isinstance(habit, DeletedHabit):
        return Write("shown", _DELETE, [{"id": habit.id}])
    row = to_row(habit)
    return Write("shown", upsert("habits", tuple(row), "id"), [row])


def to_row(habit: ActiveHabit) -> dict[str, Any]:
    return {
        "id": habit.id,
        "owner_id": habit.owner_id,
        **_details_to_columns(habit.details),
        "created_on": habit.created_on,
        "archived_at": habit.archived_at,
        "created_at": habit.created_at,
        "updated_at": habit.updated_at,
        "timing_since": habit.timing_since,
        "version": habit.version,
    }


def find(connection: Connection, habit_id: UUID) -> ActiveHabit | None:
    row = connection.execute(select(habits).where(habits.c.id == habit_id)).one_or_none()
    return None if row is None else from_row(row)


def find_all(connection: Connection, habit_ids: Collection[UUID]) -> dict[UUID, ActiveHabit]:
    """Return those of the habits that are there, by their ids."""
    rows = connection.execute(select(habits).where(habits.c.id.in_(habit_ids)))
    return {row.id: from_row(row) for row in rows}


def count(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(habits).where(which)).scalar_one()


def page(
    connection: Connection, which: ColumnElement[bool], *, offset: int, limit: int
) -> list[ActiveHabit]:
    """Return habits, oldest first; the id decides between habits of the same instant."""
    rows = connection.execute(
        select(habits)
        .where(which)
        .order_by(habits.c.created_at, habits.c.id)
        .offset(offset)
        .limit(limit)
    )
    return [from_row(row) for row in rows]


def all_of(connection: Connection, which: ColumnElement[bool]) -> list[ActiveHabit]:
    """Return all those habits, oldest first."""
    found = select(habits).where(which).order_by(habits.c.created_at, habits.c.id)
    return [from_row(row) for row in connection.execute(found)]


def own_page(
    connection: Connection, owner_id: UUID, *, archived: bool, offset: int, limit: int
) -> tuple[int, list[ActiveHabit]]:
    """Return how many habits an account keeps, or has archived, and a page of them, oldest first.

    By one statement.
    """
    rows = connection.execute(
        _ARCHIVED_PAGE if archived else _KEPT_PAGE,
        {"owner_id": owner_id, "page_offset": offset, "page_limit": limit},
    ).all()
    return rows[0].length, [from_row(row) for row in rows if row.id is not None]


def number_owned(connection: Connection, owner_id: UUID) -> int:
    """Return how many habits an account has, archived ones among them."""
    return connection.execute(_NUMBER_OWNED, {"owner_id": owner_id}).scalar_one()


def owned_by(owner_id: UUID | BindParameter[UUID]) -> ColumnElement[bool]:
    return habits.c.owner_id == owner_id


def kept_by(owner_id: UUID | BindParameter[UUID]) -> ColumnElement[bool]:
    """Mean the owner's habits that are not archived."""
    return owned_by(owner_id) & habits.c.archived_at.is_(None)


def archived_by(owner_id: UUID | BindParameter[UUID]) -> ColumnElement[bool]:
    return owned_by(owner_id) & habits.c.archived_at.is_not(None)


def _page_of(which: ColumnElement[bool]) -> Select[Any]:
    """Build the statement of a page, once: building it costs as much as running it."""
    length = select(func.count().label("length")).select_from(habits).where(which).subquery()
    page = select(habits).where(which).order_by(habits.c.created_at, habits.c.id)
    found = page.offset(bindparam("page_offset")).limit(bindparam("page_limit")).subquery()
    return (
        select(length, found)
        .select_from(length.outerjoin(found, true()))
        .order_by(found.c.created_at, found.c.id)
    )


_KEPT_PAGE = _page_of(kept_by(_OWNER))
_ARCHIVED_PAGE = _page_of(archived_by(_OWNER))
_NUMBER_OWNED = select(func.count()).select_from(habits).where(owned_by(_OWNER))


def published() -> ColumnElement[bool]:
    # Not `IS true`: the partial index would not be used.
    return habits.c.is_published & habits.c.archived_at.is_(None)


def is_public(habit: ActiveHabit) -> bool:
    return habit.details.is_published and habit.archived_at is None


def linkable_among(
    connection: Connection, owner_id: UUID, habit_ids: Collection[UUID]
) -> frozenset[UUID]:
    """Return those of the ids that are the owner's own pleasant habits."""
    found = connection.execute(
        select(habits.c.id).where(
            habits.c.id.in_(habit_ids), owned_by(owner_id), habits.c.is_pleasant
        )
    )
    return frozenset(found.scalars())


def linked_to(connection: Connection, habit_id: UUID) -> list[UUID]:
    """Return the ids of the habits that are linked to this one."""
    found = connection.execute(
        select(habits.c.id).where(habits.c.linked_habit_id == habit_id).order_by(habits.c.id)
    )
    return list(found.scalars())


def from_row(row: Row[Any]) -> ActiveHabit:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for it
    return ActiveHabit(
        id=values["id"],
        owner_id=values["owner_id"],
        details=_details_from_columns(values),
        created_on=values["created_on"],
        archived_at=values["archived_at"],
        created_at=values["created_at"],
        updated_at=values["updated_at"],
        timing_since=values["timing_since"],
        version=values["version"],
    )


def _details_to_columns(details: HabitDetails) -> dict[str, Any]:
    """Tell a habit in the columns that there have always been, and in new ones only the rest."""
    is_told = details.period_days is not None
    return {
        **all_details(details),
        "time": details.time,
        "times": list(details.times) if len(details.times) > 1 else None,
        "period_days": details.period_days,
        "schedule": None if is_told else schedule_to_json(details.schedule),
    }


def _details_from_columns(values: RowMapping) -> HabitDetails:
    schedule = values["schedule"]
    return HabitDetails(
        **{name: values[name] for name in _DETAILS},
        times=tuple(values["times"] or (values["time"],)),
        schedule=schedule_from_json(schedule) if schedule else EveryNDays(values["period_days"]),
    )
