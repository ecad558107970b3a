"""The rules hold on the resulting habit, whichever way it comes about."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.habits.callers import WATER, Caller, assert_invalid, body_of

# How the same wish can be sent: as a new habit, as a replacement, as a change.
Way = Callable[[Caller, dict[str, Any]], Any]


def _post(caller: Caller, wish: dict[str, Any]) -> Any:
    return caller.post({**WATER, **wish})


def _put(caller: Caller, wish: dict[str, Any]) -> Any:
    return caller.put(caller.create()["id"], {**WATER, **wish})


def _patch(caller: Caller, wish: dict[str, Any]) -> Any:
    return caller.patch(caller.create()["id"], wish)


every_way = pytest.mark.parametrize("way", [_post, _put, _patch])


@every_way
def test_a_reward_and_a_link_are_never_both_there(anna: Caller, way: Way) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    assert_invalid(
        way(anna, {"reward": "Tea", "linked_habit_id": bath}), "reward", "linked_habit_id"
    )


@every_way
@pytest.mark.parametrize("seconds", [0, -1, 121, 10**30])
def test_a_habit_takes_1_to_120_seconds(anna: Caller, way: Way, seconds: int) -> None:
    assert_invalid(way(anna, {"duration_seconds": seconds}), "duration_seconds")


@every_way
@pytest.mark.parametrize("days", [0, 8, -(10**30)])
def test_a_habit_is_done_every_1_to_7_days(anna: Caller, way: Way, days: int) -> None:
    assert_invalid(way(anna, {"period_days": days}), "period_days")


@every_way
def test_a_pleasant_habit_has_no_reward(anna: Caller, way: Way) -> None:
    assert_invalid(way(anna, {"is_pleasant": True, "reward": "Tea"}), "is_pleasant", "reward")


@every_way
def test_a_pleasant_habit_has_no_link(anna: Caller, way: Way) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    wish = {"is_pleasant": True, "linked_habit_id": bath}
    assert_invalid(way(anna, wish), "is_pleasant", "linked_habit_id")


@every_way
def test_only_own_pleasant_habits_can_be_linked_and_the_answer_tells_nothing_of_others(
    anna: Caller, boris: Caller, way: Way
) -> None:
    deleted = anna.create(is_pleasant=True)["id"]
    anna.delete(deleted)
    errors = []
    for linked in (
        anna.create()["id"],
        boris.create(is_pleasant=True)["id"],
        boris.create(is_pleasant=True, is_published=True)["id"],
        deleted,
        str(uuid4()),
        "nonsense",
        "",
    ):
        answer = way(anna, {"linked_habit_id": linked})
        assert_invalid(answer, "linked_habit_id")
        errors.append(body_of(answer)["errors"])
    assert all(error == errors[0] for error in errors)


@every_way
def test_a_link_to_an_own_pleasant_habit_is_made(anna: Caller, way: Way) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    assert body_of(way(anna, {"linked_habit_id": bath}))["linked_habit_id"] == bath


def test_a_rule_is_checked_with_what_the_habit_already_has(anna: Caller) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    rewarded = anna.create(reward="Tea")["id"]
    linked = anna.create(linked_habit_id=bath)["id"]
    assert_invalid(anna.patch(rewarded, {"linked_habit_id": bath}), "reward", "linked_habit_id")
    assert_invalid(anna.patch(rewarded, {"is_pleasant": True}), "is_pleasant", "reward")
    assert_invalid(anna.patch(linked, {"reward": "Tea"}), "reward", "linked_habit_id")
    assert_invalid(anna.patch(linked, {"is_pleasant": True}), "is_pleasant", "linked_habit_id")
    assert_invalid(anna.patch(bath, {"reward": "Tea"}), "is_pleasant", "reward")


def test_a_reward_is_exchanged_for_a_link_in_one_change(anna: Caller) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    rewarded = anna.create(reward="Tea")["id"]
    answer = anna.patch(rewarded, {"reward": None, "linked_habit_id": bath})
    assert (answer.status_code, body_of(answer)["linked_habit_id"]) == (200, bath)


def test_a_habit_that_others_link_to_stays_pleasant(anna: Caller) -> None:
    bath = anna.create(is_pleasant=True)
    linked = anna.create(linked_habit_id=bath["id"])
    assert_invalid(anna.patch(bath["id"], {"is_pleasant": False}), "is_pleasant")
    assert_invalid(anna.put(bath["id"], WATER), "is_pleasant")
    assert anna.read(bath["id"]) == bath
    assert anna.patch(bath["id"], {"place": "Bathroom"}).status_code == 200
    anna.patch(linked["id"], {"linked_habit_id": None})
    assert anna.patch(bath["id"], {"is_pleasant": False}).status_code == 200


def test_a_habit_is_not_linked_to_itself(anna: Caller) -> None:
    habit = anna.create(is_pleasant=True)["id"]
    wish = {"is_pleasant": False, "linked_habit_id": habit}
    assert_invalid(anna.patch(habit, wish), "linked_habit_id")
    assert_invalid(anna.put(habit, {**WATER, **wish}), "linked_habit_id")


def test_a_refused_change_stores_nothing(anna: Caller) -> None:
    habit = anna.create()
    anna.patch(habit["id"], {"place": "Office", "duration_seconds": 121})
    anna.patch(habit["id"], {"place": "Office", "linked_habit_id": str(uuid4())})
    anna.put(habit["id"], {**WATER, "place": "Office", "is_pleasant": True, "reward": "Tea"})
    assert anna.read(habit["id"]) == habit
    assert body_of(anna.get(f"/api/habit/{habit['id']}/history/"))["count"] == 1
