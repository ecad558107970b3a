"""Statistics over HTTP: whose they are, as of when, and what they cost."""

from datetime import date, datetime, timedelta
from datetime import time as local_time
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from services.habits.command_handling import HabitCommands
from services.habits.event_store import EventStore
from services.habits.habit_details import HabitDetails
from services.habits.stored_events import HABITS
from shared.instants import now
from shared.recurrence.local_dates import latest_date_at
from shared.recurrence.schedules import EveryNDays
from tests.integration.habits.callers import Caller, assert_invalid, assert_problem, body_of
from tests.integration.habits.test_days import DONE, TODAY, put
from tests.integration.habits.test_grid_and_today import counted_statements, live_in

SKIPPED = {"status": "skipped"}
LONG_AGO = timedelta(days=20)


def stats_of(caller: Caller, habit_id: str, as_of: str | None = None) -> dict[str, Any]:
    answer = caller.get(f"/api/habit/{habit_id}/stats/{_query(as_of)}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def all_stats_of(caller: Caller, as_of: str | None = None) -> dict[str, Any]:
    answer = caller.get(f"/api/habit/stats/{_query(as_of)}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def days_ago(days: int) -> str:
    return (date.fromisoformat(TODAY) - timedelta(days=days)).isoformat()


def commands_at(engine: Engine, instant: datetime) -> HabitCommands:
    return HabitCommands(engine, EventStore(HABITS), now=lambda: instant)


def old_habit(engine: Engine, caller: Caller, created_at: datetime, period_days: int = 1) -> UUID:
    details = HabitDetails(
        action="Tea",
        place="Kitchen",
        times=(local_time(8),),
        duration_seconds=60,
        schedule=EveryNDays(period_days),
    )
    return commands_at(engine, created_at).create(caller.account_id, details).id


def _query(as_of: str | None) -> str:
    return "" if as_of is None else f"?as_of={as_of}"


def test_a_new_habit_has_nothing_yet(engine: Engine, anna: Caller) -> None:
    live_in(engine, anna, "UTC")
    told = stats_of(anna, anna.create()["id"])
    year = told.pop("year")
    nothing = {"done": 0, "scheduled": 0, "rate": None}
    assert told == {
        "as_of": TODAY,
        "unit": "day",
        "current_streak": 0,
        "longest_streak": 0,
        "completion": {"7": nothing, "30": nothing, "365": nothing},
        "total_done": 0,
        "total_value": 0,
        "score": 0,
    }
    assert [len(year), year[0]["date"]] == [365, days_ago(364)]
    assert year[-1] == {"date": TODAY, "scheduled": True, "status": None, "value": None}
    assert not any(day["scheduled"] for day in year[:-1])


def test_twenty_days_with_a_skip_a_miss_and_today_open(engine: Engine, anna: Caller) -> None:
    live_in(engine, anna, "UTC", since=now() - 2 * LONG_AGO)
    habit_id = str(old_habit(engine, anna, now() - LONG_AGO))
    for days in {*range(1, 21)} - {5, 10}:
        put(anna, habit_id, DONE, days_ago(days))
    put(anna, habit_id, SKIPPED, days_ago(5))
    told = stats_of(anna, habit_id)
    assert (told["current_streak"], told["longest_streak"]) == (8, 10)
    assert told["completion"]["7"] == {"done": 5, "scheduled": 5, "rate": 1}
    assert told["completion"]["30"] == {"done": 18, "scheduled": 19, "rate": 18 / 19}
    assert (told["total_done"], told["year"][-6]["status"]) == (18, "skipped")
    earlier = stats_of(anna, habit_id, days_ago(10))
    assert (earlier["current_streak"], earlier["longest_streak"]) == (0, 10)
    before = stats_of(anna, habit_id, days_ago(30))
    assert (before["total_done"], before["score"], len(before["year"])) == (0, 0, 365)
    [in_all] = all_stats_of(anna)["results"]
    assert in_all == {"habit_id": habit_id, **{key: told[key] for key in told if key != "as_of"}}


def test_a_new_period_and_an_archive_leave_the_past_as_it_was(engine: Engine, anna: Caller) -> None:
    live_in(engine, anna, "UTC", since=now() - 2 * LONG_AGO)
    habit_id = old_habit(engine, anna, now() - LONG_AGO, period_days=4)
    for days in (20, 16, 12):
        put(anna, str(habit_id), DONE, days_ago(days))
    at_first, later = (commands_at(engine, now() - timedelta(days)) for days in (11, 3))
    at_first.archive(habit_id, anna.account_id, None)
    later.unarchive(habit_id, anna.account_id, None)
    later.change(habit_id, anna.account_id, {"period_days": 1}, None)
    for days in (3, 2, 1):
        put(anna, str(habit_id), DONE, days_ago(days))
    told = stats_of(anna, str(habit_id))
    scheduled = [day["date"] for day in told["year"] if day["scheduled"]]
    assert scheduled == [days_ago(days) for days in (20, 16, 12, 3, 2, 1, 0)]
    assert told["current_streak"] == 6


def test_values_and_extra_days_count_for_the_totals(engine: Engine, anna: Caller) -> None:
    live_in(engine, anna, "UTC", since=now() - 2 * LONG_AGO)
    habit_id = str(old_habit(engine, anna, now() - LONG_AGO, period_days=7))
    put(anna, habit_id, {"value": 2.5}, days_ago(20))
    put(anna, habit_id, {"value": 1}, days_ago(19))
    told = stats_of(anna, habit_id, days_ago(18))
    assert (told["total_done"], told["total_value"], told["longest_streak"]) == (2, 3.5, 1)


def test_over_all_are_those_that_are_not_archived(anna: Caller, boris: Caller) -> None:
    boris.create()
    first, archived, last = (anna.create()["id"] for _ in range(3))
    anna.request("POST", f"/api/habit/{archived}/archive/")
    assert [each["habit_id"] for each in all_stats_of(anna)["results"]] == [first, last]
    assert stats_of(anna, archived)["current_streak"] == 0
    assert all_stats_of(Caller(anna._client))["results"] == []


def test_they_are_the_owners_alone(anna: Caller, boris: Caller) -> None:
    hidden, published = anna.create()["id"], anna.create(is_published=True)["id"]
    for habit_id in (hidden, str(uuid4()), "x" * 36):
        assert_problem(boris.get(f"/api/habit/{habit_id}/stats/"), 404, "not_found")
    assert_problem(boris.get(f"/api/habit/{published}/stats/"), 403, "not_owner")
    anna.delete(hidden)
    assert_problem(anna.get(f"/api/habit/{hidden}/stats/"), 404, "not_found")
    for path in ("/api/habit/stats/", f"/api/habit/{published}/stats/"):
        assert anna._client.get(path).status_code == 401


@pytest.mark.parametrize("as_of", ["", "yesterday", "2026-02-30", "20260101", "9999-12-31"])
def test_a_date_that_is_none_or_has_not_come_is_refused(anna: Caller, as_of: str) -> None:
    habit_id = anna.create()["id"]
    for path in ("/api/habit/stats/", f"/api/habit/{habit_id}/stats/"):
        assert_invalid(anna.get(f"{path}?as_of={as_of}"), "as_of")
        assert_invalid(anna.get(f"{path}?colour=red"), "colour")


def test_any_date_up_to_the_latest_today_is_answered(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    for as_of in ("0001-01-01", latest_date_at(now()).isoformat()):
        assert stats_of(anna, habit_id, as_of)["as_of"] == as_of


def test_many_habits_cost_as_many_statements_as_one(engine: Engine, anna: Caller) -> None:
    def statements() -> int:
        with counted_statements(engine) as seen:
            all_stats_of(anna)
        return len([each for each in seen if each != "SELECT 1"])

    habit_id = anna.create()["id"]
    of_one = statements()
    for _ in range(10):
        anna.create()
    assert statements() == of_one == 4
    with counted_statements(engine) as seen:
        stats_of(anna, habit_id)
    assert len([each for each in seen if each != "SELECT 1"]) == 4
