"""Handling what is answered for days: load, decide, append, read model and outbox at once.

One transaction under the owner's lock and a fixed number of statements, however many days it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date as local_date
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy import Connection, Engine

from services.habits import read_model
from services.habits.account_clock import AccountClock, read_clock
from services.habits.command_handling import event_meta
from services.habits.days import day_messages, day_table
from services.habits.days.day import ClearDay, DayCommand, DayPlan, DayRefused, decide
from services.habits.days.day_events import (
    Channel,
    DayEvent,
    DayState,
    RecordedDay,
    day_id,
    evolve,
)
from services.habits.days.stored_days import DayStore
from services.habits.etags import Precondition
from services.habits.habit import HabitRefusal, owned
from services.habits.habit_events import ActiveHabit, NoHabit
from services.habits.owners import lock_owner
from shared import instants
from shared.database import transaction
from shared.http.idempotency import Made, RequestKey, set_made, use_key
from shared.recurrence.local_dates import latest_date_at

NOT_YOUR_HABIT = "Must be one of your own habits."
TWICE = "This habit's day comes twice."

# What to do about refused requests, by their numbers; never returns.
Refuse = Callable[[dict[int, Exception]], None]

_changed = Counter("habit_days_changed_total", "Days recorded or cleared", ["channel"])


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRequest:
    """What is asked of one day. `precondition` says of which versions it is meant."""

    habit_id: UUID
    date: local_date
    command: DayCommand
    precondition: Precondition = field(default_factory=Precondition)

    @property
    def day_id(self) -> UUID:
        return day_id(self.habit_id, self.date)


@dataclass(frozen=True, slots=True)
class DayAnswer:
    """A day after a request, and whether something had been recorded of it before."""

    day: DayState
    was_recorded: bool


class DayCommands:
    """What can be answered for days. Every method raises AccountErased for an erased account."""

    def __init__(
        self, engine: Engine, store: DayStore, now: Callable[[], datetime] = instants.now
    ) -> None:
        self._engine = engine
        self._store = store
        self._now = now

    def answer(
        self,
        by: UUID,
        request: DayRequest,
        channel: Channel = Channel.API,
        key: RequestKey | None = None,
    ) -> DayAnswer:
        """Answer for one day. Raises a HabitRefusal, DayRefused, StaleVersion or KeyReused."""
        [answer] = self._run(by, [request], channel, key, _raise_first)
        return answer

    def answer_all(
        self,
        by: UUID,
        requests: Sequence[DayRequest],
        channel: Channel = Channel.API,
        key: RequestKey | None = None,
    ) -> list[DayAnswer]:
        """Answer for many days, all or none. Raises DayRefused, with `days.<n>.<field>`."""
        return self._run(by, requests, channel, key, _raise_all)

    def answer_in(
        self,
        connection: Connection,
        by: UUID,
        request: DayRequest,
        channel: Channel,
        undoes: int | None = None,
    ) -> bool:
        """Answer for one day in a transaction that has the owner's lock.

        Returns whether anything changed; `undoes` is the version of the event that is taken back.
        Raises a HabitRefusal, DayRefused or StaleVersion, and has written nothing then.
        """
        unit = _Unit(connection, self._store, by, channel, self._now(), undoes)
        unit.carry_out([request], _raise_first)
        _changed.labels(channel.value).inc(unit.changed)
        return unit.changed > 0

    def _run(
        self,
        by: UUID,
        requests: Sequence[DayRequest],
        channel: Channel,
        key: RequestKey | None,
        refuse: Refuse,
    ) -> list[DayAnswer]:
        with transaction(self._engine) as connection:
            lock_owner(connection, by)
            now = self._now()
            if key is not None:
                earlier = use_key(connection, str(by), key, {}, now)
                if earlier is not None:
                    return self._as_they_were(connection, requests, earlier)
            unit = _Unit(connection, self._store, by, channel, now)
            answers = unit.carry_out(requests, refuse)
            if key is not None:
                versions = {
                    str(request.day_id): answer.day.version
                    for request, answer in zip(requests, answers, strict=True)
                }
                set_made(connection, str(by), key, versions)
        _changed.labels(channel.value).inc(unit.changed)
        return answers

    def _as_they_were(
        self, connection: Connection, requests: Sequence[DayRequest], made: Made
    ) -> list[DayAnswer]:
        versions = {UUID(day_id): version for day_id, version in made.items()}
        states = self._store.load_at(connection, versions)
        return [DayAnswer(states[request.day_id], was_recorded=True) for request in requests]


@dataclass(slots=True)
class _Unit:
    """The work of one command in its transaction."""

    connection: Connection
    store: DayStore
    by: UUID
    channel: Channel
    now: datetime
    undoes: int | None = None
    changed: int = 0

    def carry_out(self, requests: Sequence[DayRequest], refuse: Refuse) -> list[DayAnswer]:
        before = day_table.load(self.connection, {request.day_id for request in requests})
        happened = self._decide_all(requests, before, refuse)
        after = {each: evolve(before[each], event) for each, event in happened.items()}
        if happened:
            self._append(before, happened)
            day_table.write(self.connection, after)
            self._announce(requests, after)
        self.changed = len(happened)
        return [
            DayAnswer(
                after.get(request.day_id, before[request.day_id]),
                was_recorded=isinstance(before[request.day_id], RecordedDay),
            )
            for request in requests
        ]

    def _decide_all(
        self, requests: Sequence[DayRequest], before: dict[UUID, DayState], refuse: Refuse
    ) -> dict[UUID, DayEvent]:
        clock = read_clock(self.connection, self.by)
        habits = read_model.find_all(self.connection, {each.habit_id for each in requests})
        happened: dict[UUID, DayEvent] = {}
        refused: dict[int, Exception] = {}
        seen: set[UUID] = set()
        for number, request in enumerate(requests):
            try:
                _refuse_twice(request, seen)
                habit = owned(habits.get(request.habit_id, NoHabit()), self.by)
                events = self._decide(request, before[request.day_id], habit, clock)
            except (HabitRefusal, DayRefused) as error:
                refused[number] = error
            else:
                for event in events:
                    happened[request.day_id] = event
        if refused:
            refuse(refused)
        return happened

    def _decide(
        self, request: DayRequest, state: DayState, habit: ActiveHabit, clock: AccountClock
    ) -> list[DayEvent]:
        is_recorded = isinstance(state, RecordedDay)
        # What is to be cleared and is empty is as it was asked to be, whoever cleared it.
        if is_recorded or not isinstance(request.command, ClearDay):
            request.precondition.check(state.version if is_recorded else None)
        return decide(
            request.command,
            state,
            day_plan(habit, clock, self.now),
            date=request.date,
            channel=self.channel,
            now=self.now,
        )

    def _append(self, before: dict[UUID, DayState], happened: dict[UUID, DayEvent]) -> None:
        self.store.append_each(
            self.connection,
            {each: (before[each].version, event) for each, event in happened.items()},
            owner_id=self.by,
            meta=event_meta(self.by, self.channel, self.undoes),
        )

    def _announce(self, requests: Sequence[DayRequest], after: dict[UUID, DayState]) -> None:
        day_messages.announce(
            self.connection,
            [
                day_messages.to_message(
                    after[request.day_id],
                    habit_id=request.habit_id,
                    owner_id=self.by,
                    date=request.date,
                    channel=self.channel,
                    at=self.now,
                )
                for request in requests
                if request.day_id in after
            ],
        )


def day_plan(habit: ActiveHabit, clock: AccountClock, now: datetime) -> DayPlan:
    """Return what the habit means by one of its days."""
    return DayPlan(
        habit_id=habit.id,
        owner_id=habit.owner_id,
        times=habit.details.times,
        target_value=habit.details.target_value,
        unit=habit.details.unit,
        first_date=clock.first_date_of(habit),
        last_date=latest_date_at(now),
    )


def _refuse_twice(request: DayRequest, seen: set[UUID]) -> None:
    if request.day_id in seen:
        raise DayRefused({"date": [TWICE]})
    seen.add(request.day_id)


def _raise_first(refused: dict[int, Exception]) -> None:
    raise refused[0]


def _raise_all(refused: dict[int, Exception]) -> None:
    errors: dict[str, list[str]] = {}
    for number, error in refused.items():
        for name, messages in _errors_of(error).items():
            errors[f"days.{number}.{name}"] = messages
    raise DayRefused(errors)


def _errors_of(error: Exception) -> dict[str, list[str]]:
    if isinstance(error, DayRefused):
        return error.errors
    return {"habit_id": [NOT_YOUR_HABIT]}
