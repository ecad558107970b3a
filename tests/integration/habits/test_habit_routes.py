"""Creating, reading, replacing, changing and deleting a habit over HTTP."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from tests.integration.habits.callers import WATER, Caller, assert_problem, body_of

WHOLE: dict[str, Any] = {
    "action": "Run",
    "place": "Park",
    "time": "18:45:30",
    "duration_seconds": 120,
    "period_days": 7,
    "is_pleasant": False,
    "reward": "Tea",
    "linked_habit_id": None,
    "is_published": True,
    "target_value": 2.5,
    "unit": "kilometres",
}
SERVER_MADE = ("id", "start_date", "archived_at", "created_at", "updated_at", "version")


def without_server_made(habit: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in habit.items() if name not in SERVER_MADE}


def also_told(habit: dict[str, Any]) -> dict[str, Any]:
    """Return what a habit that is due once every so many days tells besides."""
    return {
        "times": [habit["time"]],
        "schedule": {"kind": "every_n_days", "n": habit["period_days"]},
        "end_date": None,
        "paused_until": None,
        "follow_up_minutes": None,
    }


def test_a_created_habit_has_its_defaults(anna: Caller) -> None:
    answer = anna.post(WATER)
    habit = body_of(answer)
    assert answer.status_code == 201
    assert without_server_made(habit) == {
        **WATER,
        "time": "07:30:00",
        "period_days": 1,
        "is_pleasant": False,
        "reward": None,
        "linked_habit_id": None,
        "is_published": False,
        "target_value": None,
        "unit": None,
        **also_told({"time": "07:30:00", "period_days": 1}),
    }
    assert (habit["archived_at"], habit["version"]) == (None, 1)
    assert habit["created_at"] == habit["updated_at"]
    assert habit["created_at"].endswith("Z")


def test_creation_tells_where_the_habit_is_and_its_tag(client: FlaskClient, anna: Caller) -> None:
    answer = anna.request("POST", "/api/habit/", {"Host": "habits.example:8080"}, json=WATER)
    habit_id = body_of(answer)["id"]
    assert answer.headers["Location"] == f"http://habits.example:8080/api/habit/{habit_id}/"
    assert answer.headers["ETag"] == '"1"'
    assert anna.get(answer.headers["Location"]).get_json() == answer.get_json()


def test_every_field_is_stored_as_it_was_sent(anna: Caller) -> None:
    created = anna.create(**WHOLE)
    assert without_server_made(created) == {**WHOLE, **also_told(WHOLE)}
    assert anna.read(created["id"]) == created


@pytest.mark.parametrize("text", ["Ünïcödé 😀 \u202eevil", "a" * 255, "😀" * 255, "  around  "])
def test_text_comes_back_character_by_character(anna: Caller, text: str) -> None:
    habit = anna.create(action=text, place=text, reward=text)
    assert {anna.read(habit["id"])[name] for name in ("action", "place", "reward")} == {text}


def test_a_blank_reward_is_no_reward(anna: Caller) -> None:
    assert anna.create(reward="")["reward"] is None
    assert anna.create(is_pleasant=True, reward="  ")["reward"] is None


def test_put_sets_what_is_left_out_to_its_default(anna: Caller) -> None:
    habit = anna.create(**WHOLE)
    replaced = body_of(anna.put(habit["id"], WATER))
    assert replaced["reward"] is None
    assert replaced["is_published"] is False
    assert replaced["period_days"] == 1
    assert replaced["version"] == 2
    assert replaced["created_at"] == habit["created_at"]
    assert replaced["updated_at"] > habit["updated_at"]
    assert anna.read(habit["id"]) == replaced


def test_patch_leaves_the_rest_as_it_is(anna: Caller) -> None:
    habit = anna.create(**WHOLE)
    answer = anna.patch(habit["id"], {"place": "Forest", "time": "06:00"})
    changed = body_of(answer)
    expected = {**WHOLE, "place": "Forest", "time": "06:00:00"}
    assert without_server_made(changed) == {**expected, **also_told(expected)}
    assert changed["version"] == 2
    assert answer.headers["ETag"] == '"2"'
    assert anna.read(habit["id"]) == changed


def test_the_same_values_again_make_no_new_version(anna: Caller) -> None:
    habit = anna.create(**WHOLE)
    for answer in (
        anna.put(habit["id"], WHOLE),
        anna.patch(habit["id"], {"action": WHOLE["action"], "time": "18:45:30"}),
        anna.patch(habit["id"], {}),
    ):
        assert answer.status_code == 200
        assert answer.get_json() == habit
        assert answer.headers["ETag"] == '"1"'
    assert body_of(anna.get(f"/api/habit/{habit['id']}/history/"))["count"] == 1


def test_a_deleted_habit_is_gone(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    answer = anna.delete(habit_id)
    assert (answer.status_code, answer.data) == (204, b"")
    assert_problem(anna.get(f"/api/habit/{habit_id}/"), 404, "not_found")
    assert_problem(anna.delete(habit_id), 404, "not_found")
    assert_problem(anna.put(habit_id, WATER), 404, "not_found")
    assert_problem(anna.patch(habit_id, {"place": "Office"}), 404, "not_found")
    assert body_of(anna.get("/api/habit/"))["count"] == 0


def test_habits_linked_to_a_deleted_one_lose_the_link(anna: Caller) -> None:
    bath = anna.create(action="Take a bath", is_pleasant=True)
    linked = [anna.create(linked_habit_id=bath["id"]) for _ in range(2)]
    other = anna.create()
    anna.delete(bath["id"])
    for habit in linked:
        now = anna.read(habit["id"])
        assert now["linked_habit_id"] is None
        assert now["version"] == 2
        assert now["updated_at"] > habit["updated_at"]
    assert anna.read(other["id"]) == other


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', '"0", "1"', "*", 'W/"7","1" , "9"'])
def test_a_habit_the_client_has_is_not_sent_again(anna: Caller, tag: str) -> None:
    habit_id = anna.create()["id"]
    answer = anna.get(f"/api/habit/{habit_id}/", If_None_Match=tag)
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == '"1"'


@pytest.mark.parametrize("tag", ['"2"', '"0", "2"', "1", '"1', 'garbage "1"', ""])
def test_another_tag_or_an_unreadable_one_gets_the_habit(anna: Caller, tag: str) -> None:
    habit_id = anna.create()["id"]
    assert anna.get(f"/api/habit/{habit_id}/", If_None_Match=tag).status_code == 200


@pytest.mark.parametrize("tag", ['"1"', "*", '"7", "1"'])
def test_a_change_with_the_current_tag_is_made(anna: Caller, tag: str) -> None:
    first, second, third = (anna.create()["id"] for _ in range(3))
    assert anna.put(first, {**WATER, "place": "Office"}, If_Match=tag).status_code == 200
    assert anna.patch(second, {"place": "Office"}, If_Match=tag).status_code == 200
    assert anna.delete(third, If_Match=tag).status_code == 204


@pytest.mark.parametrize(
    "tag", ['"1"', 'W/"2"', "2", '"2', '"1", W/"2"', "", '"two"', f'"{"9" * 5000}"', '"2-public"']
)
def test_a_change_with_a_stale_weak_or_unreadable_tag_is_refused(anna: Caller, tag: str) -> None:
    habit_id = anna.create()["id"]
    changed = body_of(anna.patch(habit_id, {"place": "Office"}))
    for answer in (
        anna.put(habit_id, WATER, If_Match=tag),
        anna.patch(habit_id, {"place": "Bed"}, If_Match=tag),
        # A stale client may be about to repeat what is already so; it is told all the same.
        anna.patch(habit_id, {"place": "Office"}, If_Match=tag),
        anna.delete(habit_id, If_Match=tag),
    ):
        assert_problem(answer, 412, "precondition_failed")
        assert answer.headers["ETag"] == '"2"'
    assert anna.read(habit_id) == changed


def test_head_answers_like_get_without_a_body(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    for path in (f"/api/habit/{habit_id}/", "/api/habit/", "/api/habit/public/"):
        got, head = anna.get(path), anna.request("HEAD", path)
        assert (head.status_code, head.data) == (200, b"")
        assert head.headers["Content-Length"] == str(len(got.data))
        assert head.headers.get("ETag") == got.headers.get("ETag")


def test_an_id_that_is_none_is_not_found(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    for wrong in (
        str(uuid4()),
        "1",
        "nonsense",
        "%00",
        "%F0%9F%98%80",
        f"%7B{habit_id}%7D",
        habit_id.upper(),
        UUID(habit_id).hex,
        f"urn:uuid:{habit_id}",
    ):
        assert_problem(anna.get(f"/api/habit/{wrong}/"), 404, "not_found")
        assert_problem(anna.put(wrong, WATER), 404, "not_found")
        assert_problem(anna.patch(wrong, {}), 404, "not_found")
        assert_problem(anna.delete(wrong), 404, "not_found")
        assert_problem(anna.get(f"/api/habit/{wrong}/history/"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/habit/", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/api/habit/public/", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/api/habit/public/", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    anna: Caller, method: str, path: str, allowed: set[str]
) -> None:
    answer = anna.request(method, path, json={})
    assert_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed
