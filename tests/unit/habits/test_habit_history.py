"""What a sequence of events leads to."""

from dataclasses import replace
from datetime import UTC, datetime, time
from uuid import UUID

import pytest

from services.habits.habit_details import DetailChanges, HabitDetails
from services.habits.habit_events import (
    ActiveHabit,
    DeletedHabit,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    LinkCleared,
    NoHabit,
    UnreadableHistory,
    evolve_all,
)
from shared.recurrence.schedules import EveryNDays

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
TUESDAY = datetime(2026, 1, 6, 8, tzinfo=UTC)
DETAILS = HabitDetails(
    action="Read",
    place="Sofa",
    times=(time(21),),
    duration_seconds=90,
    linked_habit_id=UUID(int=3),
)
CREATED = HabitCreated(habit_id=UUID(int=1), owner_id=UUID(int=2), details=DETAILS, at=MONDAY)
ACTIVE = ActiveHabit(
    id=UUID(int=1),
    owner_id=UUID(int=2),
    details=DETAILS,
    created_at=MONDAY,
    updated_at=MONDAY,
    timing_since=MONDAY,
    version=1,
)


def test_nothing_has_happened_to_no_habit() -> None:
    assert evolve_all([]) == NoHabit(version=0)


def test_a_created_habit_is_active() -> None:
    assert evolve_all([CREATED]) == ACTIVE


def test_a_change_moves_the_details_the_update_time_and_the_version() -> None:
    assert evolve_all([CREATED, HabitChanged.of({"place": "Bed"}, TUESDAY)]) == replace(
        ACTIVE, details=replace(DETAILS, place="Bed"), updated_at=TUESDAY, version=2
    )


@pytest.mark.parametrize(
    ("changes", "since"),
    [
        ({"times": (time(6),)}, TUESDAY),
        ({"schedule": EveryNDays(2)}, TUESDAY),
        ({"is_pleasant": True, "linked_habit_id": None}, TUESDAY),
        ({"action": "Write", "place": "Bed", "duration_seconds": 60}, MONDAY),
        ({"reward": "Tea", "linked_habit_id": None, "is_published": True}, MONDAY),
    ],
)
def test_the_timing_holds_since_the_last_change_of_time_period_or_kind(
    changes: DetailChanges, since: datetime
) -> None:
    state = evolve_all([CREATED, HabitChanged.of(changes, TUESDAY)])

    assert isinstance(state, ActiveHabit)
    assert state.timing_since == since


def test_a_cleared_link_is_none() -> None:
    assert evolve_all([CREATED, LinkCleared(at=TUESDAY)]) == replace(
        ACTIVE, details=replace(DETAILS, linked_habit_id=None), updated_at=TUESDAY, version=2
    )


def test_a_deleted_habit_keeps_its_last_details() -> None:
    assert evolve_all([CREATED, HabitDeleted(at=TUESDAY)]) == DeletedHabit(
        id=UUID(int=1),
        owner_id=UUID(int=2),
        details=DETAILS,
        created_at=MONDAY,
        deleted_at=TUESDAY,
        version=2,
    )


IMPOSSIBLE: dict[str, list[HabitEvent]] = {
    "created twice": [CREATED, CREATED],
    "changed before it was created": [HabitChanged.of({}, MONDAY)],
    "deleted twice": [CREATED, HabitDeleted(at=MONDAY), HabitDeleted(at=TUESDAY)],
    "its link cleared after its deletion": [
        CREATED,
        HabitDeleted(at=MONDAY),
        LinkCleared(at=TUESDAY),
    ],
}


@pytest.mark.parametrize("events", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_damaged_history_is_not_read(events: list[HabitEvent]) -> None:
    with pytest.raises(UnreadableHistory):
        evolve_all(events)
