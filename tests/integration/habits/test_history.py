"""The history of a habit, as its owner reads it."""

from typing import Any

from tests.integration.habits.callers import WATER, Caller, assert_problem, body_of


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
        },
        {
            "version": 2,
            "type": "changed",
            "at": changed["updated_at"],
            "changes": {"place": "Office", "time": "08:00:00", "linked_habit_id": bath},
        },
        {
            "version": 3,
            "type": "link_cleared",
            "at": cleared["updated_at"],
            "changes": {"linked_habit_id": None},
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
