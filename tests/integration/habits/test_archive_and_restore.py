"""Archiving, restoring and targets over HTTP, and what other services hear of it."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from services.habits.command_handling import HabitCommands
from services.habits.event_store import EventStore
from services.habits.habit import RESTORABLE_FOR, HabitNotFound
from services.habits.stored_events import HABITS
from shared.instants import now
from tests.integration.habits.callers import WATER, Caller, assert_invalid, assert_problem, body_of
from tests.integration.habits.test_days import DONE, TODAY, add, put, recorded
from tests.integration.habits.test_erasure import erase, told_of
from tests.integration.habits.test_grid_and_today import grid_of, today_of
from tests.integration.habits.test_history import history
from tests.integration.habits.test_too_many_habits import fill

TARGET: dict[str, Any] = {"target_value": 2, "unit": "glasses"}


def post(caller: Caller, habit_id: str, what: str, **headers: str) -> TestResponse:
    dashed = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller.request("POST", f"/api/habit/{habit_id}/{what}/", dashed)


def listed(caller: Caller, query: str = "") -> list[str]:
    return [habit["id"] for habit in body_of(caller.get(f"/api/habit/{query}"))["results"]]


def test_an_archived_habit_is_out_of_the_way_until_it_is_taken_out(anna: Caller) -> None:
    kept, habit = anna.create(), anna.create()
    archived = post(anna, habit["id"], "archive")
    assert (archived.status_code, archived.headers["ETag"]) == (200, '"2"')
    assert body_of(archived)["archived_at"] == body_of(archived)["updated_at"]
    assert listed(anna) == [kept["id"]]
    assert listed(anna, "?archived=false") == [kept["id"]]
    assert listed(anna, "?archived=true") == [habit["id"]]
    assert [item["habit"]["id"] for item in today_of(anna)["results"]] == [kept["id"]]
    assert [row["habit"]["id"] for row in grid_of(anna, TODAY, TODAY)["results"]] == [kept["id"]]
    assert anna.read(habit["id"]) == body_of(archived)
    assert post(anna, habit["id"], "archive").headers["ETag"] == '"2"'
    back = post(anna, habit["id"], "unarchive", If_Match='"2"')
    assert body_of(back) == {**habit, "updated_at": body_of(back)["updated_at"], "version": 3}
    assert listed(anna) == [kept["id"], habit["id"]]
    assert [item["type"] for item in history(anna, habit["id"])["results"]] == [
        "created",
        "archived",
        "unarchived",
    ]


def test_the_pages_of_the_archive_lead_to_each_other(anna: Caller) -> None:
    habits = [anna.create()["id"] for _ in range(3)]
    for habit_id in habits:
        post(anna, habit_id, "archive")
    first = body_of(anna.get("/api/habit/?archived=true&page_size=2"))
    assert first["count"] == 3
    second = body_of(anna.get(first["next"]))
    assert [habit["id"] for habit in second["results"]] == habits[2:]
    assert_invalid(anna.get("/api/habit/?archived=perhaps"), "archived")


def test_an_archived_habit_is_not_public(anna: Caller, boris: Caller) -> None:
    habit_id = anna.create(is_published=True)["id"]
    assert boris.get(f"/api/habit/{habit_id}/").status_code == 200
    post(anna, habit_id, "archive")
    assert_problem(boris.get(f"/api/habit/{habit_id}/"), 404, "not_found")
    assert habit_id not in listed(boris, "public/?page_size=100")


def test_others_hear_that_a_habit_is_archived_and_that_it_is_not(
    engine: Engine, anna: Caller
) -> None:
    habit_id = anna.create()["id"]
    post(anna, habit_id, "archive")
    anna.patch(habit_id, {"place": "Office"})
    post(anna, habit_id, "unarchive")
    told = told_of(engine, habit_id)
    assert [each["type"] for each in told] == ["habit.created.v2", *["habit.changed.v2"] * 3]
    assert [each["archived_at"] is not None for each in told] == [False, True, True, False]
    assert [each["deleted"] for each in told] == [False] * 4


def test_a_deleted_habit_comes_back_with_its_days(engine: Engine, anna: Caller) -> None:
    habit = anna.create(reward="Tea")
    day = body_of(put(anna, habit["id"], DONE))
    anna.delete(habit["id"])
    restored = post(anna, habit["id"], "restore")
    assert (restored.status_code, restored.headers["ETag"]) == (200, '"3"')
    body = body_of(restored)
    assert body == {**habit, "updated_at": body["updated_at"], "version": 3}
    assert listed(anna) == [habit["id"]]
    assert recorded(anna, habit["id"]) == [day]
    assert post(anna, habit["id"], "restore").headers["ETag"] == '"3"'
    assert [told["type"] for told in told_of(engine, habit["id"])] == [
        "habit.created.v2",
        "habit.deleted.v2",
        "habit.changed.v2",
    ]


def test_what_it_was_linked_to_may_have_gone(anna: Caller) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    habit_id = anna.create(linked_habit_id=bath)["id"]
    anna.delete(habit_id)
    anna.delete(bath)
    assert body_of(post(anna, habit_id, "restore"))["linked_habit_id"] is None
    assert body_of(post(anna, bath, "restore"))["is_pleasant"] is True


def test_only_ones_own_and_only_what_there_was_is_restored(anna: Caller, boris: Caller) -> None:
    habit_id = anna.create(is_published=True)["id"]
    assert_problem(post(boris, habit_id, "restore"), 403, "not_owner")
    anna.delete(habit_id)
    for caller, what in (
        (boris, habit_id),
        (anna, "nonsense".ljust(36, "x")),
        (anna, str(UUID(int=1))),
    ):
        assert_problem(post(caller, what, "restore"), 404, "not_found")
    for what in ("archive", "unarchive"):
        assert_problem(post(anna, habit_id, what), 404, "not_found")


def test_after_thirty_days_it_is_gone(engine: Engine, anna: Caller) -> None:
    habit_id = UUID(anna.create()["id"])
    anna.delete(str(habit_id))
    later = now() + RESTORABLE_FOR
    commands = HabitCommands(engine, EventStore(HABITS), lambda: later)
    with pytest.raises(HabitNotFound):
        commands.restore(habit_id, anna.account_id)


def test_nothing_is_restored_into_a_full_or_erased_account(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    anna.delete(habit_id)
    fill(engine, anna, 1000)
    assert_problem(post(anna, habit_id, "restore"), 400, "too_many_habits")
    erase(engine, anna.account_id)
    assert_problem(post(anna, habit_id, "restore"), 401, "invalid_token")


def test_a_target_makes_less_of_it_partial(anna: Caller) -> None:
    habit = anna.create(**TARGET)
    assert (habit["target_value"], habit["unit"]) == (2, "glasses")
    half = body_of(add(anna, habit["id"], 0.5))
    assert (half["status"], half["value"], half["target_value"]) == ("partial", 0.5, 2)
    assert half["unit"] == "glasses"
    assert half["slots"] == [{"time": "07:30:00", "done": False}]
    whole = body_of(add(anna, habit["id"], 1.5))
    assert (whole["status"], whole["value"]) == ("done", 2)
    anna.patch(habit["id"], {"target_value": 8.125})
    assert recorded(anna, habit["id"]) == [whole]
    assert body_of(put(anna, habit["id"], {"value": 2}))["status"] == "partial"
    assert body_of(put(anna, habit["id"], DONE))["value"] == 8.125
    changed = history(anna, habit["id"], "?page_size=9")["results"][3]
    assert (changed["type"], changed["changes"]) == ("changed", {"target_value": 8.125})


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"target_value": 2}, ["target_value", "unit"]),
        ({"target_value": 0, "unit": "glasses"}, ["target_value"]),
        ({"target_value": -1, "unit": "glasses"}, ["target_value"]),
        ({"target_value": 1_000_001, "unit": "glasses"}, ["target_value"]),
        ({"target_value": 1.0001, "unit": "glasses"}, ["target_value"]),
        ({"target_value": "2", "unit": "glasses"}, ["target_value"]),
        ({"target_value": True, "unit": "glasses"}, ["target_value"]),
        ({"unit": ""}, ["unit"]),
        ({"unit": " "}, ["unit"]),
        ({"unit": "g" * 33}, ["unit"]),
        ({"archived_at": None}, ["archived_at"]),
    ],
)
def test_a_wrong_target_is_400(anna: Caller, changed: dict[str, Any], fields: list[str]) -> None:
    assert_invalid(anna.post({**WATER, **changed}), *fields)
    assert listed(anna) == []


def test_a_target_cannot_lose_its_unit(anna: Caller) -> None:
    habit = anna.create(**TARGET)
    assert_invalid(anna.patch(habit["id"], {"unit": None}), "target_value", "unit")
    both = anna.patch(habit["id"], {"unit": None, "target_value": None})
    assert both.status_code == 200
