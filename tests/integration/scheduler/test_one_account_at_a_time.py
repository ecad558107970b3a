"""Two changes of one account run one after the other, so that neither overlooks the other."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine

from services.scheduler import projection
from services.scheduler.event_handlers import on_account
from services.scheduler.projection import lock_habit
from services.scheduler.schedule import Habit
from shared.database import transaction
from tests.integration.scheduler.story import (
    GRACE,
    deliver,
    linked_account,
    next_due,
    until_somebody_waits_for_a_lock,
)
from tests.unit.scheduler.states import account_state, habit_state, instant


def test_a_habit_that_comes_while_its_owner_moves_is_scheduled_where_the_owner_is_now(
    engine: Engine,
) -> None:
    linked_account(engine)
    moves = account_state(version=2, time_zone="Asia/Tokyo")

    with ThreadPoolExecutor(1) as threads:
        with transaction(engine) as connection:
            on_account(connection, moves, GRACE)
            comes = threads.submit(deliver, engine, habit_state())
            until_somebody_waits_for_a_lock(engine)
        comes.result()

    assert next_due(engine) == instant("2026-05-01T22:00")


def test_an_owner_that_moves_while_a_habit_comes_takes_the_habit_along(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked_account(engine)
    moves = account_state(version=2, time_zone="Asia/Tokyo")

    with ThreadPoolExecutor(1) as threads:
        moving: list[Future[None]] = []

        def lock_habit_while_the_owner_moves(connection: Connection, habit_id: str) -> Habit | None:
            moving.append(threads.submit(deliver, engine, moves))
            until_somebody_waits_for_a_lock(engine)
            return lock_habit(connection, habit_id)

        monkeypatch.setattr(projection, "lock_habit", lock_habit_while_the_owner_moves)
        deliver(engine, habit_state())
        moving[0].result()

    assert next_due(engine) == instant("2026-05-01T22:00")


def test_the_first_events_of_an_account_wait_for_each_other_too(engine: Engine) -> None:
    with ThreadPoolExecutor(1) as threads:
        with transaction(engine) as connection:
            on_account(connection, account_state(), GRACE)
            comes = threads.submit(deliver, engine, habit_state())
            until_somebody_waits_for_a_lock(engine)
        comes.result()
    linked_account(engine)

    assert next_due(engine) == instant("2026-05-01T07:00")
