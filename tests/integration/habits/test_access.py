"""Who may do what: tokens, owners, strangers."""

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.integration.habits.callers import (
    KEY_ID,
    SIGNING_KEY,
    WATER,
    Caller,
    assert_problem,
    body_of,
    claims_of,
)


def signed(key: object = SIGNING_KEY, kid: str | None = KEY_ID, **claims: object) -> str:
    headers = {} if kid is None else {"kid": kid}
    all_claims = {
        name: value for name, value in claims_of(uuid4(), **claims).items() if value is not None
    }
    return jwt.encode(all_claims, key, "EdDSA", headers=headers)  # type: ignore[arg-type]


def unsigned() -> str:
    parts = ({"alg": "none", "typ": "JWT", "kid": KEY_ID}, claims_of(uuid4()))
    encoded = [
        base64.urlsafe_b64encode(json.dumps(part, default=lambda at: at.timestamp()).encode())
        for part in parts
    ]
    return b".".join(part.rstrip(b"=") for part in encoded).decode() + "."


PAST = datetime.now(UTC) - timedelta(minutes=1)
BAD_TOKENS = {
    "expired": signed(exp=PAST),
    "without an expiry": signed(exp=None),
    "of another audience": signed(aud="somebody-else"),
    "of another issuer": signed(iss="somebody-else"),
    "a refresh token": signed(type="refresh"),
    "without a subject": signed(sub=None),
    "of a subject that is no account": signed(sub="root"),
    "signed with another key": signed(Ed25519PrivateKey.generate()),
    "of an unknown key id": signed(kid="another"),
    "of no key id": signed(kid=None),
    "symmetric": jwt.encode(claims_of(uuid4()), "secret" * 8, "HS256", headers={"kid": KEY_ID}),
    "unsigned": unsigned(),
    "garbage": "garbage",
    "empty": "",
}


def requests_of_everything(client: FlaskClient, headers: dict[str, str]) -> list[TestResponse]:
    path = f"/api/habit/{uuid4()}/"
    return [
        client.get("/api/habit/", headers=headers),
        client.post("/api/habit/", json=WATER, headers=headers),
        client.get(path, headers=headers),
        client.put(path, json=WATER, headers=headers),
        client.patch(path, json={}, headers=headers),
        client.delete(path, headers=headers),
        client.get(f"{path}history/", headers=headers),
    ]


def assert_unauthorized(answer: TestResponse) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_without_a_token_nothing_but_the_public_list_is_told(client: FlaskClient) -> None:
    for answer in requests_of_everything(client, {}):
        assert_unauthorized(answer)
    assert client.get("/api/habit/public/").status_code == 200


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_opens_nothing(client: FlaskClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    for answer in requests_of_everything(client, headers):
        assert_unauthorized(answer)
    assert client.get("/api/habit/public/", headers=headers).status_code == 200


def test_somebody_elses_unpublished_habit_is_not_there(anna: Caller, boris: Caller) -> None:
    habit = anna.create()
    path = f"/api/habit/{habit['id']}/"
    assert_problem(boris.get(path), 404, "not_found")
    assert_problem(boris.put(habit["id"], WATER), 404, "not_found")
    assert_problem(boris.patch(habit["id"], {"place": "Mine"}), 404, "not_found")
    assert_problem(boris.delete(habit["id"]), 404, "not_found")
    assert_problem(boris.get(f"{path}history/"), 404, "not_found")
    assert_problem(boris.delete(habit["id"], If_Match='"9"'), 404, "not_found")
    assert anna.read(habit["id"]) == habit


def test_somebody_elses_published_habit_can_only_be_read(anna: Caller, boris: Caller) -> None:
    habit = anna.create(is_published=True)
    assert boris.read(habit["id"]) == habit
    assert_problem(boris.put(habit["id"], WATER), 403, "not_owner")
    assert_problem(boris.patch(habit["id"], {"place": "Mine"}), 403, "not_owner")
    assert_problem(boris.delete(habit["id"]), 403, "not_owner")
    assert_problem(boris.delete(habit["id"], If_Match='"9"'), 403, "not_owner")
    assert_problem(boris.get(f"/api/habit/{habit['id']}/history/"), 404, "not_found")
    assert anna.read(habit["id"]) == habit


def test_the_public_view_of_a_habit_has_a_tag_of_its_own(anna: Caller, boris: Caller) -> None:
    bath = anna.create(is_pleasant=True, is_published=True)
    habit = anna.create(is_published=True, linked_habit_id=bath["id"])
    answer = boris.get(f"/api/habit/{habit['id']}/")
    assert body_of(answer) == {**habit, "linked_habit_id": None}
    assert answer.headers["ETag"] == '"1-public"'
    path = f"/api/habit/{habit['id']}/"
    assert boris.get(path, If_None_Match='"1-public"').status_code == 304
    assert anna.get(path, If_None_Match='"1-public"').status_code == 200


def test_a_habit_that_is_no_longer_published_is_not_there_for_others(
    anna: Caller, boris: Caller
) -> None:
    habit_id = anna.create(is_published=True)["id"]
    anna.patch(habit_id, {"is_published": False})
    assert_problem(boris.get(f"/api/habit/{habit_id}/"), 404, "not_found")
