"""Handling a command: load, decide, append, write the read model and the outbox; one transaction.

The owner's lock is taken first, so an account's commands run one after another and what a command
knows of the owner's streams stays true until it commits.
"""

import uuid
from collections.abc import Callable
from datetime import date as local_date
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection, Engine

from services.habits import public_events, read_model
from services.habits.account_clock import AccountClock, read_clock
from services.habits.days.day_events import Channel
from services.habits.etags import StaleVersion
from services.habits.habit import (
    MOST_HABITS,
    ArchiveHabit,
    ChangeHabit,
    ClearLink,
    CreateHabit,
    DeleteHabit,
    HabitCommand,
    RestoreHabit,
    TooManyHabits,
    UnarchiveHabit,
    decide,
    owned,
)
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import (
    ActiveHabit,
    DeletedHabit,
    HabitEvent,
    HabitState,
    NoHabit,
    evolve,
)
from services.habits.owners import lock_owner
from services.habits.public_list.public_table import count_copy
from services.habits.stored_events import HabitStore, stored_type
from services.habits.upcasting import JsonObject
from services.habits.writing_level import SCHEDULES_LEVEL
from services.habits.written_details import HabitChanges
from shared import instants
from shared.database import transaction
from shared.http.idempotency import RequestKey, use_key

Result = TypeVar("Result")

_appended = Counter("habit_events_appended_total", "Events committed to the store", ["type"])


class HabitCommands:
    """What the outside can ask for. `if_match` are the versions the client means, None for any.

    Every method raises AccountErased for an erased account.
    """

    def __init__(
        self,
        engine: Engine,
        store: HabitStore,
        now: Callable[[], datetime] = instants.now,
        most_habits: int = MOST_HABITS,
    ) -> None:
        self._engine = engine
        self._store = store
        self._now = now
        self._most_habits = most_habits

    def create(
        self,
        by: UUID,
        details: HabitDetails,
        key: RequestKey | None = None,
        copied_from: UUID | None = None,
    ) -> ActiveHabit:
        """Create a habit, or return the one created under the key.

        Raises RulesBroken, TooManyHabits, KeyReused.
        What was created under the key is returned as it was then.
        """
        habit_id = uuid.uuid4()

        def work(unit: "UnitOfWork") -> ActiveHabit:
            now = self._now()
            if key is not None:
                made = {"habit_id": str(habit_id)}
                earlier = use_key(unit.connection, str(by), key, made, now)
                if earlier is not None:
                    return unit.shown(unit.load_as_created(UUID(earlier["habit_id"])))
            unit.refuse_if_full(self._most_habits)
            command = CreateHabit(
                habit_id=habit_id,
                by=by,
                details=details,
                created_on=unit.date_of(now),
                linkable_ids=unit.linkable(details.linked_habit_id),
                now=now,
            )
            if copied_from is not None:
                count_copy(unit.connection, copied_from)
            return unit.shown(unit.execute(habit_id, command, NoHabit()))

        return self._run(by, work)

    def change(
        self,
        habit_id: UUID,
        by: UUID,
        changes: HabitChanges,
        if_match: frozenset[int] | None,
    ) -> ActiveHabit:
        """Change a habit. Raises a HabitRefusal, FormsDisagree or StaleVersion."""

        def work(unit: "UnitOfWork") -> ActiveHabit:
            habit = unit.load_owned(habit_id, if_match)
            command = ChangeHabit(
                by=by,
                changes=changes,
                linkable_ids=unit.linkable(
                    changes.get("linked_habit_id"), habit.details.linked_habit_id
                ),
                others_link_to_it=bool(read_model.linked_to(unit.connection, habit_id)),
                now=self._now(),
            )
            return unit.shown(unit.execute(habit_id, command, habit))

        return self._run(by, work)

    def delete(self, habit_id: UUID, by: UUID, if_match: frozenset[int] | None) -> None:
        """Delete a habit and clear the links to it. Raises a HabitRefusal or StaleVersion."""

        def work(unit: "UnitOfWork") -> None:
            habit = unit.load_owned(habit_id, if_match)
            linked_ids = read_model.linked_to(unit.connection, habit_id)
            now = self._now()
            for other_id in linked_ids:
                clear = ClearLink(linked_habit_id=habit_id, now=now)
                unit.execute(other_id, clear, unit.load(other_id))
            unit.execute(habit_id, DeleteHabit(by=by, now=now), habit)

        self._run(by, work)

    def archive(self, habit_id: UUID, by: UUID, if_match: frozenset[int] | None) -> ActiveHabit:
        """Archive a habit, if it is not. Raises a HabitRefusal or StaleVersion."""
        return self._act(habit_id, by, if_match, lambda now: ArchiveHabit(by=by, now=now))

    def unarchive(self, habit_id: UUID, by: UUID, if_match: frozenset[int] | None) -> ActiveHabit:
        """Take a habit out of the archive. Raises a HabitRefusal or StaleVersion."""
        return self._act(habit_id, by, if_match, lambda now: UnarchiveHabit(by=by, now=now))

    def restore(self, habit_id: UUID, by: UUID) -> ActiveHabit:
        """Bring a deleted habit back, if it is deleted. Raises a HabitRefusal."""

        def work(unit: "UnitOfWork") -> ActiveHabit:
            state = unit.load(habit_id)
            linked_id = None
            if isinstance(state, DeletedHabit) and state.owner_id == by:
                unit.refuse_if_full(self._most_habits)
                linked_id = state.details.linked_habit_id
            linkable_ids = unit.linkable(linked_id)
            command = RestoreHabit(by=by, linkable_ids=linkable_ids, now=self._now())
            return unit.shown(unit.execute(habit_id, command, state))

        return self._run(by, work)

    def _act(
        self,
        habit_id: UUID,
        by: UUID,
        if_match: frozenset[int] | None,
        make: Callable[[datetime], HabitCommand],
    ) -> ActiveHabit:
        def work(unit: "UnitOfWork") -> ActiveHabit:
            habit = unit.load_owned(habit_id, if_match)
            return unit.shown(unit.execute(habit_id, make(self._now()), habit))

        return self._run(by, work)

    def _run(self, by: UUID, work: Callable[["UnitOfWork"], Result]) -> Result:
        with transaction(self._engine) as connection:
            lock_owner(connection, by)
            unit = UnitOfWork(connection, self._store, by)
            result = work(unit)
        unit.count_appended()
        return result


