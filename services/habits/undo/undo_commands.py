"""Undoing the last change of an account, or of one of its habits.

Under the owner's lock and in one transaction: the latest change that is not undone yet, what was
before it as the fold of the events tells, and the command that brings that back, decided by the
same rules as any other. The events that come of it are stored with the version they undo.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date as local_date
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Connection, Engine

from services.habits import read_model
from services.habits.command_handling import UnitOfWork
from services.habits.days.day import ClearDay, PutBack
from services.habits.days.day_commands import DayCommands, DayRequest
from services.habits.days.day_events import Channel, RecordedDay
from services.habits.days.stored_days import DayStore
from services.habits.event_store import Event, EventStore, State
from services.habits.habit import (
    MOST_HABITS,
    ArchiveHabit,
    ChangeHabit,
    DeleteHabit,
    HabitCommand,
    RestoreHabit,
    RulesBroken,
    TooManyHabits,
    UnarchiveHabit,
    owned,
)
from services.habits.habit_details import DetailChanges, HabitDetails
from services.habits.habit_events import (
    ActiveHabit,
    DeletedHabit,
    HabitArchived,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitRestored,
    HabitState,
    HabitUnarchived,
)
from services.habits.history.changes import Change
from services.habits.history.told_changes import type_of
from services.habits.owners import lock_owner
from services.habits.stored_events import HabitStore
from services.habits.undo.undoable_changes import links_cleared_with, undoable_changes
from shared import instants
from shared.database import transaction
from shared.http.idempotency import Made, RequestKey, set_made, use_key

UNDOABLE_FOR = timedelta(hours=24)

OTHERS_LINK_TO_IT = "Other habits are linked to this habit, so it has to stay."
TOO_MANY = f"An account has at most {MOST_HABITS:,} habits, so a deleted one cannot come back."


class NothingToUndo(Exception):
    """Nothing was changed within 24 hours, or all of it has been undone."""


class UndoBreaksRule(Exception):
    """What was before the change is against a rule by now; `errors` has the messages by field."""

    def __init__(self, stored_type: str, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.stored_type = stored_type
        self.errors = errors

    @property
    def reasons(self) -> str:
        """All messages as one text."""
        return " ".join(message for messages in self.errors.values() for message in messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What was undone: a change of a habit, or of one of its days, and when it had been made."""

    type: str
    stored_type: str
    habit_id: UUID
    action: str
    date: local_date | None
    at: datetime


class UndoCommands:
    """Every method raises NothingToUndo, UndoBreaksRule or AccountErased."""

    def __init__(
        self,
        engine: Engine,
        habits: HabitStore,
        days: DayStore,
        now: Callable[[], datetime] = instants.now,
    ) -> None:
        self._engine = engine
        self._habits = habits
        self._days = days
        self._day_commands = DayCommands(engine, days, now)
        self._now = now

    def undo_last(
        self, by: UUID, habit_id: UUID | None = None, key: RequestKey | None = None
    ) -> Undone:
        """Undo the last change of the account, or of one of its habits.

        Raises a HabitRefusal where the habit is not the account's, and KeyReused.
        """
        with transaction(self._engine) as connection:
            lock_owner(connection, by)
            if key is not None:
                earlier = use_key(connection, str(by), key, {}, self._now())
                if earlier is not None:
                    return _from_made(earlier)
            undone = self.undo_last_in(connection, by, Channel.API, habit_id)
            if key is not None:
                set_made(connection, str(by), key, _to_made(undone))
        return undone

    def undo_last_in(
        self, connection: Connection, by: UUID, channel: Channel, habit_id: UUID | None = None
    ) -> Undone:
        """Undo the last change in a transaction that has the owner's lock."""
        unit = UnitOfWork(connection, self._habits, by, channel)
        if habit_id is not None:
            _refuse_stranger(unit.load(habit_id), by)
        since = self._now() - UNDOABLE_FOR
        for change in undoable_changes(connection, by, since, habit_id):
            if self._undo(unit, change, since):
                return _undone(change, unit.load(change.habit_id))
        raise NothingToUndo

    def _undo(self, unit: UnitOfWork, change: Change, since: datetime) -> bool:
        """Undo one change; return whether anything came of it."""
        try:
            if change.date is not None:
                return self._undo_day(unit, change, change.date)
            return self._undo_habit(unit, change, since)
        except RulesBroken as broken:
            raise UndoBreaksRule(change.stored_type, broken.errors) from broken
        except TooManyHabits as full:
            raise UndoBreaksRule(change.stored_type, {"habits": [TOO_MANY]}) from full

    def _undo_day(self, unit: UnitOfWork, change: Change, date: local_date) -> bool:
        before = _state_before(self._days, unit.connection, change)
        command = PutBack(before.record) if isinstance(before, RecordedDay) else ClearDay()
        request = DayRequest(habit_id=change.habit_id, date=date, command=command)
        return self._day_commands.answer_in(
            unit.connection, unit.by, request, unit.channel, undoes=change.version
        )

    def _undo_habit(self, unit: UnitOfWork, change: Change, since: datetime) -> bool:
        before = _state_before(self._habits, unit.connection, change)
        state = unit.load(change.habit_id)
        command = self._command(unit, change, before, state)
        after = unit.execute(change.habit_id, command, state, undoes=change.version)
        if isinstance(change.event, HabitDeleted):
            cleared = links_cleared_with(unit.connection, unit.by, since, change.event)
            self._link_again(unit, cleared, change.habit_id)
        return after != state

    def _command(
        self, unit: UnitOfWork, change: Change, before: HabitState, state: HabitState
    ) -> HabitCommand:
        """Return what brings back what was before a change of a habit. Raises RulesBroken."""
        by, now = unit.by, self._now()
        match change.event:
            case HabitCreated() | HabitRestored():
                if read_model.linked_to(unit.connection, change.habit_id):
                    raise RulesBroken({"linked_habit_id": [OTHERS_LINK_TO_IT]})
                return DeleteHabit(by=by, now=now)
            case HabitDeleted():
                unit.refuse_if_full(MOST_HABITS)
                linked_id = _details_of(state).linked_habit_id
                return RestoreHabit(by=by, linkable_ids=unit.linkable(linked_id), now=now)
            case HabitArchived():
                return UnarchiveHabit(by=by, now=now)
            case HabitUnarchived():
                return ArchiveHabit(by=by, now=now)
            case HabitChanged() as event:
                old = _details_of(before)
                changes = {name: getattr(old, name) for name in event.changes}
                return self._change(unit, change.habit_id, cast("DetailChanges", changes))
            case _:
                raise AssertionError(f"{change.stored_type} is not undone by itself")

    def _change(self, unit: UnitOfWork, habit_id: UUID, changes: DetailChanges) -> ChangeHabit:
        return ChangeHabit(
            by=unit.by,
            changes=changes,
            linkable_ids=unit.linkable(changes.get("linked_habit_id")),
            others_link_to_it=bool(read_model.linked_to(unit.connection, habit_id)),
            now=self._now(),
        )

    def _link_again(self, unit: UnitOfWork, cleared: Iterable[Change], habit_id: UUID) -> None:
        """Link what the habit's deletion unlinked, unless it has got a reward meanwhile."""
        for change in cleared:
            before = _state_before(self._habits, unit.connection, change)
            state = unit.load(change.habit_id)
            if _details_of(before).linked_habit_id != habit_id or not _can_link(state):
                continue
            command = self._change(unit, change.habit_id, {"linked_habit_id": habit_id})
            unit.execute(change.habit_id, command, state, undoes=change.version)


def _state_before(store: EventStore[State, Event], connection: Connection, change: Change) -> State:
    at = {change.stream_id: change.version - 1}
    return store.load_at(connection, at)[change.stream_id]


def _details_of(state: HabitState) -> HabitDetails:
    assert isinstance(state, ActiveHabit | DeletedHabit)  # noqa: S101 - it has been created
    return state.details


def _can_link(state: HabitState) -> bool:
    if not isinstance(state, ActiveHabit):
        return False
    details = state.details
    return not details.is_pleasant and details.reward is None and details.linked_habit_id is None


def _refuse_stranger(state: HabitState, by: UUID) -> None:
    """Raise a HabitRefusal unless it is, or was, the account's habit."""
    if not isinstance(state, DeletedHabit) or state.owner_id != by:
        owned(state, by)


def _undone(change: Change, state: HabitState) -> Undone:
    return Undone(
        type=type_of(change.event),
        stored_type=change.stored_type,
        habit_id=change.habit_id,
        action=_details_of(state).action,
        date=change.date,
        at=change.at,
    )


def _to_made(undone: Undone) -> Made:
    return {
        "type": undone.type,
        "stored_type": undone.stored_type,
        "habit_id": str(undone.habit_id),
        "date": None if undone.date is None else undone.date.isoformat(),
        "at": instants.to_json(undone.at),
    }


def _from_made(made: Made) -> Undone:
    return Undone(
        type=made["type"],
        stored_type=made["stored_type"],
        habit_id=UUID(made["habit_id"]),
        action="",
        date=None if made["date"] is None else local_date.fromisoformat(made["date"]),
        at=instants.from_json(made["at"]),
    )
