"""What can happen to a habit, and what it is then: events, states and `evolve`.

Pure functions on frozen data. Every stored event is one of these; a state is nothing but the fold
of the events before it, and its `version` is their number.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date as local_date
from datetime import datetime
from typing import assert_never
from uuid import UUID

from services.habits.habit_details import DetailChanges, HabitDetails
from services.habits.habit_facts import HabitFact, changes_of, facts_of, moves_timing


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitCreated:
    """`created_on`: which date it was for the owner, None if that was not known."""

    habit_id: UUID
    owner_id: UUID
    details: HabitDetails
    created_on: local_date | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitChanged:
    """The owner changed the habit: `facts` say what was meant."""

    facts: tuple[HabitFact, ...]
    at: datetime

    @classmethod
    def of(cls, changes: DetailChanges, at: datetime) -> "HabitChanged":
        """Return the event that the given details became different."""
        return cls(facts=facts_of(changes), at=at)

    @property
    def changes(self) -> DetailChanges:
        """The details that became different, with their new values."""
        return changes_of(self.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCleared:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitArchived:
    """It is over for now: not due, not reminded of, out of the list; what was recorded stays."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitUnarchived:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitDeleted:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitRestored:
    """It is again what it was when it was deleted."""

    at: datetime


HabitEvent = (
    HabitCreated
    | HabitChanged
    | LinkCleared
    | HabitArchived
    | HabitUnarchived
    | HabitDeleted
    | HabitRestored
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoHabit:
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveHabit:
    """`timing_since`: since when what decides on its reminders is what it is.

    `created_on` is the owner's date of `created_at`; None while it has not been known.
    """

    id: UUID
    owner_id: UUID
    details: HabitDetails
    created_on: local_date | None = None
    archived_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    timing_since: datetime
    version: int

    @property
    def first_date(self) -> local_date:
        """The date it begins with; UTC stands in for a clock that is not known."""
        return self.details.start_date or self.created_on or self.created_at.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedHabit:
    """Keeps its last details: the message that tells of the deletion carries them."""

    id: UUID
    owner_id: UUID
    details: HabitDetails
    created_on: local_date | None = None
    archived_at: datetime | None = None
    created_at: datetime
    deleted_at: datetime
    version: int


HabitState = NoHabit | ActiveHabit | DeletedHabit


class UnreadableHistory(Exception):
    """Events that cannot follow each other: the stored stream is damaged."""


def evolve(state: HabitState, event: HabitEvent) -> ActiveHabit | DeletedHabit:
    """Return the state after the event. Raises UnreadableHistory for an impossible order."""
    if isinstance(event, HabitCreated):
        if not isinstance(state, NoHabit):
            raise UnreadableHistory("a habit was created twice")
        return ActiveHabit(
            id=event.habit_id,
            owner_id=event.owner_id,
            details=event.details,
            created_on=event.created_on,
            created_at=event.at,
            updated_at=event.at,
            timing_since=event.at,
            version=1,
        )
    if isinstance(event, HabitRestored):
        if not isinstance(state, DeletedHabit):
            raise UnreadableHistory("a habit was restored that was not deleted")
        return _restored(state, event)
    if not isinstance(state, ActiveHabit):
        raise UnreadableHistory(f"{type(event).__name__} without a habit")
    return _evolve_active(state, event)


def _evolve_active(
    habit: ActiveHabit,
    event: HabitChanged | LinkCleared | HabitArchived | HabitUnarchived | HabitDeleted,
) -> ActiveHabit | DeletedHabit:
    next_habit = replace(habit, updated_at=event.at, version=habit.version + 1)
    match event:
        case HabitChanged(at=at):
            details = replace(habit.details, **event.changes)
            since = at if any(map(moves_timing, event.facts)) else habit.timing_since
            return replace(next_habit, details=details, timing_since=since)
        case LinkCleared():
            return replace(next_habit, details=replace(habit.details, linked_habit_id=None))
        case HabitArchived(at=at):
            return replace(next_habit, archived_at=at, timing_since=at)
        case HabitUnarchived(at=at):
            return replace(next_habit, archived_at=None, timing_since=at)
        case HabitDeleted(at=at):
            return _deleted(next_habit, at)
        case _:
            assert_never(event)


def _deleted(habit: ActiveHabit, at: datetime) -> DeletedHabit:
    return DeletedHabit(
        id=habit.id,
        owner_id=habit.owner_id,
        details=habit.details,
        created_on=habit.created_on,
        archived_at=habit.archived_at,
        created_at=habit.created_at,
        deleted_at=at,
        version=habit.version,
    )


def _restored(habit: DeletedHabit, event: HabitRestored) -> ActiveHabit:
    return ActiveHabit(
        id=habit.id,
        owner_id=habit.owner_id,
        details=habit.details,
        created_on=habit.created_on,
        archived_at=habit.archived_at,
        created_at=habit.created_at,
        updated_at=event.at,
        timing_since=event.at,
        version=habit.version + 1,
    )


def evolve_all(events: Iterable[HabitEvent]) -> HabitState:
    """Fold a habit's events, oldest first, into the state they lead to."""
    state: HabitState = NoHabit()
    for event in events:
        state = evolve(state, event)
    return state
