"""A habit's decider: what can be asked of a habit, and what follows or why it is refused.

Pure: `decide(command, state)` returns the events or raises a refusal. The clock, new ids and what
is known of the owner's other habits come in with the command.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from services.habits.habit_details import (
    DetailChanges,
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

NOT_YOUR_PLEASANT_HABIT = "Must be one of your own pleasant habits."
LINKED_TO_ITSELF = "A habit cannot be linked to itself."
STILL_LINKED = "Other habits are linked to this habit, so it has to stay pleasant."

# An account's reminders of one minute share its chat, and everybody shares the bot.
MOST_HABITS = 1000

RESTORABLE_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateHabit:
    """`linkable_ids`: those of the owner's pleasant habits that the command may link to."""

    habit_id: UUID
    by: UUID
    details: HabitDetails
    linkable_ids: frozenset[UUID]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeHabit:
    """`changes` are laid over the habit as it is; the rules are checked on the result."""

    by: UUID
    changes: DetailChanges
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
    details = _tidy(command.details)
    _check(details, habit_id=command.habit_id, linkable_ids=command.linkable_ids)
    return [
        HabitCreated(
            habit_id=command.habit_id, owner_id=command.by, details=details, at=command.now
        )
    ]


def _change(command: ChangeHabit, habit: ActiveHabit) -> list[HabitEvent]:
    details = _tidy(replace(habit.details, **command.changes))
    changes = differences(habit.details, details)
    if not changes:
        return []
    _check(
        details,
        habit_id=habit.id,
        linkable_ids=command.linkable_ids,
        must_stay_pleasant=command.others_link_to_it,
    )
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


def _tidy(details: HabitDetails) -> HabitDetails:
    """Take a reward that says nothing for no reward."""
    if details.reward is not None and is_blank(details.reward):
        return replace(details, reward=None)
    return details


def _check(
    details: HabitDetails,
    *,
    habit_id: UUID,
    linkable_ids: frozenset[UUID],
    must_stay_pleasant: bool = False,
) -> None:
    linked_id = details.linked_habit_id
    links: dict[str, list[str]] = {}
    if linked_id == habit_id:
        links["linked_habit_id"] = [LINKED_TO_ITSELF]
    elif linked_id is not None and linked_id not in linkable_ids:
        links["linked_habit_id"] = [NOT_YOUR_PLEASANT_HABIT]
    if must_stay_pleasant and not details.is_pleasant:
        links["is_pleasant"] = [STILL_LINKED]
    errors = merge_errors(broken_rules(details), links)
    if errors:
        raise RulesBroken(errors)
