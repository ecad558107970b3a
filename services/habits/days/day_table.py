"""The table `days`: what is recorded of each day now, written in the transaction of the events.

A row is a function of its stream alone, so `rebuild_read_model.py` makes identical rows. It is the
whole state, so commands begin from it; a day that is empty again has no row, only its stream.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date as local_date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.habits import read_model
from services.habits.days.day_events import (
    Channel,
    DayRecord,
    DayState,
    DayStatus,
    EmptyDay,
    RecordedDay,
    day_id,
)
from services.habits.days.stored_days import slots_from_json, slots_to_json
from services.habits.habit_events import ActiveHabit
from services.habits.tables import days, habits, streams

_PREFIX = "day_"
_COLUMNS = [column.label(_PREFIX + column.name) for column in days.c]


def load(connection: Connection, day_ids: Collection[UUID]) -> dict[UUID, DayState]:
    """Return the states of days, by one statement; of those without a stream, the empty day."""
    rows = connection.execute(
        select(streams.c.id, streams.c.version, *_COLUMNS)
        .select_from(streams.outerjoin(days, days.c.id == streams.c.id))
        .where(streams.c.id.in_(day_ids))
    )
    states: dict[UUID, DayState] = {each: EmptyDay() for each in day_ids}
    for row in rows:
        states[row.id] = _from_row(row) or EmptyDay(version=row.version)
    return states


def write(connection: Connection, states: Mapping[UUID, DayState]) -> None:
    """Make the rows match the states. The streams must have been advanced in this transaction."""
    rows = [to_row(state) for state in states.values() if isinstance(state, RecordedDay)]
    empty = [each for each, state in states.items() if isinstance(state, EmptyDay)]
    if rows:
        insert = upsert(days).values(rows)
        changed = {column.name: insert.excluded[column.name] for column in days.c}
        connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=changed))
    if empty:
        connection.execute(delete(days).where(days.c.id.in_(empty)))


def to_row(day: RecordedDay) -> dict[str, Any]:
    record = day.record
    return {
        "id": day_id(day.habit_id, day.date),
        "habit_id": day.habit_id,
        "owner_id": day.owner_id,
        "date": day.date,
        "status": record.status.value,
        "value": record.value,
        "target_value": record.target_value,
        "unit": record.unit,
        "slots": slots_to_json(record.slots),
        "note": record.note,
        "channel": day.channel.value,
        "recorded_at": day.recorded_at,
        "version": day.version,
    }


def of_habit(
    connection: Connection, habit_id: UUID, first: local_date, last: local_date
) -> list[RecordedDay]:
    """Return what is recorded from `first` to `last`, both included, oldest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(days.c.habit_id == habit_id, days.c.date.between(first, last))
        .order_by(days.c.date)
    )
    return [day for row in rows if (day := _from_row(row)) is not None]


def of_owner(connection: Connection, owner_id: UUID) -> list[RecordedDay]:
    """Return everything that is recorded of an account's days, of deleted habits too."""
    rows = connection.execute(select(*_COLUMNS).where(days.c.owner_id == owner_id))
    return [day for row in rows if (day := _from_row(row)) is not None]


def with_habits(
    connection: Connection, which: ColumnElement[bool], first: local_date, last: local_date
) -> list[tuple[ActiveHabit, list[RecordedDay]]]:
    """Return habits, oldest first, each with its days of those dates, by one statement."""
    joined = habits.outerjoin(
        days, and_(days.c.habit_id == habits.c.id, days.c.date.between(first, last))
    )
    rows = connection.execute(
        select(habits, *_COLUMNS)
        .select_from(joined)
        .where(which)
        .order_by(habits.c.created_at, habits.c.id, days.c.date)
    )
    return _grouped(rows)


def _grouped(rows: Iterable[Row[Any]]) -> list[tuple[ActiveHabit, list[RecordedDay]]]:
    found: list[tuple[ActiveHabit, list[RecordedDay]]] = []
    for row in rows:
        if not found or found[-1][0].id != row.id:
            found.append((read_model.from_row(row), []))
        if (day := _from_row(row)) is not None:
            found[-1][1].append(day)
    return found


def _from_row(row: Row[Any]) -> RecordedDay | None:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for it
    if values["day_id"] is None:
        return None
    return RecordedDay(
        habit_id=values["day_habit_id"],
        owner_id=values["day_owner_id"],
        date=values["day_date"],
        record=DayRecord(
            status=DayStatus(values["day_status"]),
            value=values["day_value"],
            target_value=values["day_target_value"],
            unit=values["day_unit"],
            slots=slots_from_json(values["day_slots"]),
            note=values["day_note"],
        ),
        channel=Channel(values["day_channel"]),
        recorded_at=values["day_recorded_at"],
        version=values["day_version"],
    )
