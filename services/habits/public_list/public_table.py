"""Reading the published habits from the table `habits`: what is searched for, in which order."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, FromClause, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.habits import read_model
from services.habits.habit_events import ActiveHabit
from services.habits.pagination import PageRequest
from services.habits.tables import habit_copies, habits

_Order = tuple[ColumnElement[Any], ...]


class Order(StrEnum):
    """`copied`: the one that was copied most often first."""

    OLDEST = "oldest"
    NEWEST = "newest"
    COPIED = "copied"


_COPIES = func.coalesce(habit_copies.c.copies, 0)
_ORDERS: dict[Order, _Order] = {
    Order.OLDEST: (habits.c.created_at, habits.c.id),
    Order.NEWEST: (habits.c.created_at.desc(), habits.c.id.desc()),
    Order.COPIED: (_COPIES.desc(), habits.c.created_at, habits.c.id),
}


def published(text: str | None) -> ColumnElement[bool]:
    """Mean the published habits; those whose action or place contains a text, if one is given."""
    if text is None:
        return read_model.published()
    pattern = f"%{_escaped(text)}%"
    found = or_(habits.c.action.ilike(pattern), habits.c.place.ilike(pattern))
    return read_model.published() & found


def page(
    connection: Connection, which: ColumnElement[bool], order: Order, asked: PageRequest
) -> list[ActiveHabit]:
    """Return one page. What is before it is passed over in the index, without its rows."""
    in_order = _ORDERS[order]
    source: FromClause = habits
    if order is Order.COPIED:
        source = habits.outerjoin(habit_copies, habit_copies.c.habit_id == habits.c.id)
    ids = (
        select(habits.c.id, func.row_number().over(order_by=in_order).label("place"))
        .select_from(source)
        .where(which)
        .order_by(*in_order)
        .offset(asked.offset)
        .limit(asked.page_size)
        .subquery()
    )
    rows = connection.execute(
        select(habits).join(ids, ids.c.id == habits.c.id).order_by(ids.c.place)
    )
    return [read_model.from_row(row) for row in rows]


def count_copy(connection: Connection, habit_id: UUID) -> None:
    """Count that a habit was copied once more."""
    first = insert(habit_copies).values(habit_id=habit_id, copies=1)
    connection.execute(
        first.on_conflict_do_update(
            index_elements=["habit_id"], set_={"copies": habit_copies.c.copies + 1}
        )
    )


def _escaped(text: str) -> str:
    """Return a text that stands for itself in a pattern of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
