"""Commands at the same time: links stay true, nothing is lost, nobody waits for ever.

`now` is read after a command has learnt all it needs and before it decides, so a test that hooks
into it can hold two commands at the one point where they could miss each other.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time
from threading import Barrier, BrokenBarrierError
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine

from services.habits import read_model
from services.habits.command_handling import HabitCommands
from services.habits.erasure import erase_account
from services.habits.etags import StaleVersion
from services.habits.event_store import EventStore
from services.habits.habit import HabitRefusal
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import ActiveHabit, HabitChanged
from services.habits.http_api import COMMANDS
from services.habits.owners import AccountErased
from services.habits.stored_events import HABITS
from shared import instants
from shared.database import transaction
from shared.recurrence.schedules import EveryNDays
from tests.integration.habits.callers import Caller, assert_problem

STORE = EventStore(HABITS)
WATER = HabitDetails(action="Drink", place="Kitchen", times=(time(7, 30),), duration_seconds=60)
BATH = replace(WATER, action="Take a bath", is_pleasant=True)
# Long enough for a command that need not wait to get to the meeting point.
MEETING_SECONDS = 1.0


@pytest.fixture
def commands(engine: Engine) -> HabitCommands:
    return HabitCommands(engine, STORE)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def meeting(engine: Engine) -> HabitCommands:
    """Return commands of which two wait for each other before they decide, if they can."""
    barrier = Barrier(2)

    def now() -> datetime:
        with suppress(BrokenBarrierError):
            barrier.wait(MEETING_SECONDS)
        return instants.now()

    return HabitCommands(engine, STORE, now)


def outcome(running: Future[Any]) -> str:
    try:
        running.result(timeout=30)
    except HabitRefusal:
        return "refused"
    return "done"


def find(engine: Engine, habit_id: UUID) -> ActiveHabit | None:
    with engine.connect() as connection:
        return read_model.find(connection, habit_id)


def links_are_true(engine: Engine, owner: UUID) -> bool:
    """Whether every link of the owner's habits leads to a pleasant habit of theirs."""
    with engine.connect() as connection:
        habits = read_model.page(connection, read_model.owned_by(owner), offset=0, limit=100)
    pleasant = {habit.id for habit in habits if habit.details.is_pleasant}
    links = {habit.details.linked_habit_id for habit in habits} - {None}
    return links <= pleasant


def link(commands: HabitCommands, owner: UUID, habit: UUID, bath: UUID) -> object:
    return commands.change(habit, owner, {"linked_habit_id": bath}, None)


def test_linking_to_a_habit_that_stops_being_pleasant(
    engine: Engine, commands: HabitCommands, pool: ThreadPoolExecutor
) -> None:
    owner = uuid4()
    bath, water = commands.create(owner, BATH).id, commands.create(owner, WATER).id
    racing = meeting(engine)
    linking = pool.submit(link, racing, owner, water, bath)
    spoiling = pool.submit(racing.change, bath, owner, {"is_pleasant": False}, None)
    assert {outcome(linking), outcome(spoiling)} == {"done", "refused"}
    assert links_are_true(engine, owner)


def test_creating_a_habit_linked_to_one_that_stops_being_pleasant(
    engine: Engine, commands: HabitCommands, pool: ThreadPoolExecutor
) -> None:
    owner = uuid4()
    bath = commands.create(owner, BATH).id
    racing = meeting(engine)
    creating = pool.submit(racing.create, owner, replace(WATER, linked_habit_id=bath))
    spoiling = pool.submit(racing.change, bath, owner, {"is_pleasant": False}, None)
    assert {outcome(creating), outcome(spoiling)} == {"done", "refused"}
    assert links_are_true(engine, owner)


def test_linking_to_a_habit_that_is_deleted(
    engine: Engine, commands: HabitCommands, pool: ThreadPoolExecutor
) -> None:
    owner = uuid4()
    bath, water = commands.create(owner, BATH).id, commands.create(owner, WATER).id
    racing = meeting(engine)
    linking = pool.submit(link, racing, owner, water, bath)
    deleting = pool.submit(racing.delete, bath, owner, None)
    outcome(linking)
    assert outcome(deleting) == "done"
    assert links_are_true(engine, owner)
    habit = find(engine, water)
    assert habit is not None
    assert habit.details.linked_habit_id is None


