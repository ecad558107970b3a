"""Registering: what is stored, what is told to others, and what is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.instants import from_json
from tests.integration.auth.callers import PASSWORD, Answer, Caller, assert_problem, events, rows


def test_registering_answers_with_the_profile_and_never_the_password(client: FlaskClient) -> None:
    answer = Caller(client).register(time_zone="Europe/Berlin", locale="ru")

    assert answer.status_code == 201
    assert set(answer.json) == {"id", "email", "time_zone", "locale", "created_at"}
    assert answer.json["email"] == "ann@example.com"
    assert answer.json["time_zone"] == "Europe/Berlin"
    assert answer.json["locale"] == "ru"
    assert answer.json["created_at"].endswith("Z")
    assert from_json(answer.json["created_at"]).tzinfo is UTC


def test_the_time_zone_is_utc_and_the_language_english_unless_said(client: FlaskClient) -> None:
    answer = Caller(client).register()

    assert (answer.json["time_zone"], answer.json["locale"]) == ("UTC", "en")


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en-GB,ru;q=0.5", "en"),
        ("de, ru;q=0.3", "ru"),
        ("de", "en"),
        ("ru;q=0, *", "en"),
        ("*", "en"),
        ("", "en"),
        (";;;q=,,", "en"),
    ],
)
def test_the_language_comes_from_accept_language(
    client: FlaskClient, accepted: str, locale: str
) -> None:
    body = {"email": "ann@example.com", "password": PASSWORD}
    headers = {"Accept-Language": accepted}
    answer: Answer = client.post("/api/register/", json=body, headers=headers)

    assert answer.json["locale"] == locale


def test_the_password_is_stored_as_argon2id_at_owasps_minimum(
    client: FlaskClient, database_url: str
) -> None:
    Caller(client).register()

    [row] = rows(database_url, "SELECT password_hash FROM accounts")
    assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_registering_tells_the_other_services_in_the_same_transaction(
    client: FlaskClient, database_url: str
) -> None:
    answer = Caller(client).register(time_zone="Asia/Tokyo")

    [(event_type, body)] = events(database_url)
    assert event_type == "account.registered.v1"
    assert body == {
        "id": answer.json["id"],
        "time_zone": "Asia/Tokyo",
        "locale": "en",
        "is_active": True,
        "created_at": answer.json["created_at"],
        "updated_at": answer.json["created_at"],
        "settings_since": answer.json["created_at"],
        "quiet_from": None,
        "quiet_to": None,
        "day_starts_at": 0,
        "weekly_digest": False,
        "deleted": False,
        "version": 1,
    }
    assert "ann@example.com" not in str(rows(database_url, "SELECT * FROM outbox"))


def test_an_email_that_is_taken_is_a_conflict_whatever_its_case(
    client: FlaskClient, ann: Caller, database_url: str
) -> None:
    answer = Caller(client, " Ann@EXAMPLE.com".strip()).register()

    assert_problem(answer, 409, "email_taken", "email")
    assert len(rows(database_url, "SELECT id FROM accounts")) == 1
    assert len(events(database_url)) == 1


def test_of_parallel_registrations_of_one_email_exactly_one_succeeds(
    app: Flask, database_url: str
) -> None:
    def register(_number: int) -> int:
        return Caller(app.test_client()).register().status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(register, range(8)))

    assert sorted(statuses) == [201] + [409] * 7
    assert len(rows(database_url, "SELECT id FROM accounts")) == 1
    assert len(events(database_url)) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "ann@localhost"}, "email"),
        ({"email": "ann\u0000@example.com"}, "email"),
        ({"email": "a" * 60_000}, "email"),
        ({"email": 7}, "email"),
        ({"email": None}, "email"),
        ({"email": ["ann@example.com"]}, "email"),
        ({"password": "seven77"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": "x" * 60_000}, "password"),
        ({"password": "12345678\u0000"}, "password"),
        ({"password": 12345678}, "password"),
        ({"password": True}, "password"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "europe/berlin"}, "time_zone"),
        ({"time_zone": "localtime"}, "time_zone"),
        ({"time_zone": "Factory"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "UTC\u0000"}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"time_zone": 1}, "time_zone"),
        ({"locale": "de"}, "locale"),
        ({"locale": None}, "locale"),
        ({"locale": {}}, "locale"),
        ({"is_active": False}, "is_active"),
        ({"id": "mine"}, "id"),
    ],
)
def test_bad_input_names_the_field_and_stores_nothing(
    client: FlaskClient, database_url: str, change: dict[str, Any], field: str
) -> None:
    answer = Caller(client).register(**change)

    assert_problem(answer, 400, "invalid_input", field)
    assert rows(database_url, "SELECT id FROM accounts") == []
    assert events(database_url) == []


def test_a_lone_surrogate_is_bad_input(client: FlaskClient) -> None:
    body = '{"email": "ann@example.com", "password": "12345678\\ud800"}'
    answer = client.post("/api/register/", data=body, content_type="application/json")

    assert_problem(answer, 400, "invalid_input", "password")


@pytest.mark.parametrize("body", ["", "{", "nul", '{"email": NaN}', "[" * 50_000])
def test_malformed_json_is_a_bad_request(client: FlaskClient, body: str) -> None:
    answer = client.post("/api/register/", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("body", ["[]", "7", "null", '"text"'])
def test_json_that_is_no_object_is_a_bad_request(client: FlaskClient, body: str) -> None:
    answer = client.post("/api/register/", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"


def test_a_body_of_another_media_type_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/register/", data={"email": "ann@example.com"})

    assert_problem(answer, 415, "unsupported_media_type")


def test_a_giant_body_is_refused(client: FlaskClient) -> None:
    body = json.dumps({"email": "ann@example.com", "password": "x" * 70_000})
    answer = client.post("/api/register/", data=body, content_type="application/json")

    assert_problem(answer, 413, "body_too_large")


def test_another_method_is_not_allowed(client: FlaskClient) -> None:
    assert_problem(client.get("/api/register/"), 405, "method_not_allowed")


def test_domains_reserved_for_tests_are_fine(client: FlaskClient) -> None:
    assert Caller(client, "ann@habits.test").register().status_code == 201


@pytest.mark.parametrize("password", ["x" * 8, "x" * 128, "e\u0301" * 128, "пароль-пароль"])
def test_passwords_of_8_to_128_composed_characters_are_fine(
    client: FlaskClient, password: str
) -> None:
    caller = Caller(client, password=password)

    assert caller.register().status_code == 201
    assert caller.sign_in().status_code == 200


def test_letters_that_compose_to_fewer_than_8_are_too_few(client: FlaskClient) -> None:
    answer = Caller(client, password="e\u0301" * 7).register()

    assert_problem(answer, 400, "invalid_input", "password")
