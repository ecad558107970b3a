"""Days over HTTP: recorded, replaced, added to, cleared; with a version of their own."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from werkzeug.test import TestResponse

from services.habits.tables import outbox
from shared.instants import now
from shared.recurrence.local_dates import latest_date_at
from tests.integration.habits.callers import Caller, assert_invalid, assert_problem, body_of

TODAY = now().date().isoformat()
DONE = {"status": "done"}


def path_of(habit_id: str, day: str = TODAY, tail: str = "") -> str:
    return f"/api/habit/{habit_id}/days/{day}/{tail}"


def put(
    caller: Caller, habit_id: str, body: object, day: str = TODAY, **headers: str
) -> TestResponse:
    dashed = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller.request("PUT", path_of(habit_id, day), dashed, json=body)


def add(caller: Caller, habit_id: str, amount: object, key: str | None = None) -> TestResponse:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"amount": amount}
    return caller.request("POST", path_of(habit_id, tail="add/"), headers, json=body)


def clear(caller: Caller, habit_id: str, day: str = TODAY, **headers: str) -> TestResponse:
    dashed = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller.request("DELETE", path_of(habit_id, day), dashed)


def recorded(caller: Caller, habit_id: str, query: str | None = None) -> list[dict[str, Any]]:
    asked = query if query is not None else f"?from={TODAY}&to={TODAY}"
    answer = caller.get(f"/api/habit/{habit_id}/days/{asked}")
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = body_of(answer)["results"]
    return results


def told(engine: Engine, habit_id: str) -> list[tuple[str, dict[str, Any]]]:
    with engine.connect() as connection:
        rows = connection.execute(
            select(outbox.c.routing_key, outbox.c.body)
            .where(outbox.c.ordering_key == f"{habit_id}/{TODAY}")
            .order_by(outbox.c.id)
        )
        return [(row.routing_key, row.body) for row in rows]


def test_a_day_is_recorded_and_replaced(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    first = put(anna, habit_id, {"status": "done", "note": "easy"})
    assert first.status_code == 201
    assert first.headers["ETag"] == '"1"'
    day = body_of(first)
    assert day == {
        "habit_id": habit_id,
        "date": TODAY,
        "status": "done",
        "value": None,
        "target_value": None,
        "unit": None,
        "slots": [{"time": "07:30:00", "done": True}],
        "note": "easy",
        "channel": "api",
        "recorded_at": day["recorded_at"],
        "version": 1,
    }
    assert recorded(anna, habit_id) == [day]
    second = put(anna, habit_id, {"value": 2.5})
    assert (second.status_code, second.headers["ETag"]) == (200, '"2"')
    assert body_of(second)["value"] == 2.5
    assert recorded(anna, habit_id) == [body_of(second)]


def test_the_same_again_stores_nothing(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    first = put(anna, habit_id, DONE)
    again = put(anna, habit_id, DONE)
    assert (again.status_code, again.headers["ETag"]) == (200, '"1"')
    assert again.get_json() == first.get_json()
    assert [kind for kind, _ in told(engine, habit_id)] == ["habit.day_recorded.v1"]


def test_the_habit_does_not_move(anna: Caller) -> None:
    habit = anna.create()
    put(anna, habit["id"], DONE)
    clear(anna, habit["id"])
    assert anna.read(habit["id"]) == habit
    assert anna.patch(habit["id"], {"place": "Office"}, If_Match='"1"').status_code == 200


def test_a_day_is_cleared_however_often_and_goes_on_from_there(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    put(anna, habit_id, DONE)
    assert [clear(anna, habit_id).status_code for _ in range(2)] == [204, 204]
    assert recorded(anna, habit_id) == []
    again = put(anna, habit_id, DONE)
    assert (again.status_code, again.headers["ETag"]) == (201, '"3"')


def test_what_is_told_is_the_days_full_state(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    day = body_of(put(anna, habit_id, {"value": 3, "note": "tea"}))
    clear(anna, habit_id)
    (first, body), (second, cleared) = told(engine, habit_id)
    assert (first, second) == ("habit.day_recorded.v1", "habit.day_cleared.v1")
    owner_id = str(anna.account_id)
    assert body == {**day, "owner_id": owner_id, "cleared": False}
    assert cleared == {
        **body,
        "status": None,
        "value": None,
        "slots": [],
        "note": None,
        "recorded_at": cleared["recorded_at"],
        "cleared": True,
        "version": 2,
    }


def test_amounts_add_up_and_a_repetition_adds_once(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    first = add(anna, habit_id, 1.5, "k-1")
    assert add(anna, habit_id, 2).get_json()["value"] == 3.5
    again = add(anna, habit_id, 1.5, "k-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.get_json() == first.get_json()
    assert again.headers["ETag"] == first.headers["ETag"]
    assert recorded(anna, habit_id)[0]["value"] == 3.5


def test_a_key_is_good_for_one_request_only(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    other_id = anna.create()["id"]
    add(anna, habit_id, 1, "k-1")
    for answer in (
        add(anna, habit_id, 2, "k-1"),
        add(anna, other_id, 1, "k-1"),
        anna.request(
            "POST",
            "/api/habit/",
            {"Idempotency-Key": "k-1"},
            json={
                "action": "Read",
                "place": "Sofa",
                "time": "21:00",
                "duration_seconds": 60,
            },
        ),
    ):
        assert_problem(answer, 409, "idempotency_key_reused")


def test_repetitions_in_parallel_add_once(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: add(anna, habit_id, 1, "k-1"), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert recorded(anna, habit_id)[0]["value"] == 1


def test_amounts_in_parallel_are_all_added(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: add(anna, habit_id, 1), range(12)))
    assert sorted(answer.get_json()["value"] for answer in answers) == list(range(1, 13))


def test_a_change_meant_for_another_version_is_refused(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    assert_problem(put(anna, habit_id, DONE, If_Match="*"), 412, "precondition_failed")
    put(anna, habit_id, DONE, If_None_Match="*")
    stale = put(anna, habit_id, {"status": "skipped"}, If_Match='"7"')
    assert_problem(stale, 412, "precondition_failed")
    assert stale.headers["ETag"] == '"1"'
    assert_problem(put(anna, habit_id, DONE, If_None_Match="*"), 412, "precondition_failed")
    assert_problem(clear(anna, habit_id, If_Match='"7"'), 412, "precondition_failed")
    assert put(anna, habit_id, {"status": "skipped"}, If_Match='"1"').status_code == 200
    assert clear(anna, habit_id, If_Match='"2"').status_code == 204
    assert clear(anna, habit_id, If_Match='"2"').status_code == 204


WRONG_BODIES: list[tuple[dict[str, Any], str]] = [
    ({}, "status"),
    ({"status": "done", "value": 1}, "value"),
    ({"status": "partial"}, "status"),
    ({"status": None}, "status"),
    ({"value": 0}, "value"),
    ({"value": -1}, "value"),
    ({"value": 1_000_000.001}, "value"),
    ({"value": 10**400}, "value"),
    ({"value": 1e308}, "value"),
    ({"value": 0.0001}, "value"),
    ({"value": "1"}, "value"),
    ({"value": True}, "value"),
    ({"value": None}, "value"),
    ({"status": "done", "note": "a" * 1001}, "note"),
    ({"status": "done", "note": "a\x00b"}, "note"),
    ({"status": "done", "channel": "telegram"}, "channel"),
]


@pytest.mark.parametrize(("body", "field"), WRONG_BODIES, ids=lambda value: str(value)[:30])
def test_a_wrong_body_is_400_and_stores_nothing(
    anna: Caller, body: dict[str, Any], field: str
) -> None:
    habit_id = anna.create()["id"]
    assert_invalid(put(anna, habit_id, body), field)
    assert recorded(anna, habit_id) == []


@pytest.mark.parametrize("body", ['{"value": NaN}', '{"value": Infinity}', '{"value": 1e999}', "{"])
def test_a_number_that_is_none_is_400(anna: Caller, body: str) -> None:
    habit_id = anna.create()["id"]
    answer = anna.request("PUT", path_of(habit_id), data=body, content_type="application/json")
    assert answer.status_code == 400, answer.text
    assert recorded(anna, habit_id) == []


@pytest.mark.parametrize("amount", [0, -1, None, "1", 1e308, 0.0001])
def test_a_wrong_amount_is_400(anna: Caller, amount: object) -> None:
    habit_id = anna.create()["id"]
    assert_invalid(add(anna, habit_id, amount), "amount")


@pytest.mark.parametrize(
    "day",
    ["2026-02-30", "2026-13-01", "0000-01-01", "today", "2026-1-5", "20260105", "9999-12-31",
     "2000-01-01", "2026-01-05T00:00", "\u0662\u0660\u0662\u0666-01-05"],
)  # fmt: skip
def test_a_date_that_is_none_or_out_of_range_is_400(anna: Caller, day: str) -> None:
    habit_id = anna.create()["id"]
    assert_invalid(put(anna, habit_id, DONE, day), "date")


def test_tomorrow_is_allowed_only_where_it_is_tomorrow_already(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    latest = latest_date_at(now())
    assert put(anna, habit_id, DONE, latest.isoformat()).status_code == 201
    beyond = (latest + timedelta(days=1)).isoformat()
    assert_invalid(put(anna, habit_id, DONE, beyond), "date")


def test_somebody_elses_habit_has_no_days_for_me(anna: Caller, boris: Caller) -> None:
    secret = anna.create()["id"]
    published = anna.create(is_published=True)["id"]
    for habit_id, status, code in ((secret, 404, "not_found"), (published, 403, "not_owner")):
        listing = boris.get(f"/api/habit/{habit_id}/days/?from={TODAY}&to={TODAY}")
        for answer in (
            put(boris, habit_id, DONE),
            add(boris, habit_id, 1),
            clear(boris, habit_id),
            listing,
        ):
            assert_problem(answer, status, code)
        assert recorded(anna, habit_id) == []


def test_a_deleted_habit_has_no_days(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    put(anna, habit_id, DONE)
    anna.delete(habit_id)
    assert_problem(put(anna, habit_id, DONE), 404, "not_found")
    assert_problem(
        anna.get(f"/api/habit/{habit_id}/days/?from={TODAY}&to={TODAY}"), 404, "not_found"
    )


def test_days_are_listed_oldest_first(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    _created_days_ago(engine, habit_id, 9)
    days = [(date.fromisoformat(TODAY) - timedelta(days=ago)).isoformat() for ago in (1, 5, 3)]
    for day in days:
        put(anna, habit_id, DONE, day)
    listed = recorded(anna, habit_id, f"?from={min(days)}&to={max(days)}")
    assert [item["date"] for item in listed] == sorted(days)
    assert len(recorded(anna, habit_id, f"?from={days[2]}&to={days[0]}")) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "from"),
        ("?from=2026-01-01", "to"),
        ("?from=2026-01-02&to=2026-01-01", "to"),
        ("?from=2025-01-01&to=2026-01-02", "from"),
        ("?from=2026-02-30&to=2026-03-01", "from"),
        ("?from=2026-01-01&to=2026-01-02&page=1", "page"),
    ],
)
def test_a_wrong_range_is_400(anna: Caller, query: str, field: str) -> None:
    habit_id = anna.create()["id"]
    assert_invalid(anna.get(f"/api/habit/{habit_id}/days/{query}"), field)
    if "2025" not in query:
        assert_invalid(anna.get(f"/api/habit/days/{query}"), field)


def _created_days_ago(engine: Engine, habit_id: str, days: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE habits SET created_at = created_at - :days WHERE id = :id"),
            {"days": timedelta(days=days), "id": habit_id},
        )
