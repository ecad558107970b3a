"""The public messages of habits, as other services and strangers rely on them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from uuid import UUID

import pytest

from services.habits.habit_details import HabitDetails
from services.habits.habit_events import (
    ActiveHabit,
    DeletedHabit,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    LinkCleared,
    evolve_all,
)
from services.habits.public_events import public_type, to_message
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
        time=time(7, 30),
        duration_seconds=60,
        linked_habit_id=UUID("c2a8a1de-93a5-4a3f-9f8e-0d3f6a9b3333"),
    ),
    at=datetime(2026, 1, 5, 8, 0, 0, 123456, tzinfo=UTC),
)
CHANGED = HabitChanged.of(
    {"time": time(21, 0, 5), "reward": "Tea", "linked_habit_id": None},
    datetime(2026, 1, 6, 8, tzinfo=UTC),
)
CLEARED = LinkCleared(at=datetime(2026, 1, 6, 8, tzinfo=UTC))
DELETED = HabitDeleted(at=datetime(2026, 1, 8, 8, tzinfo=UTC))

HISTORIES: dict[str, list[HabitEvent]] = {
    "habit.created.v1": [CREATED],
    "habit.changed.v1": [CREATED, CHANGED],
    "habit.changed.v1.link_cleared": [CREATED, CLEARED],
    "habit.deleted.v1": [CREATED, CHANGED, DELETED],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_message_is_its_golden_file_and_is_read_back(name: str) -> None:
    history = HISTORIES[name]
    state = evolve_all(history)
    assert isinstance(state, ActiveHabit | DeletedHabit)
    golden = (GOLDEN / f"{name}.json").read_bytes()
    assert name.startswith(public_type(history[-1], to_message(state)))
    assert body_to_json(to_message(state)) == json.loads(golden)
    assert read_body(HabitStateV1, golden) == to_message(state)


def test_the_second_version_is_read_from_its_golden_file() -> None:
    golden = (GOLDEN / "habit.changed.v2.json").read_bytes()
    state = read_body(HabitStateV2, golden)
    assert state.schedule == Weekdays((1, 3, 5))
    assert state.times == [time(7, 30), time(21, 0, 5)]
    assert body_to_json(state) == json.loads(golden)


def test_a_reader_passes_over_fields_it_does_not_know() -> None:
    golden = json.loads((GOLDEN / "habit.created.v1.json").read_text())
    newer = json.dumps({**golden, "colour": "blue"}).encode()
    assert body_to_json(read_body(HabitStateV1, newer)) == golden


def test_an_unlinked_habit_says_so() -> None:
    details = replace(CREATED.details, linked_habit_id=None)
    state = evolve_all([replace(CREATED, details=details)])
    assert isinstance(state, ActiveHabit)
    assert to_message(state).linked_habit_id is None
