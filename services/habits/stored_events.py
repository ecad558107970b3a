"""How an event is stored: type names of our own and JSON data, never class paths.

Moving or renaming a class leaves the history readable. When the data of a type changes its shape,
add a step to `UPCASTING` and a golden file of the new version; the old golden files stay.

A change is stored as the fields that became different; which facts that means is read out of them,
since no field belongs to two facts.
"""

from collections.abc import Mapping
from datetime import date as local_date
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
from services.habits.writing_level import (
    DAYS_AND_ARCHIVES_LEVEL,
    FIRST_LEVEL,
    SCHEDULES_LEVEL,
)
from shared import instants
from shared.recurrence.schedules import (
    EveryNDays,
    TimesPerWeek,
    Weekdays,
    schedule_from_json,
    schedule_to_json,
)


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


_NO_TARGET = {"target_value": None, "unit": None}
_NO_DATES = {
    "start_date": None,
    "end_date": None,
    "paused_until": None,
    "follow_up_minutes": None,
}


def _without_target(data: JsonObject) -> JsonObject:
    return {**data, "details": {**data["details"], **_NO_TARGET}}


def _created_every_n_days(data: JsonObject) -> JsonObject:
    details = {**_with_schedule(data["details"]), **_NO_DATES}
    return {**data, "details": details, "created_on": None}


def _changed_every_n_days(data: JsonObject) -> JsonObject:
    return {**data, "changes": _with_schedule(data["changes"])}


def _with_schedule(details: JsonObject) -> JsonObject:
    """Return details with `times` and `schedule` in the place of `time` and `period_days`."""
    later = {name: value for name, value in details.items() if name not in _FORMER}
    if "time" in details:
        later["times"] = [details["time"]]
    if "period_days" in details:
        later["schedule"] = schedule_to_json(EveryNDays(details["period_days"]))
    return later


def _without_schedule(details: JsonObject) -> JsonObject | None:
    """Return details as they were before schedules, None if those could not tell them."""
    former = {name: value for name, value in details.items() if name not in _SINCE_SCHEDULES}
    if len(details.get("times", [None])) != 1:
        return None
    if "times" in details:
        [former["time"]] = details["times"]
    if "schedule" in details:
        if "n" not in details["schedule"]:
            return None
        former["period_days"] = details["schedule"]["n"]
    return former


_FORMER = frozenset({"time", "period_days"})
_SINCE_SCHEDULES = frozenset({"times", "schedule", *_NO_DATES})

UPCASTING = Upcasting(
    {
        StoredType.CREATED: [_without_target, _created_every_n_days],
        # Version 2 can also hold `target_value` and `unit`; what version 1 holds means the same.
        StoredType.CHANGED: [dict, _changed_every_n_days],
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
_TARGETS_LEVEL = DAYS_AND_ARCHIVES_LEVEL
_NEW_TYPES = frozenset({StoredType.ARCHIVED, StoredType.UNARCHIVED, StoredType.RESTORED})


def write(event: HabitEvent) -> StoredForm:
    """Return the event in the oldest form that can tell it."""
    event_type, data = stored_type(event), to_data(event)
    match event:
        case HabitCreated():
            return _created_form(data)
        case HabitChanged():
            return _changed_form(data)
        case _:
            since = DAYS_AND_ARCHIVES_LEVEL if event_type in _NEW_TYPES else FIRST_LEVEL
            return StoredForm(event_type, 1, data, since)


def _created_form(data: JsonObject) -> StoredForm:
    details = data["details"]
    former = _without_schedule(details)
    if former is None or data["created_on"] is not None or not _NO_DATES.items() <= details.items():
        return StoredForm(StoredType.CREATED, 3, data, SCHEDULES_LEVEL)
    begun = {name: value for name, value in data.items() if name != "created_on"}
    if not _NO_TARGET.items() <= details.items():
        return StoredForm(StoredType.CREATED, 2, {**begun, "details": former}, _TARGETS_LEVEL)
    rest = {name: value for name, value in former.items() if name not in _NO_TARGET}
    return StoredForm(StoredType.CREATED, 1, {**begun, "details": rest})


def _changed_form(data: JsonObject) -> StoredForm:
    former = _without_schedule(data["changes"])
    if former is None or not data["changes"].keys().isdisjoint(_NO_DATES):
        return StoredForm(StoredType.CHANGED, 3, data, SCHEDULES_LEVEL)
    if not former.keys().isdisjoint(_NO_TARGET):
        return StoredForm(StoredType.CHANGED, 2, {**data, "changes": former}, _TARGETS_LEVEL)
    return StoredForm(StoredType.CHANGED, 1, {**data, "changes": former})


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
        data["created_on"] = _date_to_json(event.created_on)
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
            created_on=_date_from_json(data["created_on"]),
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
        case local_time() | local_date():
            return value.isoformat()
        case tuple():
            return [time.isoformat() for time in value]
        case EveryNDays() | Weekdays() | TimesPerWeek():
            return schedule_to_json(value)
        # Quantities too: JSON's numbers are binary fractions to most readers.
        case UUID() | Decimal():
            return str(value)
        case _:
            return value


def _details_from_json(data: Mapping[str, Any]) -> DetailChanges:
    values = dict(data)
    if "times" in values:
        values["times"] = tuple(map(local_time.fromisoformat, values["times"]))
    if "schedule" in values:
        values["schedule"] = schedule_from_json(values["schedule"])
    for name in values.keys() & {"start_date", "end_date", "paused_until"}:
        values[name] = _date_from_json(values[name])
    if values.get("linked_habit_id") is not None:
        values["linked_habit_id"] = UUID(values["linked_habit_id"])
    if values.get("target_value") is not None:
        values["target_value"] = Decimal(values["target_value"])
    return cast("DetailChanges", values)


def _date_to_json(date: local_date | None) -> str | None:
    return None if date is None else date.isoformat()


def _date_from_json(text: str | None) -> local_date | None:
    return None if text is None else local_date.fromisoformat(text)
