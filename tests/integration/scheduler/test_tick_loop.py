"""The loop around the tick: exact, patient and stoppable."""

import asyncio
import time as clock
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from services.scheduler import tick_loop
from services.scheduler.due_tick import tick
from services.scheduler.tables import REMINDERS
from services.scheduler.tick_loop import run_ticks
from shared.database import new_engine
from shared.instants import now
from tests.integration.scheduler.story import (
    GRACE,
    deliver,
    linked_account,
    recorded,
    seconds_ago,
    time_at,
)
from tests.unit.scheduler.states import habit_state

LIMIT_SECONDS = 45.0


def run_until(engine: Engine, condition: Callable[[], bool]) -> None:
    """Run the loop until a condition holds; fail when it does not within the limit."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.create_task(run_ticks(engine, GRACE, stop))
        async with asyncio.timeout(LIMIT_SECONDS):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.01)
        stop.set()
        async with asyncio.timeout(LIMIT_SECONDS):
            await loop

    asyncio.run(run())


def test_reminders_are_announced_within_a_tenth_of_a_second_of_their_time(engine: Engine) -> None:
    linked_account(engine)
    for number in range(5):
        due_at = seconds_ago(-2 - number)
        deliver(engine, habit_state(id=f"{number}", time=time_at(due_at), updated_at=now()))

    run_until(engine, lambda: len(recorded(engine)) == 5)

    with engine.connect() as connection:
        lag = REMINDERS.c.recorded_at - REMINDERS.c.due_at
        lags = sorted(connection.execute(select(lag)).scalars())
    assert lags[0] >= timedelta(0)
    # The median: a busy test machine may hold up one of them.
    assert lags[2] < timedelta(milliseconds=100)


def test_what_another_process_schedules_in_between_is_noticed(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state(id="tomorrow", time=time_at(seconds_ago(60)), updated_at=now()))
    told_at = clock.monotonic()

    def tell_late_and_look() -> bool:
        nonlocal told_at
        if clock.monotonic() - told_at > 1 and told_at > 0:
            told_at = 0
            deliver(engine, habit_state(time=time_at(seconds_ago(1)), updated_at=seconds_ago(60)))
        return bool(recorded(engine))

    run_until(engine, tell_late_and_look)

    assert [habit_id for habit_id, _, _ in recorded(engine)] == ["habit-1"]


def test_a_database_that_is_away_is_waited_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked_account(engine)
    deliver(engine, habit_state(time=time_at(seconds_ago(1)), updated_at=seconds_ago(60)))
    attempts = 0

    def fail_twice(*_arguments: object) -> int:
        nonlocal attempts
        attempts += 1
        if attempts <= 2:
            raise OperationalError("SELECT", {}, ConnectionError("the server is away"))
        return tick(engine, GRACE)

    monkeypatch.setattr(tick_loop, "tick", fail_twice)

    run_until(engine, lambda: bool(recorded(engine)))

    assert attempts > 2


def test_upkeep_that_fails_does_not_stop_the_ticks(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OperationalError("SELECT", {}, ConnectionError("the server is away"))

    for job in ("refresh_schedules", "measure_schedule"):
        monkeypatch.setattr(tick_loop, job, fail)
    linked_account(engine)
    deliver(engine, habit_state(time=time_at(seconds_ago(1)), updated_at=seconds_ago(60)))

    run_until(engine, lambda: bool(recorded(engine)))


def test_time_zone_data_is_compared_again_and_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[object] = []
    monkeypatch.setattr(tick_loop, "refresh_schedules", lambda *_: compared.append(1))
    monkeypatch.setattr(tick_loop, "_REFRESH_SECONDS", 0.01)

    run_until(engine, lambda: len(compared) >= 3)


def test_it_stops_while_no_database_answers() -> None:
    nowhere = new_engine("postgresql://nobody@127.0.0.1:1/nothing")
    started = clock.monotonic()

    run_until(nowhere, lambda: clock.monotonic() - started > 1)
