"""Stored events are for ever: each golden file is read as the event it has always been.

When a type gets a new schema version, add its golden file; never change or remove one.
"""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from services.habits.habit_details import HabitDetails
from services.habits.habit_events import (
    HabitArchived,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    HabitRestored,
    HabitUnarchived,
    LinkCleared,
)
from services.habits.habit_facts import (
    HabitPaused,
    HabitRescheduled,
    HabitUnlinked,
    RewardChosen,
    TargetChosen,
)
from services.habits.stored_events import HABITS, UPCASTING, StoredType
from services.habits.writing_level import SCHEDULES_LEVEL
from shared.recurrence.schedules import EveryNDays, TimesPerWeek, Weekdays

GOLDEN = Path(__file__).parent / "stored"

EVENTS: dict[str, HabitEvent] = {
    "habit.created.1": HabitCreated(
        habit_id=UUID("0b8f2a44-7c1d-4e5a-9a53-2f6f1f0c9d11"),
        owner_id=UUID("7d7b3f0e-2f1c-4a39-8a45-0f4b6c1de222"),
        details=HabitDetails(
            action="Drink a glass of water",
            place="Kitchen",
            times=(time(7, 30),),
            duration_seconds=60,
            schedule=EveryNDays(2),
            linked_habit_id=UUID("c2a8a1de-93a5-4a3f-9f8e-0d3f6a9b3333"),
            is_published=True,
        ),
        at=datetime(2026, 1, 5, 8, 0, 0, 123456, tzinfo=UTC),
    ),
    # The fields that became different, read as what was meant.
    "habit.changed.1": HabitChanged(
        facts=(
            HabitRescheduled({"times": (time(21, 0, 5),)}),
            RewardChosen("Tea"),
            HabitUnlinked(),
        ),
        at=datetime(2026, 1, 6, 8, tzinfo=UTC),
    ),
    "habit.created.2": HabitCreated(
        habit_id=UUID("0b8f2a44-7c1d-4e5a-9a53-2f6f1f0c9d11"),
        owner_id=UUID("7d7b3f0e-2f1c-4a39-8a45-0f4b6c1de222"),
        details=HabitDetails(
            action="Drink water",
            place="Kitchen",
            times=(time(7, 30),),
            duration_seconds=60,
            target_value=Decimal("2.5"),
            unit="litres",
        ),
        at=datetime(2026, 1, 5, 8, tzinfo=UTC),
    ),
    "habit.changed.2": HabitChanged(
        facts=(TargetChosen({"target_value": Decimal(8), "unit": "glasses"}),),
        at=datetime(2026, 1, 6, 8, tzinfo=UTC),
    ),
    "habit.created.3": HabitCreated(
        habit_id=UUID("0b8f2a44-7c1d-4e5a-9a53-2f6f1f0c9d11"),
        owner_id=UUID("7d7b3f0e-2f1c-4a39-8a45-0f4b6c1de222"),
        details=HabitDetails(
            action="Drink water",
            place="Kitchen",
            times=(time(7, 30), time(21, 0, 5)),
            duration_seconds=60,
            schedule=Weekdays((1, 3, 5)),
            start_date=date(2026, 1, 12),
            end_date=date(2026, 6, 30),
            paused_until=date(2026, 2, 1),
            follow_up_minutes=30,
            target_value=Decimal("2.5"),
            unit="litres",
        ),
        created_on=date(2026, 1, 5),
        at=datetime(2026, 1, 5, 8, tzinfo=UTC),
    ),
    "habit.changed.3": HabitChanged(
        facts=(
            HabitRescheduled({"schedule": TimesPerWeek(3), "end_date": None}),
            HabitPaused(date(2026, 2, 1)),
        ),
        at=datetime(2026, 1, 6, 8, tzinfo=UTC),
    ),
    "habit.archived.1": HabitArchived(at=datetime(2026, 1, 7, 9, tzinfo=UTC)),
    "habit.unarchived.1": HabitUnarchived(at=datetime(2026, 1, 7, 10, tzinfo=UTC)),
    "habit.restored.1": HabitRestored(at=datetime(2026, 1, 9, 8, tzinfo=UTC)),
    "habit.link_cleared.1": LinkCleared(at=datetime(2026, 1, 7, 8, tzinfo=UTC)),
    "habit.deleted.1": HabitDeleted(at=datetime(2026, 1, 8, 8, tzinfo=UTC)),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_stored_event_of_any_version_is_read_as_it_was_meant(name: str) -> None:
    event_type, _, version = name.rpartition(".")
    data = json.loads((GOLDEN / f"{name}.json").read_text())
    assert HABITS.read(event_type, int(version), data) == EVENTS[name]


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_written_in_the_oldest_form_that_can_tell_it(name: str) -> None:
    event_type, _, version = name.rpartition(".")
    form = HABITS.write(EVENTS[name])
    assert (form.type, form.schema_version) == (event_type, int(version))
    assert form.data == json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.mark.parametrize("event_type", StoredType)
def test_every_version_of_a_type_has_its_golden_file(event_type: StoredType) -> None:
    versions = range(1, UPCASTING.newest_version(event_type) + 1)
    assert {f"{event_type}.{version}" for version in versions} <= EVENTS.keys()


# What the last release cannot read, and what therefore waits until it is gone.
_NEW = {"habit.created.3", "habit.changed.3"}


@pytest.mark.parametrize("name", EVENTS)
def test_only_what_the_last_release_can_read_is_written_during_a_rollout(name: str) -> None:
    is_new = HABITS.write(EVENTS[name]).since == SCHEDULES_LEVEL
    assert is_new is (name in _NEW)


def test_every_golden_file_is_read_by_a_test() -> None:
    assert {path.stem for path in GOLDEN.glob("habit.*.json")} == EVENTS.keys()
