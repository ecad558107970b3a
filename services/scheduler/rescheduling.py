"""Puts the habits of one account on the schedule anew after a change that decides on it.

What was due before the change, and waits for a tick, is announced first, as it was then: a change
never swallows a reminder. A change that ends reminding (deletion, unlinking, a pleasant habit)
does swallow it, since it takes effect at once. The caller holds the locks of the account and of
the habits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import Connection, func, select

from services.scheduler.announcing import announce
from services.scheduler.overdue import settle_overdue
from services.scheduler.placement import Placement, place
from services.scheduler.projection import linked_actions, zone_periods
from services.scheduler.recurrence import TZDATA_VERSION
from services.scheduler.reminder_messages import ReminderMessage, messages_about
from services.scheduler.schedule import (
    Habit,
    Owner,
    Parked,
    Plan,
    Scheduled,
    Unscheduled,
    plan,
    recurrence_of,
)

# One habit's overdue occurrences: more than a lifetime of days, so a change never leaves some
# behind.
_MAX_OVERDUE = 30_000


@dataclass(frozen=True, slots=True)
class HabitChange:
    """A habit before and after a change; both are the same when only its owner has changed."""

    before: Habit | None
    after: Habit


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """The owner before and after, and the instant of the change."""

    before: Owner
    after: Owner
    changed_at: datetime


def reschedule(
    connection: Connection,
    owner: OwnerChange,
    habits: Sequence[HabitChange],
    grace: timedelta,
) -> list[ReminderMessage]:
    """Place the habits anew; return what was announced on the way."""
    zones = zone_periods(connection, owner.after.account_id)
    announced: list[ReminderMessage] = []
    placements: list[Placement] = []
    for habit in habits:
        after = habit.after
        new_plan = plan(after, owner.after, zones)
        if habit.before is not None and not _keeps(new_plan, habit.before):
            messages = _overdue_messages(connection, owner, habit.before, grace)
            announced += announce(connection, messages)
            if messages:
                after = replace(after, last_local_date=messages[-1].local_date)
                new_plan = plan(after, owner.after, zones)
        if not _is_in_place(habit.after, new_plan):
            placements.append(Placement(after.habit_id, new_plan, after.last_local_date))
    place(connection, placements)
    return announced


def _keeps(new_plan: Plan, before: Habit) -> bool:
    """Whether what the habit waited for is either still to come or no longer wanted."""
    match new_plan:
        case Unscheduled():
            return True
        case Scheduled(occurrence=occurrence):
            return occurrence == before.upcoming()
        case Parked():
            return False
        case _:
            assert_never(new_plan)


def _is_in_place(habit: Habit, new_plan: Plan) -> bool:
    match new_plan:
        case Unscheduled():
            return habit.next_due_at is None and habit.parked_reason is None
        case Scheduled(anchor_date=anchor_date, occurrence=occurrence):
            return (anchor_date, occurrence, TZDATA_VERSION) == (
                habit.anchor_date,
                habit.upcoming(),
                habit.tzdata_version,
            )
        case Parked():
            return False
        case _:
            assert_never(new_plan)


def _overdue_messages(
    connection: Connection, owner: OwnerChange, habit: Habit, grace: timedelta
) -> list[ReminderMessage]:
    """Return what there is to say about what was due before the change."""
    upcoming = habit.upcoming()
    if upcoming is None or habit.anchor_date is None or owner.before.time_zone is None:
        return []
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    until = min(owner.changed_at, now)
    if upcoming.due_at > until:
        return []
    overdue = settle_overdue(
        recurrence_of(habit, owner.before.time_zone, habit.anchor_date),
        upcoming,
        until=until,
        now=now,
        grace=grace,
        limit=_MAX_OVERDUE,
    )
    linked_action = linked_actions(connection, [habit]).get(habit.habit_id)
    return messages_about(
        habit, owner.before, overdue, linked_action=linked_action, now=now, grace=grace
    )
