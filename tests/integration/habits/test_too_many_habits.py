"""An account has at most a thousand habits, however many requests come at once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from services.habits.command_handling import HabitCommands
from services.habits.event_store import EventStore
from services.habits.habit import MOST_HABITS, TooManyHabits
from services.habits.stored_events import HABITS
from shared.database import transaction
from tests.integration.habits.callers import WATER, Caller, assert_problem, body_of
from tests.integration.habits.test_concurrent_commands import WATER as DETAILS

# Copies of the account's habit, so that it has so many; only its read model is counted.
_FILL = text(
    """
    WITH new AS (
        INSERT INTO streams (id, owner_id, version)
        SELECT gen_random_uuid(), :owner, 1 FROM generate_series(2, :count) RETURNING id
    )
    INSERT INTO habits
    SELECT (jsonb_populate_record(habits, jsonb_build_object('id', new.id))).*
    FROM habits, new WHERE owner_id = :owner
    """
)


def fill(engine: Engine, caller: Caller, count: int) -> str:
    """Give a caller so many habits; return the id of one."""
    habit_id: str = caller.create()["id"]
    with transaction(engine) as connection:
        connection.execute(_FILL, {"owner": caller.account_id, "count": count})
    return habit_id


def test_one_more_than_a_thousand_is_refused_until_one_goes(
    engine: Engine, anna: Caller, boris: Caller
) -> None:
    habit_id = fill(engine, anna, MOST_HABITS)
    problem = assert_problem(anna.post(WATER), 400, "too_many_habits")
    assert "errors" not in problem
    boris.create()
    anna.patch(habit_id, {"place": "Office"})
    anna.delete(habit_id)
    anna.create()
    assert_problem(anna.post(WATER), 400, "too_many_habits")
    assert body_of(anna.get("/api/habit/"))["count"] == MOST_HABITS


def test_a_repetition_is_answered_though_the_account_is_full(engine: Engine, anna: Caller) -> None:
    fill(engine, anna, MOST_HABITS - 1)
    key = {"Idempotency-Key": "the-last-one"}
    first = anna.request("POST", "/api/habit/", key, json=WATER)
    again = anna.request("POST", "/api/habit/", key, json=WATER)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.get_json() == first.get_json()


def test_requests_at_once_do_not_pass_the_limit_together(engine: Engine) -> None:
    owner = uuid4()
    commands = HabitCommands(engine, EventStore(HABITS), most_habits=3)

    def create(_number: int) -> bool:
        try:
            commands.create(owner, DETAILS)
        except TooManyHabits:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 3
    with pytest.raises(TooManyHabits):
        commands.create(owner, DETAILS)
