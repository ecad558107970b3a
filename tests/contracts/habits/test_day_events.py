"""A day's stored events and its public messages, as they have always been and will be read."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from services.habits.days.day_events import (
    Channel,
    DayCleared,
    DayEvent,
    DayRecord,
    DayRecorded,
    DayState,
    DayStatus,
    EmptyDay,
    Slot,
    evolve,
)
from services.habits.days.day_messages import to_message
from services.habits.days.stored_days import DAYS, StoredDayType
from services.habits.upcasting import UnknownSchemaVersion, UnknownStoredType
from shared.contracts.cloud_event import body_to_json, read_body
from shared.contracts.events import HabitDayStateV1

STORED = Path(__file__).parent / "stored"
MESSAGES = Path(__file__).parent / "messages"

RECORDED = DayRecorded(
    habit_id=UUID("0b8f2a44-7c1d-4e5a-9a53-2f6f1f0c9d11"),
    owner_id=UUID("7d7b3f0e-2f1c-4a39-8a45-0f4b6c1de222"),
    date=date(2026, 1, 6),
    record=DayRecord(
        status=DayStatus.PARTIAL,
        value=Decimal("2.5"),
        target_value=Decimal(8),
        unit="glasses",
        slots=(Slot(time(7, 30), done=True), Slot(time(21), done=False)),
        note="Чай",
    ),
    channel=Channel.TELEGRAM,
    at=datetime(2026, 1, 6, 8, tzinfo=UTC),
)
CLEARED = DayCleared(channel=Channel.API, at=datetime(2026, 1, 7, 8, tzinfo=UTC))
EVENTS: dict[str, DayEvent] = {"day.recorded.1": RECORDED, "day.cleared.1": CLEARED}
HISTORIES: dict[str, list[DayEvent]] = {
    "habit.day_recorded.v1": [RECORDED],
    "habit.day_cleared.v1": [RECORDED, CLEARED],
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_stored_event_is_read_and_written_as_its_golden_file(name: str) -> None:
    event_type, _, version = name.rpartition(".")
    data = json.loads((STORED / f"{name}.json").read_text())
    assert DAYS.read(event_type, int(version), data) == EVENTS[name]
    form = DAYS.write(EVENTS[name])
    assert (form.type, form.schema_version, form.data) == (event_type, int(version), data)


def test_every_golden_file_of_days_is_read_by_a_test() -> None:
    assert {path.stem for path in STORED.glob("day.*.json")} == EVENTS.keys()
    assert {name.rpartition(".")[0] for name in EVENTS} == set(StoredDayType)


def test_what_newer_code_wrote_is_not_misread() -> None:
    data = {"channel": "api", "at": "2026-01-07T08:00:00Z"}
    with pytest.raises(UnknownStoredType):
        DAYS.read("day.sung_about", 1, data)
    with pytest.raises(UnknownSchemaVersion):
        DAYS.read("day.cleared", 2, data)


def message_after(history: list[DayEvent]) -> HabitDayStateV1:
    """Return what is told of the day of `RECORDED` after these events."""
    state: DayState = EmptyDay()
    for event in history:
        state = evolve(state, event)
    return to_message(
        state,
        habit_id=RECORDED.habit_id,
        owner_id=RECORDED.owner_id,
        date=RECORDED.date,
        channel=history[-1].channel,
        at=history[-1].at,
    )


@pytest.mark.parametrize("name", HISTORIES)
def test_a_message_is_its_golden_file_and_is_read_back(name: str) -> None:
    message = message_after(HISTORIES[name])
    golden = (MESSAGES / f"{name}.json").read_bytes()
    assert body_to_json(message) == json.loads(golden)
    assert read_body(HabitDayStateV1, golden) == message


def test_a_whole_number_is_told_as_one() -> None:
    record = replace(RECORDED.record, value=Decimal("3.000"))
    message = message_after([replace(RECORDED, record=record)])
    assert json.dumps(body_to_json(message)["value"]) == "3"
