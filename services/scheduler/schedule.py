"""What an owner and a habit together mean for the schedule. Pure: no clock, no database.

`plan` is a function of the latest state of three aggregates (habit, account, chat link), each
with the instant since when that state holds, told by its owner, and of the last date announced. So
the order in which their events come does not matter, and a late event gives the schedule it would
have given in time.
"""

from dataclasses import dataclass
from datetime import date, datetime, time

from services.scheduler.recurrence import (
    Occurrence,
    Recurrence,
    next_occurrence,
)
from shared.recurrence.local_dates import UnknownTimeZone, local_date_at, time_zone_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An account: its settings and whether a chat is linked. Version 0: nothing heard of it yet."""

    account_id: str
    version: int
    deleted: bool
    time_zone: str | None
    locale: str | None
    is_active: bool
    settings_since: datetime | None
    link_version: int
    is_linked: bool
    linked_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """A habit and its entry in the schedule; `last_local_date` is the latest date announced."""

    habit_id: str
    account_id: str
    version: int
    deleted: bool
    action: str
    place: str
    reward: str | None
    linked_habit_id: str | None
    is_pleasant: bool
    local_time: time
    period_days: int
    created_at: datetime
    timing_since: datetime
    anchor_date: date | None
    next_local_date: date | None
    next_due_at: datetime | None
    last_local_date: date | None
    tzdata_version: str | None
    parked_reason: str | None

    def upcoming(self) -> Occurrence | None:
        """Return the occurrence this habit waits for, overdue or not."""
        if self.next_local_date is None or self.next_due_at is None:
            return None
        return Occurrence(local_date=self.next_local_date, due_at=self.next_due_at)


@dataclass(frozen=True, slots=True)
class ZonePeriod:
    """An account's time zone from an instant on, and whether the account was active in it."""

    since: datetime
    time_zone: str
    version: int = 0
    is_active: bool | None = None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The habit is reminded of next at this occurrence."""

    anchor_date: date
    occurrence: Occurrence


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """Nobody wants, or nobody can get, this habit's reminders."""


@dataclass(frozen=True, slots=True)
class Parked:
    """The habit should be reminded of, but its next occurrence cannot be computed."""

    reason: str


Plan = Scheduled | Unscheduled | Parked


def plan(habit: Habit, owner: Owner, zone_periods: list[ZonePeriod]) -> Plan:
    """Return what the habit waits for.

    `zone_periods` are the owner's time zones, oldest first. The next occurrence is the first
    after the instant since when everything that decides on it holds, not after the time of
    processing: a habit created just before its minute is still reminded of, however late its
    event comes.
    """
    if habit.deleted or habit.is_pleasant or not (owner.is_active and owner.is_linked):
        return Unscheduled()
    if owner.time_zone is None or owner.settings_since is None or owner.linked_since is None:
        return Unscheduled()
    since = max(habit.timing_since, owner.settings_since, owner.linked_since)
    try:
        anchor_date = anchor_date_of(habit, zone_periods, owner.time_zone)
        recurrence = recurrence_of(habit, owner.time_zone, anchor_date)
        occurrence = next_occurrence(recurrence, since, habit.last_local_date)
    except (UnknownTimeZone, OverflowError) as error:
        return Parked(str(error))
    return Scheduled(anchor_date=anchor_date, occurrence=occurrence)


def anchor_date_of(habit: Habit, zone_periods: list[ZonePeriod], current_zone: str) -> date:
    """Return the day of a habit's creation, a date of its owner's time zone of then.

    Raises UnknownTimeZone.
    """
    then = time_zone_at(zone_periods, habit.created_at) or current_zone
    return local_date_at(habit.created_at, then)


def recurrence_of(habit: Habit, time_zone: str, anchor_date: date) -> Recurrence:
    """Return the rule a habit follows in a time zone."""
    return Recurrence(
        time_zone=time_zone,
        local_time=habit.local_time,
        period_days=habit.period_days,
        anchor_date=anchor_date,
    )
