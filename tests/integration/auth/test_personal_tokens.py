"""Personal tokens: shown once, limited by their scopes, gone when they are revoked."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask

from services.auth.api_tokens import MOST_TOKENS
from shared.instants import now, to_json
from tests.integration.auth.callers import (
    PASSWORD,
    Answer,
    Caller,
    assert_problem,
    bearer,
    change,
    registered,
    rows,
)

NEW = {"name": "Home Assistant", "scopes": ["habits:read", "account:read"]}


def tokens(ann: Caller, access: str, method: str = "GET", path: str = "", **more: Any) -> Answer:
    return ann.client.open(f"/api/me/tokens/{path}", method=method, headers=bearer(access), **more)


def made(ann: Caller, access: str, **changes: Any) -> dict[str, Any]:
    answer = tokens(ann, access, "POST", json=NEW | changes)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json
    return body


def exchange(ann: Caller, token: str) -> Answer:
    return ann.client.get("/internal/token-exchange/", headers=bearer(token))


def exchanged(ann: Caller, token: str) -> str:
    """Return the access token that the gateway would get."""
    answer = exchange(ann, token)
    assert answer.status_code == 204, answer.text
    return answer.headers["X-Access-Token"]


@pytest.fixture
def access(ann: Caller) -> str:
    return ann.tokens()["access"]


def test_a_token_is_shown_once_and_stored_as_a_hash(
    ann: Caller, access: str, database_url: str
) -> None:
    answer = tokens(ann, access, "POST", json=NEW)

    token = answer.json["token"]
    assert re.fullmatch("hab_[0-9A-Za-z]{36}", token)
    assert answer.headers["Cache-Control"] == "no-store"
    shown = {name: value for name, value in answer.json.items() if name != "token"}
    assert shown["scopes"] == ["account:read", "habits:read"]
    assert (shown["expires_at"], shown["last_used_at"]) == (None, None)
    assert token.startswith(shown["starts_with"])
    listed = tokens(ann, access)
    assert listed.json == {"results": [shown]}
    assert listed.headers["Cache-Control"] == "no-store"
    assert token not in str(rows(database_url, "SELECT * FROM api_tokens"))


def test_the_gateway_gets_an_access_token_of_five_minutes_with_the_scopes(
    ann: Caller, access: str
) -> None:
    token = exchanged(ann, made(ann, access)["token"])

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == ann.me(access).json["id"]
    assert claims["scope"] == "account:read habits:read"
    assert claims["exp"] - claims["iat"] == 5 * 60
    assert ann.me(token).status_code == 200


def test_the_day_of_the_last_use_is_kept_once_a_day(
    ann: Caller, access: str, database_url: str
) -> None:
    token = made(ann, access)["token"]
    exchanged(ann, token)
    before = rows(database_url, "SELECT xmin::text, last_used_on FROM api_tokens")
    exchanged(ann, token)

    assert rows(database_url, "SELECT xmin::text, last_used_on FROM api_tokens") == before
    [listed] = tokens(ann, access).json["results"]
    assert listed["last_used_at"] == before[0]["last_used_on"].isoformat()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/me/", {"locale": "ru"}),
        ("DELETE", "/api/me/", {"password": PASSWORD}),
        (
            "POST",
            "/api/me/password/",
            {"current_password": PASSWORD, "new_password": f"{PASSWORD}!"},
        ),
        ("GET", "/api/me/sessions/", None),
        ("DELETE", "/api/me/sessions/", None),
        ("GET", "/api/me/tokens/", None),
        ("POST", "/api/me/tokens/", NEW),
        ("DELETE", "/api/me/tokens/x/", None),
    ],
)
def test_a_personal_token_can_neither_make_tokens_nor_take_the_account_over(
    ann: Caller, access: str, database_url: str, *, method: str, path: str, body: Any
) -> None:
    every_scope = [
        "account:read",
        "days:write",
        "events:read",
        "habits:read",
        "habits:write",
        "webhooks",
    ]
    token = exchanged(ann, made(ann, access, scopes=every_scope)["token"])

    answer: Answer = ann.client.open(path, method=method, headers=bearer(token), json=body)

    assert answer.status_code == 403
    assert answer.json["code"] == "insufficient_scope"
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
    assert len(rows(database_url, "SELECT 1 FROM api_tokens")) == 1
    assert ann.sign_in().status_code == 200


def test_without_the_scope_a_token_reads_nothing_and_is_told_which_it_needs(
    ann: Caller, access: str
) -> None:
    token = exchanged(ann, made(ann, access, scopes=["habits:read"])["token"])

    answer = ann.me(token)

    assert answer.status_code == 403
    challenge = 'Bearer error="insufficient_scope", scope="account:read"'
    assert answer.headers["WWW-Authenticate"] == challenge


@pytest.mark.parametrize("end", ["revoked", "expired", "disabled", "new password", "erased"])
def test_a_token_that_has_ended_is_exchanged_no_more(
    ann: Caller, access: str, database_url: str, end: str
) -> None:
    token = made(ann, access)
    assert exchange(ann, token["token"]).status_code == 204
    match end:
        case "revoked":
            assert tokens(ann, access, "DELETE", f"{token['id']}/").status_code == 204
            assert_problem(tokens(ann, access, "DELETE", f"{token['id']}/"), 404, "not_found")
        case "expired":
            change(database_url, "UPDATE api_tokens SET expires_at = now() - interval '1 second'")
        case "disabled":
            change(database_url, "UPDATE accounts SET is_active = false")
        case "new password":
            ann.change_password(access, PASSWORD, "another good password")
            assert rows(database_url, "SELECT 1 FROM api_tokens") == []
        case _:
            ann.me(access, "DELETE", json={"password": PASSWORD})
            assert rows(database_url, "SELECT 1 FROM api_tokens") == []

    assert_problem(exchange(ann, token["token"]), 401, "invalid_token")


def test_an_access_token_ends_with_the_token_it_was_exchanged_for(ann: Caller, access: str) -> None:
    soon = now() + timedelta(minutes=2)
    token = made(ann, access, expires_at=to_json(soon))

    claims = jwt.decode(exchanged(ann, token["token"]), options={"verify_signature": False})

    assert token["expires_at"] == to_json(soon)
    assert claims["exp"] == int(soon.timestamp())


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer hab_x", "Basic hab_x", "Bearer " + "hab_" + "0" * 36]
)
def test_what_is_no_token_is_not_exchanged(ann: Caller, authorization: str) -> None:
    answer: Answer = ann.client.get(
        "/internal/token-exchange/", headers={"Authorization": authorization}
    )

    assert_problem(answer, 401, "invalid_token")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["habits:read", "habits:read"]}, "scopes"),
        ({"scopes": ["events:read:all"]}, "scopes.0"),
        ({"scopes": "habits:read"}, "scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": 4102444800}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"token": "hab_mine"}, "token"),
    ],
)
def test_a_bad_wish_names_the_field_and_makes_nothing(
    ann: Caller, access: str, database_url: str, changes: dict[str, Any], field: str
) -> None:
    assert_problem(tokens(ann, access, "POST", json=NEW | changes), 400, "invalid_input", field)
    assert rows(database_url, "SELECT 1 FROM api_tokens") == []


def test_of_parallel_wishes_no_more_than_the_most_are_granted(
    app: Flask, ann: Caller, access: str, database_url: str
) -> None:
    one = made(ann, access)
    change(
        database_url,
        "INSERT INTO api_tokens SELECT gen_random_uuid(), account_id, name, scopes, starts_with,"
        " sha256(number::text::bytea), created_at FROM api_tokens, generate_series(3, %s) number",
        MOST_TOKENS,
    )
    with ThreadPoolExecutor(4) as pool:
        wishes = pool.map(
            lambda _: tokens(Caller(app.test_client()), access, "POST", json=NEW), range(4)
        )
        answers = list(wishes)

    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert_problem(refused, 400, "too_many_tokens")
    assert tokens(ann, access, "DELETE", f"{one['id']}/").status_code == 204
    assert made(ann, access)


def test_nobody_sees_or_revokes_a_token_of_another(app: Flask, ann: Caller, access: str) -> None:
    token = made(ann, access)
    bob = registered(app, "bob@example.com")
    bobs = bob.tokens()["access"]

    assert tokens(bob, bobs).json == {"results": []}
    assert_problem(tokens(bob, bobs, "DELETE", f"{token['id']}/"), 404, "not_found")
    assert_problem(tokens(bob, bobs, "DELETE", "x/"), 404, "not_found")
    assert exchange(ann, token["token"]).status_code == 204
