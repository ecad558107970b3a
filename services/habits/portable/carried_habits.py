"""A habit as a file carries it: the lines of its events, and what is made of them. Pure.

Ids are new, and always the same for the same import, so that doing a part again makes no double.
What a file says is believed as little as what a request says: the same rules hold.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date as local_date
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from services.habits.days.day import LONGEST_NOTE_CHARACTERS
from services.habits.days.day_events import Channel, DayRecord, DayRecorded, DayStatus
from services.habits.days.stored_days import DAYS
from services.habits.habit_details import broken_rules
from services.habits.habit_events import (
    ActiveHabit,
    HabitArchived,
    HabitEvent,
    HabitState,
    HabitUnarchived,
    LinkCleared,
    NoHabit,
    UnreadableHistory,
    evolve,
)
from services.habits.quantities import LARGEST_QUANTITY
from services.habits.stored_events import HABITS
from services.habits.upcasting import JsonObject, UpgradeInProgress

_UNREADABLE = (
    *(KeyError, ValueError, TypeError, AttributeError, InvalidOperation, OverflowError),
    *(UnreadableHistory, UpgradeInProgress, RecursionError),
)

NOT_READABLE = "It is not what an export writes."
NOT_THERE = "It had been deleted."
IN_THE_FUTURE = "It is in the future."


class NotTaken(Exception):
    """A habit, or a day of one, that cannot be taken over; the text says why."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """What of a file was not taken, and why."""

    what: str
    reason: str


@dataclass(slots=True)
class CarriedHabit:
    """The lines of one habit, in the order of the file."""

    id: str
    habit_lines: list[bytes] = field(default_factory=list)
    day_lines: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHabit:
    """A habit as it is to be appended: its events, and the state they lead to."""

    events: list[HabitEvent]
    state: ActiveHabit


def new_id(import_id: UUID, old_id: str) -> UUID:
    """Return the id that a habit of a file gets in an import."""
    return uuid.uuid5(import_id, old_id)


def read_habit(
    carried: CarriedHabit,
    *,
    import_id: UUID,
    owner_id: UUID,
    linkable: Callable[[UUID], bool],
    now: datetime,
) -> ReadHabit:
    """Return the habit's events under its new id. Raises NotTaken.

    It comes in archived and is taken out at once: nothing from before now is reminded of.
    """
    try:
        events = [HABITS.read(*_stored(line, import_id, owner_id)) for line in carried.habit_lines]
        state = _fold(events, now)
    except _UNREADABLE as error:
        raise NotTaken(NOT_READABLE) from error
    if not isinstance(state, ActiveHabit) or state.id != new_id(import_id, carried.id):
        raise NotTaken(NOT_THERE)
    linked_id = state.details.linked_habit_id
    last: list[HabitEvent] = []
    if linked_id is not None and not linkable(linked_id):
        last.append(LinkCleared(at=now))
    if state.archived_at is None:
        last += [HabitArchived(at=now), HabitUnarchived(at=now)]
    for event in last:
        after = evolve(state, event)
        assert isinstance(after, ActiveHabit)  # noqa: S101 - none of them deletes
        state = after
    return ReadHabit(events=[*events, *last], state=state)


def read_days(
    carried: CarriedHabit,
    habit: ActiveHabit,
    *,
    first_date: local_date,
    last_date: local_date,
    now: datetime,
) -> Iterator[DayRecorded | Rejected]:
    """Yield what is recorded of each day at the end of the file, and what cannot be taken."""
    for date, lines in carried.day_lines.items():
        what = f"{habit.details.action}, {date[:10]}"
        try:
            day = _read_day(lines[-1], date, habit)
        except (*_UNREADABLE, NotTaken) as error:
            yield Rejected(what, str(error) if isinstance(error, NotTaken) else NOT_READABLE)
            continue
        if day is None:
            continue
        if day.at > now or not first_date <= day.date <= last_date:
            yield Rejected(what, f"It is not from {first_date} to {last_date}.")
        else:
            yield day


def name_of(carried: CarriedHabit) -> str:
    """Return what a report calls the habit: its last action, or its id in the file."""
    name = carried.id
    for line in carried.habit_lines:
        try:
            data = json.loads(line)["data"]
            name = {**data.get("details", {}), **data.get("changes", {})}.get("action", name)
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            continue
    # What no text may hold would keep the report from being stored.
    return str(name)[:255].replace("\x00", "?").encode("utf-8", "replace").decode()


def _fold(events: Iterable[HabitEvent], now: datetime) -> HabitState:
    state: HabitState = NoHabit()
    for event in events:
        state = evolve(state, event)
        if event.at > now:
            raise NotTaken(IN_THE_FUTURE)
        broken = broken_rules(state.details)
        if broken:
            raise NotTaken(" ".join(f"{name}: {said[0]}" for name, said in broken.items()))
    return state


def _stored(line: bytes, import_id: UUID, owner_id: UUID) -> tuple[str, int, JsonObject]:
    """Return type, schema version and data with the ids that they are to be stored with."""
    told = _parsed(line)
    data = dict(told["data"])
    for part in ("details", "changes"):
        if data.get(part, {}).get("linked_habit_id") is not None:
            linked = new_id(import_id, data[part]["linked_habit_id"])
            data[part] = {**data[part], "linked_habit_id": str(linked)}
    data |= {"habit_id": str(new_id(import_id, told["habit_id"])), "owner_id": str(owner_id)}
    return told["type"], told["schema_version"], data


def _parsed(line: bytes) -> JsonObject:
    """Return the line's object. Raises ValueError, also for text that PostgreSQL cannot hold."""
    told: JsonObject = json.loads(line)
    if b"\\u0000" in json.dumps(told, ensure_ascii=False).encode():
        raise ValueError("a text must not contain NUL")
    return told


def _read_day(line: bytes, date: str, habit: ActiveHabit) -> DayRecorded | None:
    told = _parsed(line)
    ids = {"habit_id": str(habit.id), "owner_id": str(habit.owner_id), "date": date}
    data: dict[str, Any] = {**told["data"], **ids, "channel": Channel.IMPORT.value}
    event = DAYS.read(told["type"], told["schema_version"], data)
    if not isinstance(event, DayRecorded):
        return None
    _check(event.record)
    return event


def _check(record: DayRecord) -> None:
    for value in (record.value, record.target_value):
        if value is not None and not (value.is_finite() and 0 < value <= LARGEST_QUANTITY):
            raise NotTaken("Its value is out of range.")
        if value is not None and value != value.quantize(Decimal("0.001")):
            raise NotTaken("Its value has more than three decimals.")
    if record.note is not None and len(record.note) > LONGEST_NOTE_CHARACTERS:
        raise NotTaken("Its note is too long.")
    if record.status is DayStatus.PARTIAL and record.value is None:
        raise NotTaken("It is partial without a value.")
