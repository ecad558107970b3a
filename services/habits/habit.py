"""A habit's decider: what can be asked of a habit, and what follows or why it is refused.

Pure: `decide(command, state)` returns the events or raises a refusal. The clock, new ids and what
is known of the owner's other habits come in with the command.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date as local_date
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from services.habits.habit_details import (
    HabitDetails,
    broken_rules,
    differences,
    is_blank,
    merge_errors,
)
from services.habits.habit_events import (
    ActiveHabit,
    DeletedHabit,
    HabitArchived,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    HabitRestored,
    HabitState,
    HabitUnarchived,
    LinkCleared,
)
from services.habits.written_details import HabitChanges, changes_written

NOT_YOUR_PLEASANT_HABIT = "Must be one of your own pleasant habits."
LINKED_TO_ITSELF = "A habit cannot be linked to itself."
STILL_LINKED = "Other habits are linked to this habit, so it has to stay pleasant."

# An account's reminders of one minute share its chat, and everybody shares the bot.
MOST_HABITS = 1000

RESTORABLE_FOR = timedelta(days=30)

FURTHEST_YEARS = 10
TOO_FAR = f"Must be within {FURTHEST_YEARS} years."
END_BEFORE_START = "A habit cannot end before it starts."
_DATES = ("start_date", "end_date", "paused_until")
_FURTHEST = timedelta(days=FURTHEST_YEARS * 366)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateHabit:
    """`linkable_ids`: those of the owner's pleasant habits that the command may link to.

    `created_on`: which date it is for the owner, None while that is not known.
    """

    habit_id: UUID
    by: UUID
    details: HabitDetails
    created_on: local_date | None = None
    linkable_ids: frozenset[UUID]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeHabit:
    """`changes` are laid over the habit as it is; the rules are checked on the result."""

    by: UUID
    changes: HabitChanges
    linkable_ids: frozenset[UUID]
    others_link_to_it: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteHabit:
    by: UUID
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreHabit:
    """Bring a deleted habit back; `linkable_ids` as for creating it."""

    by: UUID
    linkable_ids: frozenset[UUID]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveHabit:
    by: UUID
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnarchiveHabit:
    by: UUID
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearLink:
    """The habit it is linked to goes away."""

    linked_habit_id: UUID
    now: datetime


HabitCommand = (
    CreateHabit
    | ChangeHabit
    | ArchiveHabit
    | UnarchiveHabit
    | DeleteHabit
    | RestoreHabit
    | ClearLink
)


class HabitRefusal(Exception):
    """Base of the reasons not to do what was asked; asking again does not help."""


class HabitNotFound(HabitRefusal):
    """There is no such habit, or none that the asking account may know of."""


class NotTheOwner(HabitRefusal):
    """The habit is published by somebody else: it can be read, not changed."""


class TooManyHabits(HabitRefusal):
    """The account has as many habits as one may have; one has to go before another comes."""


class RulesBroken(HabitRefusal):
    """The resulting habit breaks rules; `errors` has the messages by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


def decide(command: HabitCommand, state: HabitState) -> list[HabitEvent]:  # noqa: PLR0911
    """Return what happens, nothing if nothing changes. Raises a HabitRefusal."""
    match command:
        case CreateHabit():
            return _create(command)
        case ChangeHabit():
            return _change(command, owned(state, command.by))
        case DeleteHabit():
            owned(state, command.by)
            return [HabitDeleted(at=command.now)]
        case ArchiveHabit():
            is_archived = owned(state, command.by).archived_at is not None
            return [] if is_archived else [HabitArchived(at=command.now)]
        case UnarchiveHabit():
            is_archived = owned(state, command.by).archived_at is not None
            return [HabitUnarchived(at=command.now)] if is_archived else []
        case RestoreHabit():
            return _restore(command, state)
        case ClearLink():
            return _clear_link(command, state)
        case _:
            assert_never(command)


