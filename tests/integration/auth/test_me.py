"""The owner's profile: reading, changing, a new password, and erasure."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.integration.auth.callers import (
    PASSWORD,
    Caller,
    assert_problem,
    bearer,
    change,
    events,
    registered,
    rows,
)

NEW_PASSWORD = "another good password"


def test_the_profile_is_what_registration_answered(client: FlaskClient) -> None:
    ann = Caller(client)
    profile = ann.register(time_zone="Asia/Tokyo").json
    answer = ann.me(ann.tokens()["access"])

    assert answer.status_code == 200
    assert answer.json == {
        **profile,
        "quiet_from": None,
        "quiet_to": None,
        "day_starts_at": 0,
        "weekly_digest": False,
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_changing_zone_and_language_tells_the_other_services(
    ann: Caller, database_url: str
) -> None:
    access = ann.tokens()["access"]
    answer = ann.me(access, "PATCH", json={"time_zone": "Europe/Moscow", "locale": "ru"})

    assert answer.status_code == 200
    assert (answer.json["time_zone"], answer.json["locale"]) == ("Europe/Moscow", "ru")
    assert ann.me(access).json == answer.json
    event_type, body = events(database_url)[-1]
    assert event_type == "account.changed.v1"
    assert body["id"] == answer.json["id"]
    assert (body["time_zone"], body["locale"], body["version"]) == ("Europe/Moscow", "ru", 2)
    assert body["updated_at"] > body["created_at"] == answer.json["created_at"]
    assert body["settings_since"] == body["updated_at"]


def test_another_language_leaves_the_settings_as_old_as_they_were(
    ann: Caller, database_url: str
) -> None:
    ann.me(ann.tokens()["access"], "PATCH", json={"locale": "ru"})

    _, body = events(database_url)[-1]
    assert body["settings_since"] == body["created_at"] < body["updated_at"]


CHOICES = {"quiet_from": "22:30", "quiet_to": "06:00", "day_starts_at": 3, "weekly_digest": True}


def test_quiet_hours_the_days_beginning_and_the_digest_are_told(
    ann: Caller, database_url: str
) -> None:
    access = ann.tokens()["access"]
    answer = ann.me(access, "PATCH", json=CHOICES)

    assert answer.status_code == 200
    assert answer.json == {**ann.me(access).json, **CHOICES}
    _, body = events(database_url)[-1]
    assert (body["quiet_from"], body["quiet_to"]) == ("22:30:00", "06:00:00")
    assert (body["day_starts_at"], body["weekly_digest"]) == (3, True)
    # What was due before the change was due: none of these decides on that.
    assert body["settings_since"] == body["created_at"]


def test_one_end_of_quiet_hours_can_be_moved_and_null_ends_them(ann: Caller) -> None:
    access = ann.tokens()["access"]
    ann.me(access, "PATCH", json=CHOICES)
    moved = ann.me(access, "PATCH", json={"quiet_to": "08:00"}).json
    ended = ann.me(access, "PATCH", json={"quiet_from": None, "quiet_to": None}).json

    assert (moved["quiet_from"], moved["quiet_to"]) == ("22:30", "08:00")
    assert (ended["quiet_from"], ended["quiet_to"]) == (None, None)


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({}, {"quiet_from": "22:00"}),
        ({}, {"quiet_from": "22:00", "quiet_to": "22:00"}),
        (CHOICES, {"quiet_to": None}),
        (CHOICES, {"quiet_to": "22:30"}),
    ],
)
def test_quiet_hours_have_two_different_ends_or_none(
    ann: Caller, before: dict[str, Any], change: dict[str, Any]
) -> None:
    access = ann.tokens()["access"]
    kept = ann.me(access, "PATCH", json=before).json

    assert_problem(
        ann.me(access, "PATCH", json=change), 400, "invalid_input", "quiet_from", "quiet_to"
    )
    assert ann.me(access).json == kept


def test_a_field_that_is_not_named_stays(ann: Caller) -> None:
    access = ann.tokens()["access"]
    ann.me(access, "PATCH", json={"time_zone": "Europe/Moscow"})
    answer = ann.me(access, "PATCH", json={"locale": "ru"})

    assert (answer.json["time_zone"], answer.json["locale"]) == ("Europe/Moscow", "ru")


@pytest.mark.parametrize("body", [{}, {"time_zone": "UTC"}, {"time_zone": "UTC", "locale": "en"}])
def test_a_change_that_changes_nothing_tells_nobody(
    ann: Caller, database_url: str, body: dict[str, str]
) -> None:
    answer = ann.me(ann.tokens()["access"], "PATCH", json=body)

    assert answer.status_code == 200
    assert len(events(database_url)) == 1
    assert rows(database_url, "SELECT version FROM accounts") == [{"version": 1}]


def test_parallel_changes_leave_in_the_order_of_their_versions(
    app: Flask, ann: Caller, database_url: str
) -> None:
    access = ann.tokens()["access"]
    zones = [f"Etc/GMT+{hours}" for hours in range(1, 13)]

    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(
                lambda zone: Caller(app.test_client()).me(
                    access, "PATCH", json={"time_zone": zone}
                ),
                zones,
            )
        )

    assert {answer.status_code for answer in answers} == {200}
    assert [body["version"] for _, body in events(database_url)] == list(range(1, 14))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"time_zone": "Nowhere/Else"}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"time_zone": 0}, "time_zone"),
        ({"time_zone": "UTC\u0000"}, "time_zone"),
        ({"time_zone": "x" * 60_000}, "time_zone"),
        ({"locale": "EN"}, "locale"),
        ({"locale": True}, "locale"),
        ({"quiet_from": "22:00:00"}, "quiet_from"),
        ({"quiet_to": "24:00"}, "quiet_to"),
        ({"day_starts_at": 7}, "day_starts_at"),
        ({"day_starts_at": 1.0}, "day_starts_at"),
        ({"day_starts_at": None}, "day_starts_at"),
        ({"weekly_digest": "yes"}, "weekly_digest"),
        ({"email": "new@example.com"}, "email"),
        ({"is_active": False}, "is_active"),
    ],
)
def test_a_bad_change_names_the_field_and_changes_nothing(
    ann: Caller, database_url: str, body: dict[str, Any], field: str
) -> None:
    answer = ann.me(ann.tokens()["access"], "PATCH", json=body)

    assert_problem(answer, 400, "invalid_input", field)
    assert len(events(database_url)) == 1


def test_a_new_password_ends_all_sessions_and_the_old_one_is_wrong(ann: Caller) -> None:
    tokens, other_session = ann.tokens(), ann.tokens()
    answer = ann.change_password(tokens["access"], PASSWORD, NEW_PASSWORD)

    assert answer.status_code == 204
    assert answer.data == b""
    for refresh in (tokens["refresh"], other_session["refresh"]):
        assert_problem(ann.refresh(refresh), 401, "invalid_refresh_token")
    assert_problem(ann.sign_in(PASSWORD), 401, "wrong_credentials")
    assert ann.sign_in(NEW_PASSWORD).status_code == 200


def test_a_new_password_is_nothing_that_other_services_hear_of(
    ann: Caller, database_url: str
) -> None:
    ann.change_password(ann.tokens()["access"], PASSWORD, NEW_PASSWORD)

    assert len(events(database_url)) == 1


def test_a_wrong_current_password_changes_nothing(ann: Caller) -> None:
    tokens = ann.tokens()
    answer = ann.change_password(tokens["access"], "a wrong password", NEW_PASSWORD)

    assert_problem(answer, 400, "invalid_input", "current_password")
    assert ann.refresh(tokens["refresh"]).status_code == 200
    assert ann.sign_in().status_code == 200


@pytest.mark.parametrize(
    ("new", "field"),
    [("short", "new_password"), ("x" * 129, "new_password"), (12345678, "new_password")],
)
def test_a_bad_new_password_changes_nothing(ann: Caller, new: Any, field: str) -> None:
    answer = ann.change_password(ann.tokens()["access"], PASSWORD, new)

    assert_problem(answer, 400, "invalid_input", field)
    assert ann.sign_in().status_code == 200


def test_of_two_parallel_password_changes_one_wins_and_works(app: Flask, ann: Caller) -> None:
    access = ann.tokens()["access"]
    candidates = [f"candidate number {number}" for number in range(4)]

    with ThreadPoolExecutor(4) as pool:
        statuses = list(
            pool.map(
                lambda new: (
                    Caller(app.test_client()).change_password(access, PASSWORD, new).status_code
                ),
                candidates,
            )
        )

    assert statuses.count(204) == 1
    assert ann.sign_in(candidates[statuses.index(204)]).status_code == 200


def test_erasure_leaves_a_tombstone_and_nothing_else(ann: Caller, database_url: str) -> None:
    tokens = ann.tokens()
    profile = ann.me(tokens["access"]).json
    answer = ann.me(tokens["access"], "DELETE", json={"password": PASSWORD})

    assert answer.status_code == 204
    assert rows(database_url, "SELECT * FROM accounts") == []
    assert rows(database_url, "SELECT * FROM refresh_tokens") == []
    tombstone = {"id": uuid.UUID(profile["id"]), "version": 2}
    assert rows(database_url, "SELECT * FROM erased_accounts") == [tombstone]
    event_type, body = events(database_url)[-1]
    assert event_type == "account.deleted.v1"
    assert (body["id"], body["deleted"], body["version"]) == (profile["id"], True, 2)


def test_after_erasure_every_token_is_worthless(ann: Caller) -> None:
    tokens = ann.tokens()
    ann.me(tokens["access"], "DELETE", json={"password": PASSWORD})

    assert_problem(ann.me(tokens["access"]), 401, "invalid_token")
    patched = ann.me(tokens["access"], "PATCH", json={"locale": "ru"})
    assert_problem(patched, 401, "invalid_token")
    deleted = ann.me(tokens["access"], "DELETE", json={"password": PASSWORD})
    assert_problem(deleted, 401, "invalid_token")
    changed = ann.change_password(tokens["access"], PASSWORD, NEW_PASSWORD)
    assert_problem(changed, 401, "invalid_token")
    assert_problem(ann.refresh(tokens["refresh"]), 401, "invalid_refresh_token")
    assert_problem(ann.sign_in(), 401, "wrong_credentials")


def test_the_email_of_an_erased_account_may_register_again(app: Flask, ann: Caller) -> None:
    access = ann.tokens()["access"]
    old_id = ann.me(access).json["id"]
    ann.me(access, "DELETE", json={"password": PASSWORD})

    again = registered(app)

    assert again.me(again.tokens()["access"]).json["id"] != old_id


def test_erasing_with_a_wrong_password_erases_nothing(ann: Caller, database_url: str) -> None:
    access = ann.tokens()["access"]
    answer = ann.me(access, "DELETE", json={"password": "a wrong password"})

    assert_problem(answer, 400, "invalid_input", "password")
    assert ann.me(access).status_code == 200
    assert len(events(database_url)) == 1


@pytest.mark.parametrize(
    ("body", "field"), [({}, "password"), ({"password": 1}, "password"), ({"sure": 1}, "sure")]
)
def test_erasing_without_the_password_is_bad_input(
    ann: Caller, body: dict[str, Any], field: str
) -> None:
    answer = ann.me(ann.tokens()["access"], "DELETE", json=body)

    assert answer.status_code == 400
    assert field in answer.json["errors"]


def test_erasing_without_a_body_is_a_bad_request(ann: Caller) -> None:
    assert ann.me(ann.tokens()["access"], "DELETE").status_code == 400


def test_parallel_erasures_tell_of_it_once(app: Flask, ann: Caller, database_url: str) -> None:
    access = ann.tokens()["access"]

    with ThreadPoolExecutor(4) as pool:
        statuses = list(
            pool.map(
                lambda _: (
                    Caller(app.test_client())
                    .me(access, "DELETE", json={"password": PASSWORD})
                    .status_code
                ),
                range(4),
            )
        )

    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 400, 401}
    assert [event_type for event_type, _ in events(database_url)].count("account.deleted.v1") == 1


def test_a_disabled_account_has_no_profile(ann: Caller, database_url: str) -> None:
    access = ann.tokens()["access"]
    change(database_url, "UPDATE accounts SET is_active = false")

    assert_problem(ann.me(access), 401, "invalid_token")
    assert_problem(ann.me(access, "PATCH", json={}), 401, "invalid_token")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/me/"),
        ("PATCH", "/api/me/"),
        ("DELETE", "/api/me/"),
        ("POST", "/api/me/password/"),
    ],
)
def test_without_a_token_nothing_is_answered(client: FlaskClient, method: str, path: str) -> None:
    assert_problem(client.open(path, method=method), 401, "not_authenticated")
    broken = client.open(path, method=method, headers=bearer("broken"))
    assert_problem(broken, 401, "invalid_token")


def test_a_profile_that_is_erased_while_it_is_changed_is_401(
    ann: Caller, database_url: str
) -> None:
    access = ann.tokens()["access"]
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as erasure:
        erasure.execute("DELETE FROM accounts")
        changing = pool.submit(lambda: ann.me(access, "PATCH", json={"locale": "ru"}))
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
        deadline = time.monotonic() + 20
        while not rows(database_url, waiting, erasure.info.dbname):
            assert time.monotonic() < deadline
        erasure.commit()
        answer = changing.result()

    assert_problem(answer, 401, "invalid_token")
