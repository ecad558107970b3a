"""From a row of `habits` to the habit, and from a told state to the columns that keep it."""

from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping

from services.scheduler.announced import known_announced
from services.scheduler.recurrence import Occurrence
from services.scheduler.schedule import Habit
from services.scheduler.timing import read_timing, timing_columns, timing_of
from shared.contracts.events import HabitStateV1, HabitStateV2


def habit_of(row: RowMapping) -> Habit:
    """Return the habit of a whole row."""
    columns = dict(row)
    local_date, due_at = columns.pop("next_local_date"), columns.pop("next_due_at")
    slot = columns.pop("next_slot") or 0
    return Habit(
        target_value=_number(columns.pop("target_value")),
        timing=read_timing(columns),
        upcoming=None if due_at is None else Occurrence(local_date, due_at, slot),
        announced=known_announced(columns.pop("last_local_date"), columns.pop("last_slots")),
        **columns,
    )


def state_columns(state: HabitStateV1 | HabitStateV2) -> dict[str, Any]:
    """Return what is kept of a state. A deleted one keeps no text.

    Raises ValueError for a timing that nobody could follow.
    """
    return {
        "habit_id": state.id,
        "account_id": state.owner_id,
        "version": state.version,
        "deleted": state.deleted,
        "action": "" if state.deleted else state.action,
        "place": "" if state.deleted else state.place,
        "reward": None if state.deleted else state.reward,
        "linked_habit_id": None if state.deleted else state.linked_habit_id,
        "is_pleasant": state.is_pleasant,
        "is_archived": is_archived(state),
        **_second_edition(state),
        **timing_columns(timing_of(state)),
        "created_at": state.created_at,
        "timing_since": state.timing_since or state.updated_at,
    }


def _second_edition(state: HabitStateV1 | HabitStateV2) -> dict[str, Any]:
    """Return what only the second version of a habit's events tells."""
    names = ("target_value", "unit", "follow_up_minutes")
    return {name: None if state.deleted else getattr(state, name, None) for name in names}


def _number(value: Decimal | None) -> int | float | None:
    """Return a number as JSON writes it: 3, not 3.0."""
    if value is None:
        return None
    return int(value) if value == int(value) else float(value)


def is_archived(state: HabitStateV1 | HabitStateV2) -> bool:
    """Whether the habit is in the archive; the first version of its events does not know one."""
    return isinstance(state, HabitStateV2) and state.archived_at is not None
