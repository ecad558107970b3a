"""The history of a habit, as its owner reads it."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from services.habits.days.day import SetStatus
from services.habits.days.day_commands import DayCommands, DayRequest
from services.habits.days.day_events import Channel, DayStatus
from services.habits.days.stored_days import DAYS
from services.habits.event_store import EventStore
from services.habits.history.changes import OF_HABIT
from shared import instants
from shared.instants import now
from tests.integration.habits.callers import (
    WATER,
    Caller,
    assert_invalid,
    assert_problem,
    body_of,
)
from tests.integration.habits.test_days import DONE, TODAY, clear, put


def history(caller: Caller, habit_id: str, query: str = "") -> dict[str, Any]:
    answer = caller.get(f"/api/habit/{habit_id}/history/{query}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def test_the_history_tells_what_became_different_and_when(anna: Caller) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    created = anna.create()
    changed = body_of(
        anna.patch(
            created["id"],
            {"place": "Office", "time": "08:00", "linked_habit_id": bath, "duration_seconds": 60},
        )
    )
    anna.delete(bath)
    cleared = anna.read(created["id"])
    told = history(anna, created["id"])
    assert told["count"] == 3
    assert (told["next"], told["previous"]) == (None, None)
    assert told["results"] == [
        {
            "version": 1,
            "type": "created",
            "at": created["created_at"],
            "changes": {
                **WATER,
                "time": "07:30:00",
                "period_days": 1,
                "is_pleasant": False,
                "reward": None,
                "linked_habit_id": None,
                "is_published": False,
            },
            "channel": "api",
        },
        {
            "version": 2,
            "type": "changed",
            "at": changed["updated_at"],
            "changes": {"place": "Office", "time": "08:00:00", "linked_habit_id": bath},
            "channel": "api",
        },
        {
            "version": 3,
            "type": "link_cleared",
            "at": cleared["updated_at"],
            "changes": {"linked_habit_id": None},
            "channel": "api",
        },
    ]


def test_the_history_comes_in_pages(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    for number in range(6):
        anna.patch(habit_id, {"place": f"Room {number}"})
    first = history(anna, habit_id)
    assert [entry["version"] for entry in first["results"]] == [1, 2, 3, 4, 5]
    second = body_of(anna.get(first["next"]))
    assert [entry["version"] for entry in second["results"]] == [6, 7]
    assert second["count"] == 7
    assert history(anna, habit_id, "?page=9&page_size=3")["results"] == []


def test_the_history_goes_with_the_habit(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    anna.delete(habit_id)
    assert_problem(anna.get(f"/api/habit/{habit_id}/history/"), 404, "not_found")


def test_the_history_is_only_the_owners(anna: Caller, boris: Caller) -> None:
    habit_id = anna.create(is_published=True)["id"]
    assert_problem(boris.get(f"/api/habit/{habit_id}/history/"), 404, "not_found")


def test_days_and_habit_are_told_together_in_the_order_of_what_happened(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    other_id = anna.create()["id"]
    day = put(anna, habit_id, {"status": "done", "note": "easy"})
    anna.patch(habit_id, {"place": "Office"})
    put(anna, other_id, DONE)
    clear(anna, habit_id)
    told = history(anna, habit_id)
    assert told["count"] == 4
    assert [(item["type"], item["version"]) for item in told["results"]] == [
        ("created", 1),
        ("day_recorded", 1),
        ("changed", 2),
        ("day_cleared", 2),
    ]
    recorded = told["results"][1]
    assert (recorded["date"], recorded["at"]) == (TODAY, body_of(day)["recorded_at"])
    assert recorded["changes"]["status"] == "done"
    assert recorded["changes"]["note"] == "easy"
    assert (told["results"][3]["date"], told["results"][3]["changes"]) == (TODAY, {})
    assert "date" not in told["results"][0]
    last = history(anna, habit_id, "?page=2&page_size=3")
    assert [item["type"] for item in last["results"]] == ["day_cleared"]


def test_a_change_names_the_channel_it_came_by(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    days = DayCommands(engine, EventStore(DAYS))
    request = DayRequest(
        habit_id=UUID(habit_id), date=now().date(), command=SetStatus(DayStatus.DONE)
    )
    days.answer(anna.account_id, request, Channel.TELEGRAM)
    clear(anna, habit_id)
    told = [(item["type"], item["channel"]) for item in history(anna, habit_id)["results"]]
    assert told == [("created", "api"), ("day_recorded", "telegram"), ("day_cleared", "api")]


def test_a_habit_is_shown_as_it_was(anna: Caller) -> None:
    before = now()
    created = anna.create()
    changed = body_of(anna.patch(created["id"], {"place": "Office"}))
    anna.delete(created["id"])
    assert _as_of(anna, created["id"], created["updated_at"]) == created
    # Another spelling of the same instant, its plus sign not escaped.
    assert _as_of(anna, created["id"], changed["updated_at"].replace("Z", "+00:00")) == changed
    for instant in (instants.to_json(before), instants.to_json(now())):
        path = f"/api/habit/{created['id']}/?as_of={instant}"
        assert_problem(anna.get(path), 404, "not_found")


def _as_of(caller: Caller, habit_id: str, instant: str) -> dict[str, Any]:
    answer = caller.get(f"/api/habit/{habit_id}/?as_of={instant}")
    assert answer.status_code == 200, answer.text
    habit = body_of(answer)
    assert answer.headers["ETag"] == f'"{habit["version"]}"'
    return habit


def test_how_a_published_habit_was_only_its_owner_sees(anna: Caller, boris: Caller) -> None:
    created = anna.create(is_published=True)
    path = f"/api/habit/{created['id']}/?as_of={created['created_at']}"
    assert_problem(boris.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "wrong", ["yesterday", "2026-01-06", "2026-01-06T08:00:00", "2999-01-01T00:00:00Z", ""]
)
def test_what_is_no_past_instant_is_refused(anna: Caller, wrong: str) -> None:
    habit_id = anna.create()["id"]
    assert_invalid(anna.get(f"/api/habit/{habit_id}/?as_of={wrong}"), "as_of")


def test_the_indexes_find_the_streams_of_a_habit(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for prepared in (False, True):
            mode = "force_generic_plan" if prepared else "force_custom_plan"
            connection.execute(text(f"SET LOCAL plan_cache_mode = {mode}"))
            explained = text(f"EXPLAIN {OF_HABIT.text}")
            values = {"habit_id": "x", "limit": 5, "offset": 0}
            plan = "\n".join(connection.execute(explained, values).scalars())
            assert "ix_events_habit_id_of_first" in plan
