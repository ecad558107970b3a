"""What an owner and a habit together mean for the schedule. Pure: no clock, no database.

`plan` is a function of the latest state of three aggregates (habit, account, chat link), each
with the instant since when that state holds, told by its owner, and of what has been announced. So
the order in which their events come does not matter, and a late event gives the schedule it would
have given in time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from services.scheduler.announced import Announced
from services.scheduler.recurrence import (
    Occurrence,
    Recurrence,
    next_occurrence,
)
from services.scheduler.timing import Timing
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
    quiet_from: time | None = None
    quiet_to: time | None = None
    muted_at: datetime | None = None
    muted_until: datetime | None = None

    def is_muted(self, at: datetime) -> bool:
        """Whether the account wanted to be reminded of nothing at that instant."""
        if self.muted_at is None or self.muted_until is None:
            return False
        return self.muted_at <= at < self.muted_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """A habit and its entry in the schedule: what it waits for, and what has been announced."""

    habit_id: str
    account_id: str
    version: int
    deleted: bool
    action: str
    place: str
    reward: str | None
    linked_habit_id: str | None
    is_pleasant: bool
    is_archived: bool
    target_value: int | float | None
    unit: str | None
    follow_up_minutes: int | None
    timing: Timing
    created_at: datetime
    timing_since: datetime
    anchor_date: date | None
    upcoming: Occurrence | None
    announced: Announced | None
    tzdata_version: str | None
    parked_reason: str | None


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
    """Nobody wants, or nobody can get, this habit's reminders, or it has had its last."""


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
    if not is_wanted(habit, owner) or owner.time_zone is None:
        return Unscheduled()
    begins = (habit.timing_since, owner.settings_since, owner.linked_since)
    since = max(begin for begin in begins if begin is not None)
    try:
        anchor_date = anchor_date_of(habit, zone_periods, owner.time_zone)
        recurrence = Recurrence(owner.time_zone, habit.timing, anchor_date)
        occurrence = next_occurrence(recurrence, since, habit.announced)
    except (UnknownTimeZone, OverflowError) as error:
        return Parked(str(error))
    return following_plan(anchor_date, occurrence)


def is_wanted(habit: Habit, owner: Owner) -> bool:
    """Whether somebody wants the habit's reminders, and can get them."""
    is_kept = not (habit.deleted or habit.is_archived or habit.is_pleasant)
    return is_kept and owner.is_active and owner.is_linked


def follow_ups_of(habits: Iterable[Habit]) -> dict[str, int]:
    """Return, by habit id, after how many minutes a habit comes again without an answer."""
    return {
        habit.habit_id: habit.follow_up_minutes
        for habit in habits
        if habit.follow_up_minutes is not None
    }


def following_plan(anchor_date: date, occurrence: Occurrence | None) -> Scheduled | Unscheduled:
    """Return that the habit waits for an occurrence, or for nothing when there is none."""
    return Unscheduled() if occurrence is None else Scheduled(anchor_date, occurrence)


def anchor_date_of(habit: Habit, zone_periods: list[ZonePeriod], current_zone: str) -> date:
    """Return the date from which a habit's dates count.

    Where its owner's service has not told it, it is the day of creation, a date of the owner's time
    zone of then. Raises UnknownTimeZone.
    """
    if habit.timing.start_date is not None:
        return habit.timing.start_date
    then = time_zone_at(zone_periods, habit.created_at) or current_zone
    return local_date_at(habit.created_at, then)
