"""A day's decider: what can be answered for a habit's day, and what is recorded or why it is not.

Pure: the habit's day as it is, the dates that can be answered for, and the clock come in.
"""

from dataclasses import dataclass
from datetime import date as local_date
from datetime import datetime
from datetime import time as local_time
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from services.habits.days.day_events import (
    Channel,
    DayCleared,
    DayEvent,
    DayRecord,
    DayRecorded,
    DayState,
    DayStatus,
    RecordedDay,
    Slot,
)
from services.habits.habit_details import is_blank
from services.habits.quantities import LARGEST_QUANTITY

LONGEST_NOTE_CHARACTERS = 1000

BEFORE_START = "Must not be before the habit's first date, {}."
IN_THE_FUTURE = "Must not be in the future: nowhere is it later than {}."
VALUE_TOO_LARGE = f"The day's value must not be more than {LARGEST_QUANTITY:,}."


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Done means all of it, skipped that it was not to be done; what is partial, a value says.

    Whoever `keeps` says nothing of note and value: a note that is there stays, and so does a day
    that has the status already.
    """

    status: DayStatus
    note: str | None = None
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class SetValue:
    """So much was done; whether that is all of it, the habit's target says."""

    value: Decimal
    note: str | None = None


@dataclass(frozen=True, slots=True)
class AddValue:
    """So much more was done."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class ClearDay:
    """Nothing is to be recorded."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """It is again what was recorded before."""

    record: DayRecord


DayCommand = SetStatus | SetValue | AddValue | ClearDay | PutBack


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """What a habit means by one of its days, and which dates can be answered for."""

    habit_id: UUID
    owner_id: UUID
    times: tuple[local_time, ...]
    target_value: Decimal | None
    unit: str | None
    first_date: local_date
    last_date: local_date


class DayRefused(Exception):
    """What was asked cannot be recorded; `errors` has the messages by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


def decide(
    command: DayCommand,
    state: DayState,
    plan: DayPlan,
    *,
    date: local_date,
    channel: Channel,
    now: datetime,
) -> list[DayEvent]:
    """Return what happens, nothing if nothing changes. Raises DayRefused."""
    if isinstance(command, ClearDay):
        is_recorded = isinstance(state, RecordedDay)
        return [DayCleared(channel=channel, at=now)] if is_recorded else []
    _check_date(date, plan)
    before = state.record if isinstance(state, RecordedDay) else None
    if isinstance(command, SetStatus) and command.keeps and before is not None:
        if before.status is command.status:
            return []
        command = SetStatus(command.status, before.note)
    record = _record(command, before, plan)
    if record == before:
        return []
    return [
        DayRecorded(
            habit_id=plan.habit_id,
            owner_id=plan.owner_id,
            date=date,
            record=record,
            channel=channel,
            at=now,
        )
    ]


def _check_date(date: local_date, plan: DayPlan) -> None:
    if date < plan.first_date:
        raise DayRefused({"date": [BEFORE_START.format(plan.first_date)]})
    if date > plan.last_date:
        raise DayRefused({"date": [IN_THE_FUTURE.format(plan.last_date)]})


def _record(
    command: SetStatus | SetValue | AddValue | PutBack, before: DayRecord | None, plan: DayPlan
) -> DayRecord:
    match command:
        case SetStatus(DayStatus.DONE, note):
            return _new(plan, DayStatus.DONE, plan.target_value, note)
        case SetStatus(_, note):
            return _new(plan, DayStatus.SKIPPED, None, note)
        case SetValue(value, note):
            return _valued(plan, value, note)
        case AddValue(amount):
            return _added(plan, before, amount)
        case PutBack(record):
            return record
        case _:
            assert_never(command)


def _added(plan: DayPlan, before: DayRecord | None, amount: Decimal) -> DayRecord:
    value = amount + (before.value or 0 if before else 0)
    if value > LARGEST_QUANTITY:
        raise DayRefused({"amount": [VALUE_TOO_LARGE]})
    return _valued(plan, value, before.note if before else None)


def _valued(plan: DayPlan, value: Decimal, note: str | None) -> DayRecord:
    is_less = plan.target_value is not None and value < plan.target_value
    return _new(plan, DayStatus.PARTIAL if is_less else DayStatus.DONE, value, note)


def _new(plan: DayPlan, status: DayStatus, value: Decimal | None, note: str | None) -> DayRecord:
    is_done = status is DayStatus.DONE
    return DayRecord(
        status=status,
        value=value,
        target_value=plan.target_value,
        unit=plan.unit,
        slots=tuple(Slot(time, is_done) for time in plan.times),
        note=None if note is None or is_blank(note) else note,
    )
