"""Puts habits of one account on the schedule anew after a change that decides on it.

What was due under a rule that no longer holds, and has not been announced, is announced first, as
it was then: a change never swallows a reminder, though its event comes late. A change that ends
reminding (deletion, archiving, unlinking, a pleasant habit) does swallow what waits for a tick,
since it takes effect at once. The caller holds the locks of the account and of the habits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import Connection, Engine, func, select

from services.scheduler.announced import Announced, announced_with
from services.scheduler.announcing import Circumstances, announce, count_announced
from services.scheduler.past_states import histories, zone_periods
from services.scheduler.projection import linked_actions, lock_habits_of, lock_owner
from services.scheduler.quiet_hours import end_of_quiet
from services.scheduler.recurrence import TZDATA_VERSION, Occurrence
from services.scheduler.reminder_messages import ReminderMessage, due_message, missed_message
from services.scheduler.rules_over_time import History, PastRule, past_occurrences
from services.scheduler.schedule import (
    Habit,
    Owner,
    Parked,
    Plan,
    Scheduled,
    Unscheduled,
    ZonePeriod,
    anchor_date_of,
    follow_ups_of,
    is_wanted,
    plan,
)
from services.scheduler.schedule_entries import ScheduleEntry, write_entries
from shared.database import transaction
from shared.recurrence.local_dates import UnknownTimeZone

# How far back unannounced reminders are looked for; beyond, only from one that is known to wait.
LOOKED_BACK = timedelta(days=2)
_A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class HabitChange:
    """A habit before and after a change; both are the same when only its owner has changed."""

    before: Habit | None
    after: Habit

    def as_it_was(self) -> Habit:
        """Return the habit with the texts that what is overdue was due with, where known."""
        return self.after if self.before is None or self.before.deleted else self.before


def reschedule_some(
    engine: Engine, account_id: str, is_meant: Callable[[Habit], bool], grace: timedelta
) -> None:
    """Write the entries of some of an account's habits anew, in a transaction of its own."""
    with transaction(engine) as connection:
        owner = lock_owner(connection, account_id)
        habits = filter(is_meant, lock_habits_of(connection, account_id))
        announced = reschedule(
            connection, owner, [HabitChange(None, each) for each in habits], grace
        )
    count_announced(announced)


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """What is known of an account and its habits, by habit id, at the instant `now`."""

    owner: Owner
    zones: list[ZonePeriod]
    histories: dict[str, History]
    linked_actions: dict[str, str]
    now: datetime
    grace: timedelta


def reschedule(
    connection: Connection, owner: Owner, habits: Sequence[HabitChange], grace: timedelta
) -> list[ReminderMessage]:
    """Write the habits' entries anew; return what was announced on the way."""
    if not habits:
        return []
    known = _read(connection, owner, habits, grace)
    overdue: list[ReminderMessage] = []
    entries: list[ScheduleEntry] = []
    for habit in habits:
        messages = _overdue_messages(habit, known)
        after = replace(habit.after, announced=_announced_by(messages, habit.after.announced))
        new_plan = plan(after, owner, known.zones)
        if after != habit.after or not _has_entry(after, new_plan):
            entries.append(ScheduleEntry(after.habit_id, new_plan, after.announced))
        overdue += messages
    follow_ups = follow_ups_of(habit.after for habit in habits)
    circumstances = Circumstances(known.now, {owner.account_id: owner}, follow_ups)
    announced = announce(connection, overdue, circumstances)
    write_entries(connection, entries)
    return announced


def _read(
    connection: Connection, owner: Owner, habits: Sequence[HabitChange], grace: timedelta
) -> _Knowledge:
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    zones = zone_periods(connection, owner.account_id)
    return _Knowledge(
        owner=owner,
        zones=zones,
        histories=histories(connection, owner, zones, [each.after for each in habits]),
        linked_actions=linked_actions(connection, [each.as_it_was() for each in habits]),
        now=now,
        grace=grace,
    )


def _overdue_messages(habit: HabitChange, known: _Knowledge) -> list[ReminderMessage]:
    """Return what there is to say about what was due under rules that no longer hold."""
    time_zone = known.owner.time_zone
    if time_zone is None or not is_wanted(habit.after, known.owner):
        return []
    was = habit.as_it_was()
    after = known.now - LOOKED_BACK
    if was.upcoming is not None:
        after = min(after, was.upcoming.due_at - _A_MOMENT)
    try:
        anchor_date = anchor_date_of(habit.after, known.zones, time_zone)
        passed = list(past_occurrences(known.histories[was.habit_id], anchor_date, after))
    except UnknownTimeZone:
        return []
    newest = {occurrence.slot: occurrence for _, occurrence in passed}
    return [
        _message(was, rule, occurrence, known, is_newest=newest[occurrence.slot] is occurrence)
        for rule, occurrence in passed
    ]


def _message(
    habit: Habit, rule: PastRule, occurrence: Occurrence, known: _Knowledge, *, is_newest: bool
) -> ReminderMessage:
    """As after an outage, the newest of a slot is announced unless it is too late."""
    comes_at = end_of_quiet(known.owner, occurrence.due_at) or occurrence.due_at
    if not is_newest or known.now - comes_at > known.grace:
        return missed_message(habit, occurrence, missed_at=known.now)
    return due_message(
        replace(habit, timing=rule.timing),
        replace(known.owner, time_zone=rule.time_zone),
        occurrence,
        known.linked_actions.get(habit.habit_id),
        known.grace,
        now=known.now,
    )


def _announced_by(
    messages: Sequence[ReminderMessage], announced: Announced | None
) -> Announced | None:
    for message in messages:
        announced = announced_with(announced, message.local_date, message.slot)
    return announced


def _has_entry(habit: Habit, new_plan: Plan) -> bool:
    match new_plan:
        case Unscheduled():
            return habit.upcoming is None and habit.parked_reason is None
        case Scheduled(anchor_date=anchor_date, occurrence=occurrence):
            return (anchor_date, occurrence, TZDATA_VERSION) == (
                habit.anchor_date,
                habit.upcoming,
                habit.tzdata_version,
            )
        case Parked():
            return False
        case _:
            assert_never(new_plan)
