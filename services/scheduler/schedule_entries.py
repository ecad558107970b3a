"""Writes a habit's entry in the schedule: its next occurrence, or that and why it has none.

All columns of an entry are written together, so that a row never mixes an old entry with a new
one; all entries of a transaction are written by one statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import Connection, text

from services.scheduler.announced import Announced
from services.scheduler.recurrence import TZDATA_VERSION
from services.scheduler.schedule import Parked, Plan, Scheduled, Unscheduled

OFF_THE_SCHEDULE: dict[str, Any] = {
    "anchor_date": None,
    "next_local_date": None,
    "next_slot": None,
    "next_due_at": None,
    "tzdata_version": None,
    "parked_reason": None,
}

_WRITE = text(
    """
    UPDATE habits
       SET last_local_date = entry.last_local_date,
           last_slots = entry.last_slots,
           anchor_date = entry.anchor_date,
           next_local_date = entry.next_local_date,
           next_slot = entry.next_slot,
           next_due_at = entry.next_due_at,
           tzdata_version = entry.tzdata_version,
           parked_reason = entry.parked_reason
      FROM unnest(
               CAST(:habit_id AS text[]), CAST(:last_local_date AS date[]),
               CAST(:last_slots AS int[]), CAST(:anchor_date AS date[]),
               CAST(:next_local_date AS date[]), CAST(:next_slot AS int[]),
               CAST(:next_due_at AS timestamptz[]), CAST(:tzdata_version AS text[]),
               CAST(:parked_reason AS text[])
           ) AS entry (habit_id, last_local_date, last_slots, anchor_date, next_local_date,
                       next_slot, next_due_at, tzdata_version, parked_reason)
     WHERE habits.habit_id = entry.habit_id
    """
)


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """What a habit waits for, and what has been announced of it."""

    habit_id: str
    plan: Plan
    announced: Announced | None


def write_entries(connection: Connection, entries: Sequence[ScheduleEntry]) -> None:
    """Write habits' entries in the schedule."""
    if not entries:
        return
    rows = [_columns(entry) for entry in entries]
    connection.execute(_WRITE, {name: [row[name] for row in rows] for name in rows[0]})


def _columns(entry: ScheduleEntry) -> dict[str, Any]:
    announced = entry.announced
    columns: dict[str, Any] = {
        "habit_id": entry.habit_id,
        "last_local_date": announced and announced.date,
        "last_slots": announced and announced.slots,
        **OFF_THE_SCHEDULE,
    }
    match entry.plan:
        case Scheduled(anchor_date=anchor_date, occurrence=occurrence):
            columns |= {
                "anchor_date": anchor_date,
                "next_local_date": occurrence.local_date,
                "next_slot": occurrence.slot,
                "next_due_at": occurrence.due_at,
                "tzdata_version": TZDATA_VERSION,
            }
        case Parked(reason=reason):
            columns |= {"parked_reason": reason, "tzdata_version": TZDATA_VERSION}
        case Unscheduled():
            pass
        case _:
            assert_never(entry.plan)
    return columns
