"""How a day's events are stored; the rules of `services.habits.stored_events` hold here too."""

from datetime import date as local_date
from datetime import time as local_time
from decimal import Decimal
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

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
from services.habits.event_store import EventStore, StoredForm, StreamKind
from services.habits.upcasting import JsonObject, UnknownStoredType, Upcasting
from services.habits.writing_level import DAYS_AND_ARCHIVES_LEVEL
from shared import instants


class StoredDayType(StrEnum):
    """The names in the `type` column. A name once stored is never given another meaning."""

    RECORDED = "day.recorded"
    CLEARED = "day.cleared"


UPCASTING = Upcasting({})


def write(event: DayEvent) -> StoredForm:
    """Return the event in the form it is stored in."""
    match event:
        case DayRecorded():
            return StoredForm(
                StoredDayType.RECORDED, 1, _recorded(event), since=DAYS_AND_ARCHIVES_LEVEL
            )
        case DayCleared():
            data = {"channel": event.channel.value, "at": instants.to_json(event.at)}
            return StoredForm(StoredDayType.CLEARED, 1, data, since=DAYS_AND_ARCHIVES_LEVEL)
        case _:
            assert_never(event)


def read(event_type: str, schema_version: int, data: JsonObject) -> DayEvent:
    """Read what `write` of this or an older release wrote. Raises WrittenByNewerCode."""
    data = UPCASTING.to_newest(event_type, schema_version, data)
    channel, at = Channel(data["channel"]), instants.from_json(data["at"])
    match event_type:
        case StoredDayType.RECORDED:
            return DayRecorded(
                habit_id=UUID(data["habit_id"]),
                owner_id=UUID(data["owner_id"]),
                date=local_date.fromisoformat(data["date"]),
                record=_record_from_json(data["record"]),
                channel=channel,
                at=at,
            )
        case StoredDayType.CLEARED:
            return DayCleared(channel=channel, at=at)
        case _:
            raise UnknownStoredType(event_type)


DAYS: StreamKind[DayState, DayEvent] = StreamKind(
    name="day", initial=EmptyDay(), evolve=evolve, write=write, read=read
)
DayStore = EventStore[DayState, DayEvent]


def slots_to_json(slots: tuple[Slot, ...]) -> list[JsonObject]:
    return [{"time": slot.time.isoformat(), "done": slot.done} for slot in slots]


def slots_from_json(slots: list[JsonObject]) -> tuple[Slot, ...]:
    return tuple(Slot(local_time.fromisoformat(slot["time"]), slot["done"]) for slot in slots)


def _recorded(event: DayRecorded) -> JsonObject:
    record = event.record
    return {
        "habit_id": str(event.habit_id),
        "owner_id": str(event.owner_id),
        "date": event.date.isoformat(),
        "record": {
            "status": record.status.value,
            # As text: JSON's numbers are binary fractions to most readers.
            "value": _text(record.value),
            "target_value": _text(record.target_value),
            "unit": record.unit,
            "slots": slots_to_json(record.slots),
            "note": record.note,
        },
        "channel": event.channel.value,
        "at": instants.to_json(event.at),
    }


def _record_from_json(data: JsonObject) -> DayRecord:
    return DayRecord(
        status=DayStatus(data["status"]),
        value=_decimal(data["value"]),
        target_value=_decimal(data["target_value"]),
        unit=data["unit"],
        slots=slots_from_json(data["slots"]),
        note=data["note"],
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(text: Any) -> Decimal | None:
    return None if text is None else Decimal(text)
