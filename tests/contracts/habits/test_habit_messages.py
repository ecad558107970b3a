"""The public messages of habits, as other services and strangers rely on them."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from services.habits.habit_details import HabitDetails
from services.habits.habit_events import (
    ActiveHabit,
    DeletedHabit,
    HabitArchived,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    LinkCleared,
    evolve_all,
)
from services.habits.public_events import public_type, to_message, to_message_1
from shared.contracts.cloud_event import body_to_json, read_body
from shared.contracts.events import HabitStateV1, HabitStateV2
from shared.recurrence.schedules import Weekdays

GOLDEN = Path(__file__).parent / "messages"

CREATED = HabitCreated(
    habit_id=UUID("0b8f2a44-7c1d-4e5a-9a53-2f6f1f0c9d11"),
    owner_id=UUID("7d7b3f0e-2f1c-4a39-8a45-0f4b6c1de222"),
    details=HabitDetails(
        action="Выпить стакан воды",
        place="Kitchen",
        times=(time(7, 30),),
        duration_seconds=60,
        linked_habit_id=UUID("c2a8a1de-93a5-4a3f-9f8e-0d3f6a9b3333"),
    ),
    at=datetime(2026, 1, 5, 8, 0, 0, 123456, tzinfo=UTC),
)
CHANGED = HabitChanged.of(
    {"times": (time(21, 0, 5),), "reward": "Tea", "linked_habit_id": None},
    datetime(2026, 1, 6, 8, tzinfo=UTC),
)
CLEARED = LinkCleared(at=datetime(2026, 1, 6, 8, tzinfo=UTC))
DELETED = HabitDeleted(at=datetime(2026, 1, 8, 8, tzinfo=UTC))
CREATED_ON_MONDAY = replace(CREATED, created_on=date(2026, 1, 5))
SCHEDULED = HabitChanged.of(
    {
        "times": (time(7, 30), time(21, 0, 5)),
        "schedule": Weekdays((1, 3, 5)),
        "end_date": date(2026, 6, 30),
        "paused_until": date(2026, 2, 1),
        "follow_up_minutes": 30,
        "target_value": Decimal("2.5"),
        "unit": "litres",
        "reward": "Tea",
        "linked_habit_id": None,
    },
    datetime(2026, 1, 6, 8, tzinfo=UTC),
)
ARCHIVED = HabitArchived(at=datetime(2026, 1, 7, 9, tzinfo=UTC))

HISTORIES: dict[str, list[HabitEvent]] = {
    "habit.created.v1": [CREATED],
    "habit.changed.v1": [CREATED, CHANGED],
    "habit.changed.v1.link_cleared": [CREATED, CLEARED],
    "habit.deleted.v1": [CREATED, CHANGED, DELETED],
    "habit.created.v2": [CREATED],
    "habit.changed.v2": [CREATED_ON_MONDAY, SCHEDULED],
    "habit.changed.v2.archived": [CREATED_ON_MONDAY, ARCHIVED],
    "habit.deleted.v2": [CREATED_ON_MONDAY, SCHEDULED, DELETED],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_message_is_its_golden_file_and_is_read_back(name: str) -> None:
    message = message_of(name)
    golden = (GOLDEN / f"{name}.json").read_bytes()
    assert name.startswith(public_type(message, is_first=len(HISTORIES[name]) == 1))
    assert body_to_json(message) == json.loads(golden)
    assert read_body(type(message), golden) == message


def message_of(name: str) -> HabitStateV1 | HabitStateV2:
    """Return what is told after the history of that name, in the version of the name."""
    state = evolve_all(HISTORIES[name])
    assert isinstance(state, ActiveHabit | DeletedHabit)
    return to_message_1(state) if ".v1" in name else to_message(state)


def test_every_golden_file_of_habits_is_read_by_a_test() -> None:
    golden = {path.stem for path in GOLDEN.glob("habit.*.json")}
    assert {name for name in golden if "day_" not in name} == HISTORIES.keys()


@pytest.mark.parametrize("name", ["habit.created.v1", "habit.created.v2"])
def test_a_reader_passes_over_fields_it_does_not_know(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    newer = json.dumps({**golden, "colour": "blue"}).encode()
    assert body_to_json(read_body(type(message_of(name)), newer)) == golden


def test_an_unlinked_habit_says_so() -> None:
    details = replace(CREATED.details, linked_habit_id=None)
    state = evolve_all([replace(CREATED, details=details)])
    assert isinstance(state, ActiveHabit)
    assert to_message(state).linked_habit_id is None
