"""How an event is stored: type names of our own and JSON data, never class paths.

Moving or renaming a class leaves the history readable. When the data of a type changes its shape,
add a step to `UPCASTING` and a golden file of the new version; the old golden files stay.

A change is stored as the fields that became different; which facts that means is read out of them,
since no field belongs to two facts.
"""

from collections.abc import Mapping
from datetime import time as local_time
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from services.habits.event_store import EventStore, StoredForm, StreamKind
from services.habits.habit_details import DetailChanges, HabitDetails, all_details
from services.habits.habit_events import (
    HabitArchived,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    HabitRestored,
    HabitState,
    HabitUnarchived,
    LinkCleared,
    NoHabit,
    evolve,
)
from services.habits.upcasting import JsonObject, UnknownStoredType, Upcasting
from services.habits.writing_level import DAYS_AND_ARCHIVES_LEVEL, FIRST_LEVEL
from shared import instants


class StoredType(StrEnum):
    """The names in the `type` column. A name once stored is never given another meaning."""

    CREATED = "habit.created"
    CHANGED = "habit.changed"
    LINK_CLEARED = "habit.link_cleared"
    ARCHIVED = "habit.archived"
    UNARCHIVED = "habit.unarchived"
    DELETED = "habit.deleted"
    RESTORED = "habit.restored"


PlainEvent = type[LinkCleared | HabitArchived | HabitUnarchived | HabitDeleted | HabitRestored]


def _without_target(data: JsonObject) -> JsonObject:
    return {**data, "details": {**data["details"], **_NO_TARGET}}


_NO_TARGET = {"target_value": None, "unit": None}

UPCASTING = Upcasting(
    {
        StoredType.CREATED: [_without_target],
        # Version 2 can also hold `target_value` and `unit`; what version 1 holds means the same.
        StoredType.CHANGED: [dict],
    }
)
# Events that say everything by their type; nothing but the instant is stored with them.
_PLAIN: dict[str, PlainEvent] = {
    StoredType.LINK_CLEARED: LinkCleared,
    StoredType.ARCHIVED: HabitArchived,
    StoredType.UNARCHIVED: HabitUnarchived,
    StoredType.DELETED: HabitDeleted,
    StoredType.RESTORED: HabitRestored,
}
_TYPES: dict[type[HabitEvent], StoredType] = {
    HabitCreated: StoredType.CREATED,
    HabitChanged: StoredType.CHANGED,
    **{event: StoredType(name) for name, event in _PLAIN.items()},
}
_NEW_TYPES = frozenset({StoredType.ARCHIVED, StoredType.UNARCHIVED, StoredType.RESTORED})


def write(event: HabitEvent) -> StoredForm:
    """Return the event in the oldest form that can tell it."""
    event_type, data = stored_type(event), to_data(event)
    match event:
        case HabitCreated() if _NO_TARGET.items() <= data["details"].items():
            rest = {name: data["details"][name] for name in data["details"].keys() - _NO_TARGET}
            return StoredForm(event_type, 1, {**data, "details": rest})
        case HabitChanged() if data["changes"].keys().isdisjoint(_NO_TARGET):
            return StoredForm(event_type, 1, data)
    version = UPCASTING.newest_version(event_type)
    is_new = version > 1 or event_type in _NEW_TYPES
    since = DAYS_AND_ARCHIVES_LEVEL if is_new else FIRST_LEVEL
    return StoredForm(event_type, version, data, since)


def read(event_type: str, schema_version: int, data: JsonObject) -> HabitEvent:
    """Read what `write` of this or an older release wrote. Raises WrittenByNewerCode."""
    return from_data(event_type, UPCASTING.to_newest(event_type, schema_version, data))


HABITS: StreamKind[HabitState, HabitEvent] = StreamKind(
    name="habit", initial=NoHabit(), evolve=evolve, write=write, read=read
)
HabitStore = EventStore[HabitState, HabitEvent]


def stored_type(event: HabitEvent) -> StoredType:
    return _TYPES[type(event)]


def to_data(event: HabitEvent) -> JsonObject:
    """Return the event as JSON values, in the newest schema version of its type."""
    data: JsonObject = {"at": instants.to_json(event.at)}
    if isinstance(event, HabitCreated):
        data |= {"habit_id": str(event.habit_id), "owner_id": str(event.owner_id)}
        data["details"] = details_to_json(all_details(event.details))
    elif isinstance(event, HabitChanged):
        data["changes"] = details_to_json(event.changes)
    return data


def from_data(event_type: str, data: JsonObject) -> HabitEvent:
    """Read what `to_data` wrote. Raises UnknownStoredType."""
    at = instants.from_json(data["at"])
    if event_type == StoredType.CREATED:
        return HabitCreated(
            habit_id=UUID(data["habit_id"]),
            owner_id=UUID(data["owner_id"]),
            details=HabitDetails(**_details_from_json(data["details"])),
            at=at,
        )
    if event_type == StoredType.CHANGED:
        return HabitChanged.of(_details_from_json(data["changes"]), at)
    plain = _PLAIN.get(event_type)
    if plain is None:
        raise UnknownStoredType(event_type)
    return plain(at=at)


def details_to_json(details: DetailChanges) -> JsonObject:
    return {name: _value_to_json(value) for name, value in details.items()}


def _value_to_json(value: object) -> object:
    match value:
        case local_time():
            return value.isoformat()
        # Quantities too: JSON's numbers are binary fractions to most readers.
        case UUID() | Decimal():
            return str(value)
        case _:
            return value


def _details_from_json(data: Mapping[str, Any]) -> DetailChanges:
    values = dict(data)
    if "time" in values:
        values["time"] = local_time.fromisoformat(values["time"])
    if values.get("linked_habit_id") is not None:
        values["linked_habit_id"] = UUID(values["linked_habit_id"])
    if values.get("target_value") is not None:
        values["target_value"] = Decimal(values["target_value"])
    return cast("DetailChanges", values)
