"""Signing in: the pair of tokens, and answers that do not tell whether an account exists."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import argon2
import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.auth.accounts import Account, account_by_email
from services.auth.passwords import HashingBusy
from services.auth.rate_limits import WrongPassword
from services.auth.sign_in import replace_password, sign_in
from shared.instants import now
from tests.integration.auth.callers import (
    PASSWORD,
    Caller,
    assert_problem,
    bearer,
    change,
    fetch,
    rows,
)
from tests.integration.auth.conftest import MakeApp, parts_of


def test_signing_in_gives_a_pair_of_tokens_that_nobody_may_cache(ann: Caller) -> None:
    answer = ann.sign_in()

    assert answer.status_code == 200
    assert set(answer.json) == {"access", "refresh"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_access_token_is_complete(ann: Caller) -> None:
    access = ann.tokens()["access"]
    header = jwt.get_unverified_header(access)
    claims = jwt.decode(access, options={"verify_signature": False})

    [key] = fetch(ann.client, "/api/.well-known/jwks.json").json["keys"]
    assert header["alg"] == "EdDSA"
    assert header["kid"] == key["kid"]
    assert claims["iss"] == "habit-tracker"
    assert claims["aud"] == "habit-tracker-api"
    assert claims["type"] == "access"
    assert claims["sub"] == ann.me(access).json["id"]
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert claims["jti"]
    assert "nbf" not in claims
    assert jwt.decode(
        access,
        jwt.PyJWK(key),
        algorithms=["EdDSA"],
        issuer="habit-tracker",
        audience="habit-tracker-api",
    )


def test_the_email_is_case_insensitive(ann: Caller) -> None:
    assert Caller(ann.client, "ANN@Example.COM").sign_in().status_code == 200


def test_a_password_typed_in_another_unicode_form_is_the_same(client: FlaskClient) -> None:
    Caller(client, password="café-société").register()

    assert Caller(client, password="cafe\u0301-socie\u0301te\u0301").sign_in().status_code == 200


def test_wrong_unknown_and_disabled_get_the_same_answer(
    ann: Caller, client: FlaskClient, database_url: str
) -> None:
    wrong = ann.sign_in("a wrong password")
    unknown = Caller(client, "nobody@example.com").sign_in()
    change(database_url, "UPDATE accounts SET is_active = false")
    disabled = ann.sign_in()

    for answer in (wrong, unknown, disabled):
        assert_problem(answer, 401, "wrong_credentials")
    bodies = [{**answer.json, "request_id": ""} for answer in (wrong, unknown, disabled)]
    assert bodies[0] == bodies[1] == bodies[2]


def test_an_unknown_email_costs_as_much_as_a_wrong_password(ann: Caller) -> None:
    def seconds(caller: Caller) -> float:
        began = time.perf_counter()
        caller.sign_in("a wrong password")
        return time.perf_counter() - began

    nobody = Caller(ann.client, "nobody@example.com")
    pairs = [(seconds(ann), seconds(nobody)) for _ in range(15)]

    known, unknown = (median(times) for times in zip(*pairs, strict=True))
    assert 0.5 < unknown / known < 2


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ("email", "password")),
        ({"email": "ann@example.com"}, ("password",)),
        ({"email": "ann@example.com", "password": ""}, ("password",)),
        ({"email": "ann@example.com", "password": "x" * 2000}, ("password",)),
        ({"email": "ann@example.com", "password": "a\u0000b"}, ("password",)),
        ({"email": "ann@example.com", "password": 1}, ("password",)),
        ({"email": "no address", "password": "x"}, ("email",)),
        ({"email": "ann@example.com", "password": "x", "admin": True}, ("admin",)),
    ],
)
def test_bad_input_names_the_fields(
    client: FlaskClient, body: dict[str, Any], fields: tuple[str, ...]
) -> None:
    assert_problem(client.post("/api/token/", json=body), 400, "invalid_input", *fields)


def test_a_hash_of_another_cost_is_renewed_by_signing_in(ann: Caller, database_url: str) -> None:
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    change(database_url, "UPDATE accounts SET password_hash = %s", cheap)

    assert ann.sign_in().status_code == 200

    [row] = rows(database_url, "SELECT password_hash FROM accounts")
    assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert ann.sign_in().status_code == 200


def test_parallel_sign_ins_all_succeed_and_are_sessions_of_their_own(
    make_app: MakeApp, database_url: str
) -> None:
    app = make_app(failed_logins=2)
    ann = Caller(app.test_client())
    ann.register()

    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(lambda _: Caller(app.test_client()).sign_in().status_code, range(12))
        )

    assert answers == [200] * 12
    families = rows(database_url, "SELECT DISTINCT family_id FROM refresh_tokens")
    assert len(families) == 12


def _account(app: Flask) -> Account:
    with parts_of(app).engine.connect() as connection:
        account = account_by_email(connection, "ann@example.com")
    assert account is not None
    return account


def test_a_sign_in_does_not_slip_past_a_password_change(
    app: Flask, ann: Caller, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = parts_of(app)
    matches = parts.passwords.matches

    def change_the_password_while_checking(password_hash: str | None, password: str) -> bool:
        outcome = matches(password_hash, password)
        monkeypatch.undo()
        replace_password(parts, _account(app), PASSWORD, "another password", now())
        return outcome

    monkeypatch.setattr(parts.passwords, "matches", change_the_password_while_checking)

    with pytest.raises(WrongPassword):
        sign_in(parts, "ann@example.com", PASSWORD, now())
    assert rows(database_url, "SELECT * FROM refresh_tokens") == []


@pytest.mark.parametrize(
    "meanwhile", ["DELETE FROM accounts", "UPDATE accounts SET is_active = false"]
)
def test_a_sign_in_does_not_slip_past_an_erasure_or_a_disabling(
    app: Flask, ann: Caller, database_url: str, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    parts = parts_of(app)
    matches = parts.passwords.matches

    def act_while_checking(password_hash: str | None, password: str) -> bool:
        change(database_url, meanwhile)
        return matches(password_hash, password)

    monkeypatch.setattr(parts.passwords, "matches", act_while_checking)

    with pytest.raises(WrongPassword):
        sign_in(parts, "ann@example.com", PASSWORD, now())
    assert rows(database_url, "SELECT * FROM refresh_tokens") == []


def test_too_much_hashing_is_a_503_that_says_when_to_come_back(
    app: Flask, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_hash: str | None, _password: str) -> bool:
        raise HashingBusy

    monkeypatch.setattr(parts_of(app).passwords, "matches", busy)
    answer = ann.sign_in()

    assert_problem(answer, 503, "service_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


def test_without_a_signing_key_signing_in_is_a_503(ann: Caller, database_url: str) -> None:
    change(database_url, "DELETE FROM signing_keys")

    assert_problem(ann.sign_in(), 503, "service_unavailable")


def test_a_database_that_is_away_is_a_503(make_app: MakeApp) -> None:
    app = make_app(database_url="postgresql://nobody@127.0.0.1:1/nowhere")
    client = app.test_client()

    for answer in (
        Caller(client).sign_in(),
        Caller(client).register(),
        Caller(client).refresh("x"),
        client.get("/api/me/", headers=bearer("x.y.z")),
    ):
        assert answer.status_code in (401, 503)
        assert answer.content_type == "application/problem+json"
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
