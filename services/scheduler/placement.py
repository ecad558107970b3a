"""Writes a habit's place on the schedule: its next occurrence, or that and why it has none.

All columns of a place are written together, so that a row never mixes an old place with a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, assert_never

from sqlalchemy import Connection, bindparam, update

from services.scheduler.recurrence import TZDATA_VERSION
from services.scheduler.schedule import Parked, Plan, Scheduled, Unscheduled
from services.scheduler.tables import HABITS

OFF_THE_SCHEDULE: dict[str, Any] = {
    "anchor_date": None,
    "next_local_date": None,
    "next_due_at": None,
    "tzdata_version": None,
    "parked_reason": None,
}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a habit goes on the schedule, and the latest date announced for it."""

    habit_id: str
    plan: Plan
    last_local_date: date | None


def place(connection: Connection, placements: Sequence[Placement]) -> None:
    """Move habits to their places on the schedule."""
    if not placements:
        return
    statement = update(HABITS).where(HABITS.c.habit_id == bindparam("placed_habit_id"))
    connection.execute(statement, [_placement_columns(placement) for placement in placements])


def _placement_columns(placement: Placement) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "placed_habit_id": placement.habit_id,
        "last_local_date": placement.last_local_date,
        **OFF_THE_SCHEDULE,
    }
    match placement.plan:
        case Scheduled(anchor_date=anchor_date, occurrence=occurrence):
            columns |= {
                "anchor_date": anchor_date,
                "next_local_date": occurrence.local_date,
                "next_due_at": occurrence.due_at,
                "tzdata_version": TZDATA_VERSION,
            }
        case Parked(reason=reason):
            columns |= {"parked_reason": reason, "tzdata_version": TZDATA_VERSION}
        case Unscheduled():
            pass
        case _:
            assert_never(placement.plan)
    return columns
