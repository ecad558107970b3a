"""Habits as the API shows them: to their owner, and to everybody else."""

from dataclasses import replace
from typing import Any

from services.habits.habit_details import all_details
from services.habits.habit_events import ActiveHabit
from shared.recurrence.schedules import schedule_to_json


def representation(habit: ActiveHabit) -> dict[str, Any]:
    """Return what the owner may read."""
    return {
        "id": str(habit.id),
        **all_details(habit.details),
        "time": habit.details.time,
        "period_days": habit.details.period_days,
        "schedule": schedule_to_json(habit.details.schedule),
        "start_date": habit.first_date,
        "archived_at": habit.archived_at,
        "created_at": habit.created_at,
        "updated_at": habit.updated_at,
        "version": habit.version,
    }


def public_representation(habit: ActiveHabit) -> dict[str, Any]:
    """Return what everybody may read of a published habit."""
    # A link joins habits of one owner, so showing it would tell which habits share one; a pause
    # tells of somebody's life.
    details = replace(habit.details, linked_habit_id=None, paused_until=None)
    return representation(replace(habit, details=details))
