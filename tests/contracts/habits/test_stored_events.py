"""Stored events are for ever: each golden file is read as the event it has always been.

When a type gets a new schema version, add its golden file; never change or remove one.
"""

import json
from datetime import UTC, datetime, time
from pathlib import Path
from uuid import UUID

import pytest

from services.habits.habit_details import HabitDetails
from services.habits.habit_events import (
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    LinkCleared,
)
from services.habits.habit_facts import HabitRescheduled, HabitUnlinked, RewardChosen
from services.habits.stored_events import HABITS, UPCASTING, StoredType

GOLDEN = Path(__file__).parent / "stored"

EVENTS: dict[str, HabitEvent] = {
    "habit.created.1": HabitCreated(
        habit_id=UUID("0b8f2a44-7c1d-4e5a-9a53-2f6f1f0c9d11"),
        owner_id=UUID("7d7b3f0e-2f1c-4a39-8a45-0f4b6c1de222"),
        details=HabitDetails(
            action="Drink a glass of water",
            place="Kitchen",
            time=time(7, 30),
            duration_seconds=60,
            period_days=2,
            linked_habit_id=UUID("c2a8a1de-93a5-4a3f-9f8e-0d3f6a9b3333"),
            is_published=True,
        ),
        at=datetime(2026, 1, 5, 8, 0, 0, 123456, tzinfo=UTC),
    ),
    # The fields that became different, read as what was meant.
    "habit.changed.1": HabitChanged(
        facts=(HabitRescheduled({"time": time(21, 0, 5)}), RewardChosen("Tea"), HabitUnlinked()),
        at=datetime(2026, 1, 6, 8, tzinfo=UTC),
    ),
    "habit.link_cleared.1": LinkCleared(at=datetime(2026, 1, 7, 8, tzinfo=UTC)),
    "habit.deleted.1": HabitDeleted(at=datetime(2026, 1, 8, 8, tzinfo=UTC)),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_stored_event_of_any_version_is_read_as_it_was_meant(name: str) -> None:
    event_type, _, version = name.rpartition(".")
    data = json.loads((GOLDEN / f"{name}.json").read_text())
    assert HABITS.read(event_type, int(version), data) == EVENTS[name]


@pytest.mark.parametrize("event_type", StoredType)
def test_the_newest_version_of_each_type_is_written_like_its_golden_file(
    event_type: StoredType,
) -> None:
    name = f"{event_type}.{UPCASTING.newest_version(event_type)}"
    form = HABITS.write(EVENTS[name])
    assert (form.type, form.schema_version) == (event_type, UPCASTING.newest_version(event_type))
    assert form.data == json.loads((GOLDEN / f"{name}.json").read_text())


def test_every_golden_file_is_read_by_a_test() -> None:
    assert {path.stem for path in GOLDEN.glob("habit.*.json")} == EVENTS.keys()
