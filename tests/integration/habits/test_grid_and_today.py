"""The grid, today, and many days at once: one request each, whatever the number of habits."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event, func, select

from services.habits.account_events import handle_account_events
from services.habits.days.day_queries import DayQueries
from services.habits.event_store import EventStore
from services.habits.statistics.statistics_queries import StatisticsQueries
from services.habits.stored_events import HABITS
from services.habits.tables import events, streams
from shared.contracts.events import ACCOUNT_CHANGED, ACCOUNT_REGISTERED
from shared.instants import now
from shared.recurrence.local_dates import local_date_at
from tests.integration.habits.callers import Caller, assert_invalid, assert_problem, body_of
from tests.integration.habits.test_days import DONE, TODAY, put, recorded
from tests.integration.habits.test_erasure import account, delivery

TOMORROW = (date.fromisoformat(TODAY) + timedelta(days=1)).isoformat()
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def live_in(
    engine: Engine,
    caller: Caller,
    time_zone: str,
    *,
    version: int = 1,
    since: datetime = LONG_AGO,
    day_starts_at: int = 0,
) -> None:
    """Tell the service of the clock of an account."""
    state = replace(
        account(str(caller.account_id), deleted=False),
        time_zone=time_zone,
        day_starts_at=day_starts_at,
        version=version,
        updated_at=since,
    )
    message = delivery(ACCOUNT_REGISTERED if version == 1 else ACCOUNT_CHANGED, state)

    async def run() -> None:
        await handle_account_events(engine)(message)

    asyncio.run(run())


def today_of(caller: Caller) -> dict[str, Any]:
    answer = caller.get("/api/habit/today/")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def grid_of(caller: Caller, first: str, last: str) -> dict[str, Any]:
    answer = caller.get(f"/api/habit/days/?from={first}&to={last}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def post(caller: Caller, *days: dict[str, Any], key: str | None = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return caller.request("POST", "/api/habit/days/", headers, json={"days": list(days)})


@contextmanager
def counted_statements(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", count)


def test_today_is_what_is_due_by_time(engine: Engine, anna: Caller) -> None:
    live_in(engine, anna, "UTC")
    evening = anna.create(time="21:00", period_days=7)
    morning = anna.create(time="06:00")
    anna.create(is_pleasant=True)
    anna.delete(anna.create()["id"])
    day = body_of(put(anna, morning["id"], DONE))
    assert today_of(anna) == {
        "date": TODAY,
        "results": [
            {"habit": morning, "day": day, "times": ["06:00:00"]},
            {"habit": evening, "day": None, "times": ["21:00:00"]},
        ],
    }


@pytest.mark.parametrize("time_zone", ["Etc/GMT-14", "Etc/GMT+12", "Asia/Tokyo"])
def test_today_is_the_accounts_own(engine: Engine, anna: Caller, time_zone: str) -> None:
    live_in(engine, anna, time_zone)
    anna.create()
    dates = {local_date_at(now(), time_zone)}
    told = today_of(anna)
    dates.add(local_date_at(now(), time_zone))
    assert date.fromisoformat(told["date"]) in dates
    assert len(told["results"]) == 1


def test_today_and_statistics_go_by_when_the_accounts_day_begins(
    engine: Engine, anna: Caller
) -> None:
    live_in(engine, anna, "UTC", day_starts_at=3)
    at_night = datetime(2026, 5, 2, 2, 59, tzinfo=UTC)
    yesterday = date(2026, 5, 1)

    date_of_today, _ = DayQueries(engine, EventStore(HABITS), lambda: at_night).today(
        anna.account_id
    )
    statistics = StatisticsQueries(engine, EventStore(HABITS), lambda: at_night)

    assert date_of_today == yesterday
    assert statistics.of_all(anna.account_id, None).as_of == yesterday


def test_the_latest_zone_counts_in_whatever_order_it_is_told(engine: Engine, anna: Caller) -> None:
    live_in(engine, anna, "Etc/GMT+12", version=3, since=LONG_AGO + timedelta(days=1))
    for _ in range(2):
        live_in(engine, anna, "Etc/GMT-14")
    dates = {local_date_at(now(), "Etc/GMT+12")}
    assert date.fromisoformat(today_of(anna)["date"]) in dates | {
        local_date_at(now(), "Etc/GMT+12")
    }


def test_a_habit_begins_on_the_date_of_its_creation_where_its_owner_was(
    engine: Engine, anna: Caller
) -> None:
    live_in(engine, anna, "Etc/GMT+12")
    habit = anna.create(period_days=2)
    first = local_date_at(datetime.fromisoformat(habit["created_at"]), "Etc/GMT+12")
    # Moving on to where it is later does not move the first date.
    live_in(engine, anna, "Etc/GMT-14", version=2, since=now())
    assert put(anna, habit["id"], DONE, first.isoformat()).status_code == 201
    before = (first - timedelta(days=1)).isoformat()
    assert_invalid(put(anna, habit["id"], DONE, before), "date")
    [row] = grid_of(anna, before, (first + timedelta(days=4)).isoformat())["results"]
    assert row["scheduled"] == [(first + timedelta(days=days)).isoformat() for days in (0, 2, 4)]


def test_a_date_of_a_zone_not_heard_of_yet_is_not_refused(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    earliest = local_date_at(now(), "Etc/GMT+12").isoformat()
    assert put(anna, habit_id, DONE, earliest).status_code in (201, 200)


def test_the_grid_has_every_habit_with_its_dates_and_days(engine: Engine, anna: Caller) -> None:
    live_in(engine, anna, "UTC")
    daily = anna.create()
    weekly = anna.create(period_days=7)
    day = body_of(put(anna, daily["id"], {"status": "skipped"}))
    assert grid_of(anna, TODAY, TOMORROW) == {
        "from": TODAY,
        "to": TOMORROW,
        "results": [
            {"habit": daily, "scheduled": [TODAY, TOMORROW], "days": [day]},
            {"habit": weekly, "scheduled": [TODAY], "days": []},
        ],
    }


def test_the_grid_has_at_most_62_days(anna: Caller) -> None:
    assert grid_of(anna, "2026-01-01", "2026-03-03")["results"] == []
    assert_invalid(anna.get("/api/habit/days/?from=2026-01-01&to=2026-03-04"), "from", "to")


def test_many_days_are_recorded_at_once(engine: Engine, anna: Caller) -> None:
    habits = [anna.create()["id"] for _ in range(3)]
    put(anna, habits[0], DONE)
    answer = post(
        anna,
        {"habit_id": habits[2], "date": TODAY, "value": 2, "note": "tea"},
        {"habit_id": habits[0], "date": TODAY, "status": "done"},
        {"habit_id": habits[1], "date": TODAY, "status": "skipped"},
    )
    assert answer.status_code == 200, answer.text
    results = body_of(answer)["results"]
    assert [(day["habit_id"], day["status"], day["version"]) for day in results] == [
        (habits[2], "done", 1),
        (habits[0], "done", 1),
        (habits[1], "skipped", 1),
    ]
    for day in results:
        assert recorded(anna, day["habit_id"]) == [day]


def test_all_or_nothing_and_each_fault_is_named(anna: Caller, boris: Caller) -> None:
    mine, other = anna.create()["id"], boris.create(is_published=True)["id"]
    good = {"habit_id": mine, "date": TODAY, "status": "done"}
    for days, fields in (
        ([good, {**good, "date": "2026-02-30"}], ["days.1.date"]),
        ([good, {**good, "date": "2000-01-01"}], ["days.1.date"]),
        ([good, good], ["days.1.date"]),
        ([good, {**good, "habit_id": other}], ["days.1.habit_id"]),
        ([{**good, "habit_id": str(uuid4())}, good], ["days.0.habit_id"]),
        ([{**good, "habit_id": "nonsense"}, good], ["days.0.habit_id"]),
        ([good, {**good, "value": 1}], ["days.1.status", "days.1.value"]),
        ([good, {"habit_id": mine, "date": TODAY, "value": 0}], ["days.1.value"]),
        ([{**good, "colour": "red"}], ["days.0.colour"]),
        ([], ["days"]),
        ([good] * 101, ["days"]),
    ):
        assert_invalid(post(anna, *days), *fields)
        assert recorded(anna, mine) == []


def test_a_repeated_batch_is_answered_as_it_was_and_overwrites_nothing(anna: Caller) -> None:
    habits = [anna.create()["id"] for _ in range(2)]
    batch = [{"habit_id": each, "date": TODAY, "status": "done"} for each in habits]
    first = post(anna, *batch, key="k-1")
    put(anna, habits[0], {"status": "skipped"})
    again = post(anna, *batch, key="k-1")
    assert (again.status_code, again.get_json()) == (200, first.get_json())
    assert recorded(anna, habits[0])[0]["status"] == "skipped"
    assert_problem(post(anna, batch[0], key="k-1"), 409, "idempotency_key_reused")


def test_a_hundred_days_cost_as_many_statements_as_one(engine: Engine, anna: Caller) -> None:
    habits = [anna.create()["id"] for _ in range(100)]
    batch = [{"habit_id": each, "date": TODAY, "status": "done"} for each in habits]

    def statements_of(path: str, *days: dict[str, Any]) -> int:
        with counted_statements(engine) as statements:
            answer = post(anna, *days) if days else anna.get(path)
            assert answer.status_code == 200, answer.text
        return len([each for each in statements if each != "SELECT 1"])

    assert statements_of("", batch[0]) == statements_of("", *batch[1:])
    assert len(today_of(anna)["results"]) == 100
    assert statements_of("/api/habit/today/") == 2
    assert statements_of(f"/api/habit/days/?from={TODAY}&to={TOMORROW}") == 2
    with engine.connect() as connection:
        of_anna = select(func.count()).select_from(events.join(streams))
        mine = of_anna.where(streams.c.owner_id == anna.account_id, streams.c.kind == "day")
        assert connection.execute(mine).scalar_one() == 100
