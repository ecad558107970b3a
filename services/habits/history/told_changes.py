"""A change as its owner may read it."""

from typing import Any

from services.habits.days.day_events import DayCleared, DayRecord, DayRecorded
from services.habits.days.stored_days import slots_to_json
from services.habits.habit_details import DetailChanges, HabitDetails, all_details
from services.habits.habit_events import (
    HabitArchived,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitRestored,
    HabitUnarchived,
    LinkCleared,
)
from services.habits.history.changes import Change, Event
from services.habits.quantities import number
from services.habits.stored_events import details_to_json
from services.habits.upcasting import JsonObject

_TYPES: dict[type[Event], str] = {
    HabitCreated: "created",
    HabitChanged: "changed",
    LinkCleared: "link_cleared",
    HabitArchived: "archived",
    HabitUnarchived: "unarchived",
    HabitDeleted: "deleted",
    HabitRestored: "restored",
    DayRecorded: "day_recorded",
    DayCleared: "day_cleared",
}
TYPES = tuple(_TYPES.values())

_LATER_FIELDS = (
    *("target_value", "unit", "follow_up_minutes"),
    *("start_date", "end_date", "paused_until"),
)


def type_of(event: Event) -> str:
    """Return the name under which the API tells of an event."""
    return _TYPES[type(event)]


def told(change: Change) -> dict[str, Any]:
    """Return the item of the history."""
    item: dict[str, Any] = {
        "version": change.version,
        "type": type_of(change.event),
        "at": change.at,
        "changes": _changes(change.event),
        "channel": change.channel.value,
    }
    if change.date is not None:
        item["date"] = change.date
    if change.undoes is not None:
        item["undoes"] = change.undoes
    return item


def _changes(event: Event) -> JsonObject:
    match event:
        case HabitCreated(details=details):
            return _created(details)
        case HabitChanged():
            return _shown(event.changes)
        case LinkCleared():
            return {"linked_habit_id": None}
        case DayRecorded(record=record):
            return _recorded(record)
        case _:
            return {}


def _shown(changes: DetailChanges) -> JsonObject:
    """Return changes as the API names them, `times` and `schedule` where the others fall short."""
    shown = details_to_json(changes)
    if "times" in changes:
        shown["time"] = shown["times"][0]
        if len(changes["times"]) == 1:
            del shown["times"]
    if "schedule" in changes:
        shown["period_days"] = shown["schedule"].get("n")
        if shown["period_days"] is not None:
            del shown["schedule"]
    if "target_value" in changes:
        shown["target_value"] = number(changes["target_value"])
    return shown


def _created(details: HabitDetails) -> JsonObject:
    """Return what a habit began with; what came to habits later only where it was used."""
    changes = _shown(all_details(details))
    unused = {name for name in _LATER_FIELDS if changes[name] is None}
    return {name: value for name, value in changes.items() if name not in unused}


def _recorded(record: DayRecord) -> JsonObject:
    return {
        "status": record.status.value,
        "value": number(record.value),
        "target_value": number(record.target_value),
        "unit": record.unit,
        "slots": slots_to_json(record.slots),
        "note": record.note,
    }
