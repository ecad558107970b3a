"""How an event is stored: type names of our own and JSON data, never class paths.

Moving or renaming a class leaves the history readable. When the data of a type changes its shape,
add a step to `UPCASTING` and a golden file of the new version; the old golden files stay.

A change is stored as the fields that became different; which facts that means is read out of them,
since no field belongs to two facts.
"""

from collections.abc import Mapping
from datetime import time as local_time
from enum import StrEnum
from typing import Any, assert_never, cast
from uuid import UUID

from services.habits.event_store import EventStore, StoredForm, StreamKind
from services.habits.habit_details import DetailChanges, HabitDetails, all_details
from services.habits.habit_events import (
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    HabitState,
    LinkCleared,
    NoHabit,
    evolve,
)
from services.habits.upcasting import JsonObject, UnknownStoredType, Upcasting
from shared import instants


class StoredType(StrEnum):
    """The names in the `type` column. A name once stored is never given another meaning."""

    CREATED = "habit.created"
    CHANGED = "habit.changed"
    LINK_CLEARED = "habit.link_cleared"
    DELETED = "habit.deleted"


# No type has changed its shape yet, so all are at version 1.
UPCASTING = Upcasting({})


def write(event: HabitEvent) -> StoredForm:
    """Return the event in the form it is stored in."""
    event_type = stored_type(event)
    return StoredForm(event_type, UPCASTING.newest_version(event_type), to_data(event))


def read(event_type: str, schema_version: int, data: JsonObject) -> HabitEvent:
    """Read what `write` of this or an older release wrote. Raises WrittenByNewerCode."""
    return from_data(event_type, UPCASTING.to_newest(event_type, schema_version, data))


HABITS: StreamKind[HabitState, HabitEvent] = StreamKind(
    name="habit", initial=NoHabit(), evolve=evolve, write=write, read=read
)
HabitStore = EventStore[HabitState, HabitEvent]


def stored_type(event: HabitEvent) -> StoredType:
    match event:
        case HabitCreated():
            return StoredType.CREATED
        case HabitChanged():
            return StoredType.CHANGED
        case LinkCleared():
            return StoredType.LINK_CLEARED
        case HabitDeleted():
            return StoredType.DELETED
        case _:
            assert_never(event)


def to_data(event: HabitEvent) -> JsonObject:
    """Return the event as JSON values, in the newest schema version of its type."""
    data: JsonObject = {"at": instants.to_json(event.at)}
    match event:
        case HabitCreated(habit_id=habit_id, owner_id=owner_id, details=details):
            data |= {"habit_id": str(habit_id), "owner_id": str(owner_id)}
            data["details"] = details_to_json(all_details(details))
        case HabitChanged():
            data["changes"] = details_to_json(event.changes)
        case LinkCleared() | HabitDeleted():
            pass
        case _:
            assert_never(event)
    return data


def from_data(event_type: str, data: JsonObject) -> HabitEvent:
    """Read what `to_data` wrote. Raises UnknownStoredType."""
    at = instants.from_json(data["at"])
    match event_type:
        case StoredType.CREATED:
            return HabitCreated(
                habit_id=UUID(data["habit_id"]),
                owner_id=UUID(data["owner_id"]),
                details=HabitDetails(**_details_from_json(data["details"])),
                at=at,
            )
        case StoredType.CHANGED:
            return HabitChanged.of(_details_from_json(data["changes"]), at)
        case StoredType.LINK_CLEARED:
            return LinkCleared(at=at)
        case StoredType.DELETED:
            return HabitDeleted(at=at)
        case _:
            raise UnknownStoredType(event_type)


def details_to_json(details: DetailChanges) -> JsonObject:
    return {name: _value_to_json(value) for name, value in details.items()}


def _value_to_json(value: object) -> object:
    match value:
        case local_time():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            return value


def _details_from_json(data: Mapping[str, Any]) -> DetailChanges:
    values = dict(data)
    if "time" in values:
        values["time"] = local_time.fromisoformat(values["time"])
    if values.get("linked_habit_id") is not None:
        values["linked_habit_id"] = UUID(values["linked_habit_id"])
    return cast("DetailChanges", values)
