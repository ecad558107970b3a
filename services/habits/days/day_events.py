"""What can happen to a habit's day, and what it is then: events, states and `evolve`.

A day is a stream of its own, named by its habit and its local date. Its version counts its own
events, so a day that is answered elsewhere never makes a change of the habit fail.
"""

import uuid
from dataclasses import dataclass
from datetime import date as local_date
from datetime import datetime
from datetime import time as local_time
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class DayStatus(StrEnum):
    """`partial`: something was done, less than was meant to be."""

    DONE = "done"
    SKIPPED = "skipped"
    PARTIAL = "partial"


class Channel(StrEnum):
    """By which way an answer came."""

    API = "api"
    TELEGRAM = "telegram"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the times of the day at which the habit is due, and whether that one is done."""

    time: local_time
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """What is recorded of a day; target, unit and times are the habit's of the moment."""

    status: DayStatus
    value: Decimal | None
    target_value: Decimal | None
    unit: str | None
    slots: tuple[Slot, ...]
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecorded:
    """Carries the whole record, so the last one is all there is to know."""

    habit_id: UUID
    owner_id: UUID
    date: local_date
    record: DayRecord
    channel: Channel
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCleared:
    channel: Channel
    at: datetime


DayEvent = DayRecorded | DayCleared


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyDay:
    """Nothing is recorded: not yet (version 0), or not any more."""

    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDay:
    habit_id: UUID
    owner_id: UUID
    date: local_date
    record: DayRecord
    channel: Channel
    recorded_at: datetime
    version: int


DayState = EmptyDay | RecordedDay


def day_id(habit_id: UUID, date: local_date) -> UUID:
    """Return the id of the day's stream, which anybody can compute."""
    return uuid.uuid5(habit_id, date.isoformat())


def evolve(state: DayState, event: DayEvent) -> DayState:
    """Return the state after the event."""
    version = state.version + 1
    match event:
        case DayRecorded():
            return RecordedDay(
                habit_id=event.habit_id,
                owner_id=event.owner_id,
                date=event.date,
                record=event.record,
                channel=event.channel,
                recorded_at=event.at,
                version=version,
            )
        case DayCleared():
            return EmptyDay(version=version)
