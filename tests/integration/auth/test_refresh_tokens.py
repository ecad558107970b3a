"""Refresh tokens: rotation, the grace for lost answers, and the end of a stolen family."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.auth import refresh_tokens
from services.auth.sessions import refresh, sign_out
from shared.database import transaction
from shared.instants import now
from tests.integration.auth.callers import Answer, Caller, assert_problem, change, fetch, rows
from tests.integration.auth.conftest import parts_of


def pass_time(database_url: str, seconds: float) -> None:
    """Let the stored tokens grow older."""
    span = timedelta(seconds=seconds)
    change(
        database_url,
        "UPDATE refresh_tokens SET issued_at = issued_at - %s,"
        " expires_at = expires_at - %s, used_at = used_at - %s",
        *[span] * 3,
    )


def assert_refused(answer: Answer) -> None:
    assert_problem(answer, 401, "invalid_refresh_token")


def test_refreshing_gives_another_pair_that_works(ann: Caller) -> None:
    first = ann.tokens()
    answer = ann.refresh(first["refresh"])

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["refresh"] != first["refresh"]
    assert answer.json["access"] != first["access"]
    assert ann.me(answer.json["access"]).status_code == 200
    assert ann.refresh(answer.json["refresh"]).status_code == 200


def test_within_the_grace_a_lost_answer_is_repeated_word_by_word(
    ann: Caller, database_url: str
) -> None:
    token = ann.tokens()["refresh"]
    first = ann.refresh(token)
    pass_time(database_url, 5)
    again = ann.refresh(token)

    assert again.status_code == 200
    assert again.json["refresh"] == first.json["refresh"]
    assert len(rows(database_url, "SELECT * FROM refresh_tokens")) == 2


def test_an_answer_repeated_at_once_is_the_same_in_every_byte(ann: Caller) -> None:
    token = ann.tokens()["refresh"]

    assert ann.refresh(token).json == ann.refresh(token).json


def test_after_the_grace_a_used_token_ends_its_whole_family(ann: Caller, database_url: str) -> None:
    first = ann.tokens()["refresh"]
    other_session = ann.tokens()["refresh"]
    second = ann.refresh(first).json["refresh"]
    pass_time(database_url, 11)

    assert_refused(ann.refresh(first))
    assert_refused(ann.refresh(second))
    assert ann.refresh(other_session).status_code == 200
    assert "refresh_tokens_reused_total" in fetch(ann.client, "/metrics").text


def test_the_grace_ends_when_the_successor_is_used(ann: Caller) -> None:
    first = ann.tokens()["refresh"]
    second = ann.refresh(first).json["refresh"]
    third = ann.refresh(second).json["refresh"]

    assert_refused(ann.refresh(first))
    assert_refused(ann.refresh(third))


def test_fifty_parallel_uses_of_one_token_have_one_successor(
    app: Flask, ann: Caller, database_url: str
) -> None:
    token = ann.tokens()["refresh"]

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: Caller(app.test_client()).refresh(token), range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["refresh"] for answer in answers}) == 1
    assert len({answer.json["access"] for answer in answers}) == 1
    [counts] = rows(
        database_url,
        "SELECT count(*) AS tokens, count(DISTINCT family_id) AS families FROM refresh_tokens",
    )
    assert counts == {"tokens": 2, "families": 1}


def test_a_token_expires_after_14_days(ann: Caller, database_url: str) -> None:
    token = ann.tokens()["refresh"]
    pass_time(database_url, timedelta(days=14).total_seconds() - 60)
    young = ann.refresh(token)
    pass_time(database_url, timedelta(days=14).total_seconds())

    assert young.status_code == 200
    assert_refused(ann.refresh(young.json["refresh"]))


def test_tokens_are_stored_as_hashes_only(ann: Caller, database_url: str) -> None:
    first = ann.tokens()["refresh"]
    second = ann.refresh(first).json["refresh"]

    stored = b" ".join(
        value
        for row in rows(database_url, "SELECT token_hash, sealed_successor FROM refresh_tokens")
        for value in row.values()
        if value is not None
    )
    assert first.encode() not in stored
    assert second.encode() not in stored


def test_once_the_successor_is_used_nothing_leads_from_the_old_token_to_it(
    ann: Caller, database_url: str
) -> None:
    token = ann.tokens()["refresh"]
    for _ in range(3):
        token = ann.refresh(token).json["refresh"]

    sealed = rows(
        database_url, "SELECT 1 AS one FROM refresh_tokens WHERE sealed_successor IS NOT NULL"
    )
    assert len(sealed) == 1


def test_revoking_ends_that_session_only(ann: Caller) -> None:
    first = ann.tokens()["refresh"]
    second = ann.refresh(first).json["refresh"]
    other_session = ann.tokens()["refresh"]

    answer = ann.revoke(second)

    assert answer.status_code == 204
    assert answer.data == b""
    assert_refused(ann.refresh(second))
    assert_refused(ann.refresh(first))
    assert ann.refresh(other_session).status_code == 200


def test_revoking_a_used_token_ends_its_session_too(ann: Caller) -> None:
    first = ann.tokens()["refresh"]
    second = ann.refresh(first).json["refresh"]

    assert ann.revoke(first).status_code == 204
    assert_refused(ann.refresh(second))


def test_revoking_what_is_no_token_is_fine(client: FlaskClient) -> None:
    assert Caller(client).revoke("no such token").status_code == 204


def test_a_token_of_a_disabled_account_is_refused(ann: Caller, database_url: str) -> None:
    token = ann.tokens()["refresh"]
    change(database_url, "UPDATE accounts SET is_active = false")

    assert_refused(ann.refresh(token))
    assert ann.revoke(token).status_code == 204


@pytest.mark.parametrize("token", ["x", "ключ", "x" * 1024])
def test_an_unknown_token_is_refused(client: FlaskClient, token: str) -> None:
    assert_refused(Caller(client).refresh(token))


def test_an_access_token_is_no_refresh_token(ann: Caller) -> None:
    assert_refused(ann.refresh(ann.tokens()["access"]))


@pytest.mark.parametrize("path", ["/api/token/refresh/", "/api/token/revoke/"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "refresh"),
        ({"refresh": None}, "refresh"),
        ({"refresh": 5}, "refresh"),
        ({"refresh": ""}, "refresh"),
        ({"refresh": "x\u0000"}, "refresh"),
        ({"refresh": "x" * 2000}, "refresh"),
        ({"refresh": "x", "access": "y"}, "access"),
    ],
)
def test_bad_input_names_the_field(
    client: FlaskClient, path: str, body: dict[str, Any], field: str
) -> None:
    assert_problem(client.post(path, json=body), 400, "invalid_input", field)


def test_signing_out_does_not_miss_a_successor_issued_at_the_same_moment(
    app: Flask, ann: Caller, database_url: str
) -> None:
    engine = parts_of(app).engine
    for _ in range(10):
        token = ann.tokens()["refresh"]
        with ThreadPoolExecutor(8) as pool:
            uses = [pool.submit(refresh, engine, token, now()) for _ in range(7)]
            pool.submit(sign_out, engine, token).result()
            for use in uses:
                use.exception()

        assert rows(database_url, "SELECT * FROM refresh_tokens") == []


def test_a_rotation_waits_for_the_accounts_lock(app: Flask, ann: Caller, database_url: str) -> None:
    engine = parts_of(app).engine
    token = ann.tokens()["refresh"]
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as connection:
            connection.exec_driver_sql("SELECT id FROM accounts FOR NO KEY UPDATE")
            use = pool.submit(ann.refresh, token)
            _until_somebody_waits_for_a_lock(database_url)
            [row] = rows(database_url, "SELECT account_id FROM refresh_tokens")
            refresh_tokens.revoke_all(connection, row["account_id"])
        assert_refused(use.result())


def _until_somebody_waits_for_a_lock(database_url: str) -> None:
    deadline = now() + timedelta(seconds=10)
    waiting = (
        "SELECT 1 AS one FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while not rows(database_url, waiting):
        assert now() < deadline, "nobody waits for the account's lock"