def owned(state: HabitState, by: UUID) -> ActiveHabit:
    """Return the habit if `by` may change it. Raises HabitNotFound or NotTheOwner."""
    if not isinstance(state, ActiveHabit):
        raise HabitNotFound
    if state.owner_id != by:
        raise NotTheOwner if state.details.is_published else HabitNotFound
    return state


def _create(command: CreateHabit) -> list[HabitEvent]:
    created_on = command.created_on
    details = _tidy(command.details, created_on)
    dates = _broken_dates(details, created_on or command.now.date(), command.now)
    links = _broken_links(details, command.habit_id, command.linkable_ids)
    _check(details, dates, links)
    return [
        HabitCreated(
            habit_id=command.habit_id,
            owner_id=command.by,
            details=details,
            created_on=created_on,
            at=command.now,
        )
    ]


def _change(command: ChangeHabit, habit: ActiveHabit) -> list[HabitEvent]:
    written = changes_written(command.changes, habit.details)
    details = _tidy(replace(habit.details, **written), habit.created_on)
    changes = differences(habit.details, details)
    if not changes:
        return []
    created_on = habit.created_on or habit.created_at.date()
    dates = _broken_dates(details, created_on, command.now, changes.keys())
    links = _broken_links(details, habit.id, command.linkable_ids)
    if command.others_link_to_it and not details.is_pleasant:
        links["is_pleasant"] = [STILL_LINKED]
    _check(details, dates, links)
    return [HabitChanged.of(changes, command.now)]


def _restore(command: RestoreHabit, state: HabitState) -> list[HabitEvent]:
    if not isinstance(state, DeletedHabit):
        owned(state, command.by)
        return []
    is_too_late = command.now - state.deleted_at > RESTORABLE_FOR
    if state.owner_id != command.by or is_too_late:
        raise HabitNotFound
    linked_id = state.details.linked_habit_id
    is_lost = linked_id is not None and linked_id not in command.linkable_ids
    restored: list[HabitEvent] = [HabitRestored(at=command.now)]
    return [*restored, LinkCleared(at=command.now)] if is_lost else restored


def _clear_link(command: ClearLink, state: HabitState) -> list[HabitEvent]:
    if isinstance(state, ActiveHabit) and state.details.linked_habit_id == command.linked_habit_id:
        return [LinkCleared(at=command.now)]
    return []


def _tidy(details: HabitDetails, created_on: local_date | None) -> HabitDetails:
    """Take a reward that says nothing for none, the date of creation for no start of its own."""
    if details.reward is not None and is_blank(details.reward):
        details = replace(details, reward=None)
    if details.start_date is not None and details.start_date == created_on:
        details = replace(details, start_date=None)
    return details


def _check(details: HabitDetails, *found: dict[str, list[str]]) -> None:
    errors = merge_errors(broken_rules(details), *found)
    if errors:
        raise RulesBroken(errors)


def _broken_links(
    details: HabitDetails, habit_id: UUID, linkable_ids: frozenset[UUID]
) -> dict[str, list[str]]:
    linked_id = details.linked_habit_id
    if linked_id == habit_id:
        return {"linked_habit_id": [LINKED_TO_ITSELF]}
    if linked_id is not None and linked_id not in linkable_ids:
        return {"linked_habit_id": [NOT_YOUR_PLEASANT_HABIT]}
    return {}


def _broken_dates(
    details: HabitDetails,
    created_on: local_date,
    now: datetime,
    changed: Collection[str] = _DATES,
) -> dict[str, list[str]]:
    """Check the dates against each other, and those that are new against the clock."""
    errors: dict[str, list[str]] = {}
    for name in _DATES:
        date: local_date | None = getattr(details, name)
        if name in changed and date is not None and abs(date - now.date()) > _FURTHEST:
            errors[name] = [TOO_FAR]
    end = details.end_date
    if end is not None and end < (details.start_date or created_on):
        for name in ("start_date", "end_date"):
            errors.setdefault(name, []).append(END_BEFORE_START)
    return errors
