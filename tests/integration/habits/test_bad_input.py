"""Input that is not what the API document says: a 400 or 415 naming it, and nothing is stored."""

import json
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from tests.integration.habits.callers import (
    WATER,
    Caller,
    assert_invalid,
    assert_problem,
    body_of,
)

NOT_TEXT = [1, 1.5, True, [], {}, ["Read"]]
NOT_INTEGERS = [1.9, 1.0, "5", True, None, [], {}, "", 1e400]
NOT_BOOLEANS = ["true", "yes", 0, 1, None, [], {}]
BROKEN_TEXT = ["a\x00b", "\x00", "\ud800", "\udfff tail"]
BLANK = ["", " ", "\t\n", "\u00a0", "\u2003\u3000", "\u200b", "\ufeff", "\u2028", "\x1f"]

WRONG_VALUES: dict[str, list[Any]] = {
    "action": [None, *NOT_TEXT, *BROKEN_TEXT, *BLANK, "a" * 256],
    "place": [None, *NOT_TEXT, *BROKEN_TEXT, *BLANK, "a" * 256],
    "reward": [*NOT_TEXT, *BROKEN_TEXT, "a" * 256],
    "linked_habit_id": [*NOT_TEXT, *BROKEN_TEXT, "nonsense", "", "a" * 10_000],
    "time": [
        None,
        730,
        7.5,
        True,
        [],
        "",
        "7:30",
        "07:30:00.5",
        "07:30:00.000000",
        "07:30+02:00",
        "07:30:00+00:00",
        "07:30Z",
        "24:00",
        "23:60",
        "23:59:60",
        "07-30",
        "0730",
        "07:30\n",
        " 07:30",
        "\u0660\u0667:\u0663\u0660",
        "07:30 PM",
        "2026-01-05T07:30:00",
        "07:30\x00",
    ],
    "duration_seconds": [*NOT_INTEGERS, 0, -1, 121, 2**31, 2**63, 10**400],
    "period_days": [*NOT_INTEGERS, 0, -1, 8, 2**63],
    "is_pleasant": NOT_BOOLEANS,
    "is_published": NOT_BOOLEANS,
}
CASES = [(field, value) for field, values in WRONG_VALUES.items() for value in values]
READ_ONLY = ["id", "created_at", "updated_at", "version", "owner_id", "owner", "deleted"]


@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_wrong_value_is_refused_by_every_way_of_writing(
    anna: Caller, field: str, value: object
) -> None:
    # json.dumps writes 1e400 as Infinity, which is no JSON.
    body = json.dumps({**WATER, field: value}).replace("Infinity", "1e400")
    patch = json.dumps({field: value}).replace("Infinity", "1e400")
    habit = anna.create()
    path = f"/api/habit/{habit['id']}/"
    for method, where, sent in (
        ("POST", "/api/habit/", body),
        ("PUT", path, body),
        ("PATCH", path, patch),
    ):
        answer = anna.request(method, where, data=sent, content_type="application/json")
        assert_invalid(answer, field)
    assert body_of(anna.get("/api/habit/")) == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [habit],
    }


@pytest.mark.parametrize("field", ["action", "place", "time", "duration_seconds"])
def test_a_whole_habit_needs_its_required_fields(anna: Caller, field: str) -> None:
    body = {name: value for name, value in WATER.items() if name != field}
    assert_invalid(anna.post(body), field)
    assert_invalid(anna.put(anna.create()["id"], body), field)


@pytest.mark.parametrize("field", [*READ_ONLY, "colour", "", "Action", "\x00", "\ud800"])
def test_unknown_and_read_only_fields_are_refused(anna: Caller, field: str) -> None:
    habit_id = anna.create()["id"]
    assert_invalid(anna.post({**WATER, field: 1}))
    assert_invalid(anna.put(habit_id, {**WATER, field: 1}))
    assert_invalid(anna.patch(habit_id, {field: 1}))


@pytest.mark.parametrize("body", [[], [WATER], "text", 1, True, None])
def test_a_body_that_is_no_object_is_refused(anna: Caller, body: object) -> None:
    habit_id = anna.create()["id"]
    for method, path in (
        ("POST", "/api/habit/"),
        ("PUT", f"/api/habit/{habit_id}/"),
        ("PATCH", f"/api/habit/{habit_id}/"),
    ):
        answer = anna.request(method, path, data=json.dumps(body), content_type="application/json")
        assert_problem(answer, 400, "invalid_input")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'action': 'Read'}",
        b'{"action": NaN}',
        b"\xff\xfe",
        b'{"action": "\xff"}',
        b"[" * 30_000,
        b'{"duration_seconds": ' + b"9" * 5000 + b"}",
    ],
)
def test_malformed_json_is_told_so(anna: Caller, body: bytes) -> None:
    answer = anna.request("POST", "/api/habit/", data=body, content_type="application/json")
    assert_problem(answer, 400, "malformed_json")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]
)
def test_another_media_type_is_told_so(anna: Caller, media_type: str) -> None:
    answer = anna.request("POST", "/api/habit/", data=json.dumps(WATER), content_type=media_type)
    assert_problem(answer, 415, "unsupported_media_type")


def test_a_giant_body_is_told_so(anna: Caller) -> None:
    assert_problem(anna.post({**WATER, "action": "a" * 70_000}), 413, "body_too_large")


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=1.0",
        "page=one",
        "page=",
        "page=+1",
        "page=%201",
        "page=1_0",
        "page=%D9%A1",
        "page=1000001",
        f"page={'9' * 5000}",
        "page=%00",
        "page_size=0",
        "page_size=101",
        "page_size=ten",
        "limit=5",
        "page=1&order=asc",
    ],
)
@pytest.mark.parametrize("path", ["/api/habit/", "/api/habit/public/", "history"])
def test_a_wrong_query_is_refused(anna: Caller, path: str, query: str) -> None:
    if path == "history":
        path = f"/api/habit/{anna.create()['id']}/history/"
    answer = anna.get(f"{path}?{query}")
    name = query.rsplit("&", maxsplit=1)[-1].split("=", maxsplit=1)[0]
    assert_invalid(answer, name)


def test_the_token_is_judged_before_the_input(client: FlaskClient) -> None:
    assert_problem(client.post("/api/habit/", json={"colour": 1}), 401, "not_authenticated")
    assert_problem(client.get("/api/habit/?page=0"), 401, "not_authenticated")
    strangers = client.patch(f"/api/habit/{uuid4()}/", json={"colour": 1})
    assert_problem(strangers, 401, "not_authenticated")