class UnitOfWork:
    """The work of one command in its transaction."""

    def __init__(
        self,
        connection: Connection,
        store: HabitStore,
        by: UUID,
        channel: Channel = Channel.API,
    ) -> None:
        self.connection = connection
        self._store = store
        self.by = by
        self.channel = channel
        self._appended: list[HabitEvent] = []
        self._clock: AccountClock | None = None

    @property
    def clock(self) -> AccountClock:
        """The account's clock, asked for at most once."""
        if self._clock is None:
            self._clock = read_clock(self.connection, self.by)
        return self._clock

    def date_of(self, now: datetime) -> local_date | None:
        """Return the owner's date, None if it is not known or cannot be stored yet."""
        is_told = self._store.may_write(self.connection, SCHEDULES_LEVEL)
        return self.clock.known_date_of(now) if is_told else None

    def shown(self, state: HabitState) -> ActiveHabit:
        """Return the habit as its owner may read it."""
        assert isinstance(state, ActiveHabit)  # noqa: S101 - no command that shows one deletes it
        return state if state.created_on is not None else self.clock.settled(state)

    def load(self, habit_id: UUID) -> HabitState:
        return self._store.load(self.connection, habit_id)

    def load_as_created(self, habit_id: UUID) -> HabitState:
        [first] = self._store.read(self.connection, habit_id, limit=1)
        return evolve(NoHabit(), first.event)

    def load_owned(self, habit_id: UUID, if_match: frozenset[int] | None) -> ActiveHabit:
        habit = owned(self.load(habit_id), self.by)
        if if_match is not None and habit.version not in if_match:
            raise StaleVersion(habit.version)
        return habit

    def refuse_if_full(self, most_habits: int) -> None:
        """Raise TooManyHabits if the account cannot have one more."""
        if read_model.number_owned(self.connection, self.by) >= most_habits:
            raise TooManyHabits

    def linkable(self, *habit_ids: UUID | None) -> frozenset[UUID]:
        """Return those of the ids that are pleasant habits of the account."""
        asked = {habit_id for habit_id in habit_ids if habit_id is not None}
        if not asked:
            return frozenset()
        return read_model.linkable_among(self.connection, self.by, asked)

    def execute(
        self,
        habit_id: UUID,
        command: HabitCommand,
        state: HabitState,
        undoes: int | None = None,
    ) -> HabitState:
        """Decide, and record what happens everywhere it belongs. Returns the state after it.

        `undoes` is the version of the event that the command takes back.
        """
        new_events = decide(command, state)
        if not new_events:
            return state
        expected_version, after = state.version, []
        for event in new_events:
            state = evolve(state, event)
            after.append(state)
        self._store.append(
            self.connection,
            habit_id,
            new_events,
            owner_id=self.by,
            expected_version=expected_version,
            meta=event_meta(self.by, self.channel, undoes),
            beside=[read_model.written(after[-1])],
        )
        for event, then in zip(new_events, after, strict=True):
            self._announce(event, then)
        self._appended.extend(new_events)
        return state

    def _announce(self, event: HabitEvent, state: ActiveHabit | DeletedHabit) -> None:
        in_version_1 = not self._store.may_write(self.connection, SCHEDULES_LEVEL)
        if not in_version_1 and state.created_on is None:
            state = self.clock.settled(state)
        public_events.announce(self.connection, event, state, in_version_1=in_version_1)

    def count_appended(self) -> None:
        """Count the events of the transaction, once it has committed."""
        for event in self._appended:
            _appended.labels(stored_type(event).value).inc()


def event_meta(
    actor: UUID, channel: Channel = Channel.API, undoes: int | None = None
) -> JsonObject:
    """Return what is stored with an event beside it.

    By whom, which way and on which request, and of which version of its stream it is the undo.
    """
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    meta = {"actor": str(actor), "channel": channel.value, "request_id": request_id}
    return meta if undoes is None else {**meta, "undoes": undoes}
