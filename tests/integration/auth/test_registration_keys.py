"""Repeating `POST /api/register/` with an Idempotency-Key."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.auth import registration
from tests.fakes.lost_commit import cut_before_the_commit
from tests.integration.auth.callers import (
    PASSWORD,
    Answer,
    Caller,
    assert_problem,
    change,
    events,
    registered,
    rows,
)
from tests.integration.auth.conftest import MakeApp

KEY = "4f1c6f0e-key"


def register(
    client: FlaskClient, key: str = KEY, headers: Mapping[str, str] | None = None, **changed: Any
) -> Answer:
    body = {"email": "ann@example.com", "password": PASSWORD, **changed}
    return client.post(
        "/api/register/", json=body, headers={"Idempotency-Key": key, **(headers or {})}
    )


def accounts(database_url: str) -> int:
    return len(rows(database_url, "SELECT id FROM accounts"))


def test_the_same_key_and_body_get_the_first_answer_and_create_nothing(
    client: FlaskClient, database_url: str
) -> None:
    first, again = register(client), register(client)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert accounts(database_url) == 1
    assert len(events(database_url)) == 1


def test_the_first_answer_comes_again_though_the_profile_has_changed(client: FlaskClient) -> None:
    first = register(client, headers={"Accept-Language": "ru"})
    caller = Caller(client)
    caller.me(caller.tokens()["access"], "PATCH", json={"locale": "en", "time_zone": "Asia/Tokyo"})

    again = register(client, headers={"Accept-Language": "en"})

    assert first.json["locale"] == "ru"
    assert again.json == first.json


@pytest.mark.parametrize(
    "changed",
    [
        {"time_zone": "Asia/Tokyo"},
        {"locale": "en"},
    ],
    ids=" and ".join,
)
def test_the_same_key_with_another_body_is_409(
    client: FlaskClient, database_url: str, changed: dict[str, Any]
) -> None:
    register(client)

    assert_problem(register(client, **changed), 409, "idempotency_key_reused")
    assert accounts(database_url) == 1


@pytest.mark.parametrize("more", [{}, {"time_zone": "Asia/Tokyo"}, {"locale": "ru"}])
def test_who_does_not_know_the_password_gets_the_ordinary_conflict(
    client: FlaskClient, more: dict[str, Any]
) -> None:
    register(client)
    guessed_key = register(client, password="another password", **more)
    no_such_key = register(client, "another-key", password="another password", **more)

    assert_problem(guessed_key, 409, "email_taken", "email")
    told = [{**answer.json, "request_id": ""} for answer in (guessed_key, no_such_key)]
    assert told[0] == told[1]


def test_guesses_under_a_known_key_count_as_failed_logins(make_app: MakeApp) -> None:
    client = make_app(failed_logins=2).test_client()
    register(client)
    guesses = [register(client, password=f"guess number {number}") for number in range(3)]

    assert [answer.status_code for answer in guesses] == [409, 409, 429]
    assert register(client).status_code == 429


def test_a_disabled_account_is_no_answer(client: FlaskClient, database_url: str) -> None:
    register(client)
    change(database_url, "UPDATE accounts SET is_active = false")

    assert_problem(register(client), 409, "email_taken", "email")


def test_without_the_key_a_repetition_stays_a_conflict(client: FlaskClient) -> None:
    register(client)

    assert_problem(Caller(client).register(), 409, "email_taken", "email")
    assert_problem(register(client, "another-key"), 409, "email_taken", "email")


def test_a_key_does_not_answer_for_an_account_that_was_made_without_it(app: Flask) -> None:
    client = registered(app).client

    assert_problem(register(client), 409, "email_taken", "email")
    assert register(client, email="boris@example.com").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ключ".encode().decode("latin-1")])
def test_what_is_no_key_is_400(client: FlaskClient, database_url: str, key: str) -> None:
    assert_problem(register(client, key), 400, "invalid_input", "Idempotency-Key")
    assert accounts(database_url) == 0


def test_repetitions_in_parallel_make_one_account(make_app: MakeApp, database_url: str) -> None:
    app = make_app(failed_logins=5)  # as many checks of a password at a time, by default
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: register(app.test_client()), range(8)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert accounts(database_url) == 1
    assert len(events(database_url)) == 1


def test_two_people_may_use_the_same_key(app: Flask, database_url: str) -> None:
    def ask(number: int) -> int:
        return register(app.test_client(), email=f"ann{number}@example.com").status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {201}
    assert accounts(database_url) == 4


def test_a_body_is_the_same_in_any_order_and_layout(client: FlaskClient) -> None:
    first = register(client)
    again = client.post(
        "/api/register/",
        data=f"""{{
            "password": "{PASSWORD}",
            "email": "ann@example.com"
        }}""",
        content_type="application/json",
        headers={"Idempotency-Key": KEY},
    )

    assert (again.status_code, again.json) == (201, first.json)


def test_an_answer_that_got_lost_with_its_transaction_is_no_answer(
    client: FlaskClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(registration, "transaction", cut_before_the_commit)
        assert register(client).status_code == 500
    assert rows(database_url, "SELECT * FROM answered_requests") == []
    assert register(client).status_code == 201


def test_a_key_is_forgotten_after_a_day(client: FlaskClient, database_url: str) -> None:
    register(client)
    change(
        database_url,
        "UPDATE answered_requests SET used_at = used_at - interval '24 hours 1 second'",
    )

    assert_problem(register(client), 409, "email_taken", "email")


def test_the_erasure_of_the_account_takes_its_key_along(
    client: FlaskClient, database_url: str
) -> None:
    first = register(client)
    caller = Caller(client)
    caller.me(caller.tokens()["access"], "DELETE", json={"password": PASSWORD})

    assert rows(database_url, "SELECT * FROM answered_requests") == []
    assert register(client).json["id"] != first.json["id"]


def test_neither_the_key_nor_the_password_is_kept(client: FlaskClient, database_url: str) -> None:
    register(client)
    register(client, "another-key", email="boris@example.com", password="another password")

    kept = rows(database_url, "SELECT * FROM answered_requests ORDER BY used_at")
    assert KEY not in str(kept)
    # The same but for the password leaves the same trace: it is in no fingerprint.
    change(database_url, "DELETE FROM accounts")
    change(database_url, "DELETE FROM answered_requests")
    register(client, password="yet another password")
    [anew] = rows(database_url, "SELECT fingerprint FROM answered_requests")
    assert anew["fingerprint"] == kept[0]["fingerprint"]
