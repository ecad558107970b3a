"""Schedules over HTTP: both forms of them, their rules, and which dates and times are due."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from services.habits.rebuild_read_model import rebuild_read_model
from tests.integration.habits.callers import WATER, Caller, assert_invalid, body_of
from tests.integration.habits.test_days import DONE, TODAY, put
from tests.integration.habits.test_grid_and_today import live_in, today_of

DAY = timedelta(days=1)
DATE = date.fromisoformat(TODAY)
WEEKDAYS = {"kind": "weekdays", "weekdays": [1, 3, 5]}
THRICE = {"kind": "times_per_week", "times": 3}
TIMES = ["07:30:00", "12:00:00", "21:00:00"]
WATER_AT = {name: value for name, value in WATER.items() if name != "time"}


def every(n: int) -> dict[str, Any]:
    return {"kind": "every_n_days", "n": n}


def grid_of(caller: Caller, first: date, last: date) -> dict[str, list[str]]:
    answer = caller.get(f"/api/habit/days/?from={first}&to={last}")
    assert answer.status_code == 200, answer.text
    return {row["habit"]["id"]: row["scheduled"] for row in body_of(answer)["results"]}


def dates(first: date, count: int) -> list[str]:
    return [(first + number * DAY).isoformat() for number in range(count)]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"period_days": 3}, (3, every(3))),
        ({"schedule": every(3)}, (3, every(3))),
        ({"schedule": every(3), "period_days": 3}, (3, every(3))),
        ({"schedule": WEEKDAYS}, (None, WEEKDAYS)),
        ({"schedule": THRICE, "period_days": None}, (None, THRICE)),
    ],
)
def test_a_schedule_is_told_in_both_forms(
    anna: Caller, written: dict[str, Any], told: tuple[int | None, dict[str, Any]]
) -> None:
    habit = anna.create(**written)
    assert (habit["period_days"], habit["schedule"]) == told
    assert anna.read(habit["id"]) == habit
    assert body_of(anna.put(habit["id"], {**WATER, **written})) == habit
    assert body_of(anna.patch(habit["id"], written)) == habit


def test_times_are_told_in_both_forms(anna: Caller) -> None:
    habit = body_of(anna.post({**WATER_AT, "times": TIMES}))
    assert (habit["time"], habit["times"]) == (TIMES[0], TIMES)
    assert anna.create(times=["07:30"])["times"] == ["07:30:00"]
    assert body_of(anna.patch(habit["id"], {"time": "06:00"}))["times"] == ["06:00:00", *TIMES[1:]]
    assert_invalid(anna.patch(habit["id"], {"time": "12:00"}), "time", "times")
    assert body_of(anna.patch(habit["id"], {"times": TIMES}))["time"] == TIMES[0]


def test_a_client_of_the_first_edition_writes_its_fields_alone(anna: Caller) -> None:
    habit = body_of(
        anna.post({**WATER_AT, "times": TIMES, "schedule": WEEKDAYS, "follow_up_minutes": 30})
    )
    replaced = body_of(anna.put(habit["id"], {**WATER, "period_days": 2}))
    assert (replaced["times"], replaced["schedule"]) == ([TIMES[0]], every(2))
    assert replaced["follow_up_minutes"] is None
    assert body_of(anna.put(habit["id"], {**WATER, "period_days": 2})) == replaced


BAD: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"schedule": {"kind": "weekdays", "weekdays": []}}, ("schedule",)),
    ({"schedule": {"kind": "weekdays", "weekdays": [1, 1]}}, ("schedule",)),
    ({"schedule": {"kind": "weekdays", "weekdays": [3, 1]}}, ("schedule",)),
    ({"schedule": {"kind": "weekdays", "weekdays": [0]}}, ("schedule",)),
    ({"schedule": {"kind": "weekdays", "weekdays": [8]}}, ("schedule",)),
    ({"schedule": {"kind": "weekdays", "weekdays": [True]}}, ("schedule",)),
    ({"schedule": {"kind": "weekdays", "weekdays": ["1"]}}, ("schedule",)),
    ({"schedule": {"kind": "weekdays", "weekdays": 1}}, ("schedule",)),
    ({"schedule": {"kind": "weekdays", "n": 1}}, ("schedule",)),
    ({"schedule": {"kind": "times_per_week", "times": 0}}, ("schedule",)),
    ({"schedule": {"kind": "times_per_week", "times": 8}}, ("schedule",)),
    ({"schedule": {"kind": "times_per_week", "times": 1.5}}, ("schedule",)),
    ({"schedule": {"kind": "every_n_days", "n": 0}}, ("schedule",)),
    ({"schedule": {"kind": "every_n_days", "n": 2**70}}, ("schedule",)),
    ({"schedule": {"kind": "every_n_days", "n": 1, "times": 1}}, ("schedule",)),
    ({"schedule": {"kind": "fortnightly"}}, ("schedule",)),
    ({"schedule": {"kind": ["weekdays"], "weekdays": [1]}}, ("schedule",)),
    ({"schedule": {}}, ("schedule",)),
    ({"schedule": []}, ("schedule",)),
    ({"schedule": None}, ("schedule",)),
    ({"schedule": every(2), "period_days": 3}, ("schedule", "period_days")),
    ({"schedule": WEEKDAYS, "period_days": 1}, ("schedule", "period_days")),
    ({"schedule": every(2), "period_days": None}, ("schedule", "period_days")),
    ({"period_days": None}, ("period_days",)),
    ({"times": []}, ("times",)),
    ({"times": ["07:30", "07:30:00"]}, ("times",)),
    ({"time": "21:00", "times": ["21:00", "07:30"]}, ("times",)),
    ({"times": [f"07:3{minute}" for minute in range(9)]}, ("times",)),
    ({"times": ["07:30+03:00"]}, ("times",)),
    ({"times": ["24:00"]}, ("times",)),
    ({"times": "07:30"}, ("times",)),
    ({"times": [None]}, ("times",)),
    ({"times": None}, ("times",)),
    ({"time": "08:00", "times": ["07:30"]}, ("time", "times")),
    ({"start_date": "2026-02-30"}, ("start_date",)),
    ({"end_date": "2026-2-3"}, ("end_date",)),
    ({"paused_until": 20260203}, ("paused_until",)),
    ({"start_date": "9999-12-31"}, ("start_date",)),
    ({"start_date": "0001-01-01"}, ("start_date",)),
    ({"end_date": "9999-12-31"}, ("end_date",)),
    ({"paused_until": "9999-12-31"}, ("paused_until",)),
    ({"start_date": TODAY, "end_date": (DATE - DAY).isoformat()}, ("start_date", "end_date")),
    ({"end_date": (DATE - 3 * DAY).isoformat()}, ("start_date", "end_date")),
    *[({"follow_up_minutes": wrong}, ("follow_up_minutes",)) for wrong in (4, 721, 5.0, "5", True)],
]


@pytest.mark.parametrize(("wrong", "fields"), BAD)
def test_a_wrong_field_is_named_and_nothing_is_stored(
    anna: Caller, wrong: dict[str, Any], fields: tuple[str, ...]
) -> None:
    habit = anna.create()
    assert_invalid(anna.post({**WATER, **wrong}), *fields)
    assert_invalid(anna.put(habit["id"], {**WATER, **wrong}), *fields)
    assert_invalid(anna.patch(habit["id"], wrong), *fields)
    assert body_of(anna.get("/api/habit/"))["results"] == [habit]


def test_a_time_is_needed_in_one_form(anna: Caller) -> None:
    assert_invalid(anna.post(WATER_AT), "time")


def test_the_rules_of_dates_are_checked_on_the_resulting_habit(anna: Caller) -> None:
    habit_id = anna.create(end_date=(DATE + 9 * DAY).isoformat())["id"]
    late = {"start_date": (DATE + 10 * DAY).isoformat()}
    assert_invalid(anna.patch(habit_id, late), "start_date", "end_date")
    assert anna.patch(habit_id, {**late, "end_date": None}).status_code == 200


@pytest.mark.parametrize("time_zone", ["Etc/GMT-14", "Etc/GMT+12"])
def test_the_first_date_is_the_owners_and_is_decided_once(
    engine: Engine, anna: Caller, time_zone: str
) -> None:
    live_in(engine, anna, time_zone)
    started_on = {today_of(anna)["date"]}
    habit = anna.create()
    started_on.add(today_of(anna)["date"])
    assert habit["start_date"] in started_on
    live_in(engine, anna, "UTC", version=2)
    assert anna.read(habit["id"]) == habit
    chosen = anna.patch(habit["id"], {"start_date": "2026-01-01"})
    assert body_of(chosen)["start_date"] == "2026-01-01"
    # Left out of a PUT, it is the default again.
    assert body_of(anna.put(habit["id"], WATER))["start_date"] == habit["start_date"]
    for start_date in (None, habit["start_date"]):
        assert body_of(anna.patch(habit["id"], {"start_date": start_date}))["version"] == 3


def test_a_day_before_the_start_that_was_chosen_can_be_answered_for(anna: Caller) -> None:
    early, habit_id = (DATE - 400 * DAY).isoformat(), anna.create()["id"]
    assert_invalid(put(anna, habit_id, DONE, early), "date")
    anna.patch(habit_id, {"start_date": early})
    assert put(anna, habit_id, DONE, early).status_code == 201
    anna.patch(habit_id, {"start_date": TODAY})
    assert_invalid(put(anna, habit_id, DONE, early), "date")


def test_today_leaves_out_what_is_not_due(anna: Caller) -> None:
    other = [day for day in range(1, 8) if day != DATE.isoweekday()]
    tomorrow, yesterday = (DATE + DAY).isoformat(), (DATE - DAY).isoformat()
    evening = anna.create(time="20:00", schedule=THRICE)["id"]
    often = anna.create(
        times=TIMES, schedule={"kind": "weekdays", "weekdays": [DATE.isoweekday()]}
    )["id"]
    back = anna.create(time="10:00", paused_until=TODAY, end_date=TODAY)["id"]
    anna.create(schedule={"kind": "weekdays", "weekdays": other})
    anna.create(paused_until=tomorrow)
    anna.create(start_date=tomorrow)
    anna.create(start_date=yesterday, end_date=yesterday)
    anna.create(start_date=yesterday, period_days=2)
    told = [(due["habit"]["id"], due["times"]) for due in today_of(anna)["results"]]
    assert told == [(often, TIMES), (back, ["10:00:00"]), (evening, ["20:00:00"])]


def test_the_grid_goes_by_the_schedule_of_each_date(anna: Caller) -> None:
    first, last = DATE - 10 * DAY, DATE + 10 * DAY
    start, end = first.isoformat(), (DATE + 5 * DAY).isoformat()
    mondays = anna.create(start_date=start, schedule={"kind": "weekdays", "weekdays": [1]})["id"]
    changing = anna.create(start_date=start, period_days=1)["id"]
    anna.patch(changing, {"period_days": 5, "end_date": end})
    paused = anna.create(start_date=start)["id"]
    anna.patch(paused, {"paused_until": (DATE + 3 * DAY).isoformat()})
    weekly = anna.create(schedule=THRICE)["id"]
    grid = grid_of(anna, first, last)
    assert grid[mondays] == [
        each for each in dates(first, 21) if date.fromisoformat(each).isoweekday() == 1
    ]
    # The day of the change goes by the new schedule, those before it by the old one.
    assert grid[changing] == [*dates(first, 10), TODAY, end]
    assert grid[paused] == [*dates(first, 10), *dates(DATE + 3 * DAY, 8)]
    assert grid[weekly] == dates(DATE, 11)


def test_the_read_model_can_be_built_anew(engine: Engine, anna: Caller) -> None:
    live_in(engine, anna, "Asia/Tokyo")
    anna.create(times=TIMES, schedule=WEEKDAYS, follow_up_minutes=5, end_date="2027-01-01")
    anna.create(schedule=THRICE, paused_until="2027-01-01", start_date="2026-01-01")
    before = body_of(anna.get("/api/habit/"))
    rebuild_read_model(engine)
    assert body_of(anna.get("/api/habit/")) == before


def test_the_history_tells_what_was_chosen(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    anna.patch(habit_id, {"schedule": WEEKDAYS, "times": TIMES, "paused_until": "2027-01-01"})
    anna.patch(habit_id, {"period_days": 2, "times": TIMES[:1], "paused_until": None})
    told = body_of(anna.get(f"/api/habit/{habit_id}/history/"))["results"]
    assert [entry["changes"] for entry in told[1:]] == [
        {
            "schedule": WEEKDAYS,
            "period_days": None,
            "times": TIMES,
            "time": TIMES[0],
            "paused_until": "2027-01-01",
        },
        {"period_days": 2, "time": TIMES[0], "paused_until": None},
    ]