def test_concurrent_changes_of_one_habit_are_all_made(
    engine: Engine, commands: HabitCommands, pool: ThreadPoolExecutor
) -> None:
    owner = uuid4()
    habit_id = commands.create(owner, WATER).id
    changes = [
        pool.submit(commands.change, habit_id, owner, {"place": f"Room {number}"}, None)
        for number in range(24)
    ]
    assert sorted(change.result().version for change in changes) == list(range(2, 26))


def test_of_concurrent_changes_meant_for_one_version_one_is_made(
    engine: Engine, commands: HabitCommands, pool: ThreadPoolExecutor
) -> None:
    owner = uuid4()
    habit_id = commands.create(owner, WATER).id

    def change(number: int) -> bool:
        place = f"Room {number}"
        try:
            commands.change(habit_id, owner, {"place": place}, frozenset({1}))
        except StaleVersion:
            return False
        return True

    assert sum(pool.map(change, range(8))) == 1
    habit = find(engine, habit_id)
    assert habit is not None
    assert habit.version == 2


def test_accounts_do_not_wait_for_each_other(
    engine: Engine, commands: HabitCommands, pool: ThreadPoolExecutor
) -> None:
    def now() -> datetime:
        # Runs while the other account's command holds its lock.
        pool.submit(commands.create, uuid4(), WATER).result(timeout=5)
        return instants.now()

    assert HabitCommands(engine, STORE, now).create(uuid4(), WATER).version == 1


def overtaken(engine: Engine, habit_id: UUID) -> HabitCommands:
    """Return commands that somebody who takes no lock overtakes."""

    def now() -> datetime:
        with transaction(engine) as connection:
            STORE.append(
                connection,
                habit_id,
                [HabitChanged.of({"schedule": EveryNDays(2)}, instants.now())],
                owner_id=uuid4(),
                expected_version=1,
                meta={},
            )
        return instants.now()

    return HabitCommands(engine, STORE, now)


def test_a_writer_without_the_lock_is_found_out_and_nothing_is_overwritten(
    app: Flask, engine: Engine, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    habit_id = UUID(anna.create()["id"])
    monkeypatch.setitem(app.extensions, COMMANDS, overtaken(engine, habit_id))
    answer = anna.patch(str(habit_id), {"place": "Office"})
    assert_problem(answer, 409, "concurrent_change")
    assert answer.headers["Retry-After"] == "1"
    with engine.connect() as connection:
        state = STORE.load(connection, habit_id)
    assert isinstance(state, ActiveHabit)
    assert (state.version, state.details.place, state.details.period_days) == (2, "Kitchen", 2)


def erase(engine: Engine, owner: UUID) -> None:
    with transaction(engine) as connection:
        erase_account(connection, owner, 2, instants.now())


@pytest.mark.parametrize("wait_for_erasure", [True, False])
def test_a_command_during_an_erasure_brings_nothing_back(
    engine: Engine,
    commands: HabitCommands,
    pool: ThreadPoolExecutor,
    wait_for_erasure: bool,  # noqa: FBT001
) -> None:
    owner = uuid4()
    commands.create(owner, WATER)
    erasures: list[Future[None]] = []

    def now() -> datetime:
        erasures.append(pool.submit(erase, engine, owner))
        with suppress(TimeoutError):
            erasures[-1].result(MEETING_SECONDS if wait_for_erasure else 0)
        return instants.now()

    with suppress(AccountErased):
        HabitCommands(engine, STORE, now).create(owner, WATER)
    for erasure in erasures:
        erasure.result(timeout=30)
    with engine.connect() as connection:
        assert read_model.count(connection, read_model.owned_by(owner)) == 0
        assert [item for item in STORE.read_all(connection) if _owner_of(item) == owner] == []
    with pytest.raises(AccountErased):
        commands.create(owner, WATER)


def _owner_of(item: object) -> object:
    return getattr(getattr(item, "event", None), "owner_id", None)
