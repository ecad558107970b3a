"""Repeating `POST /api/habit/` with an Idempotency-Key."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, select, update
from werkzeug.test import TestResponse

from services.habits import command_handling
from services.habits.erasure import erase_account
from shared.database import transaction
from shared.http.idempotency_keys import ANSWERED_REQUESTS
from shared.instants import now
from tests.fakes.lost_commit import cut_before_the_commit
from tests.integration.habits.callers import WATER, Caller


def post(caller: Caller, key: str, **changed: object) -> TestResponse:
    return caller.request(
        "POST", "/api/habit/", {"Idempotency-Key": key}, json={**WATER, **changed}
    )


def count(caller: Caller) -> int:
    listed: int = caller.get("/api/habit/").get_json()["count"]
    return listed


def test_the_same_key_and_body_get_the_first_answer_and_create_nothing(anna: Caller) -> None:
    first = post(anna, "k-1")
    again = post(anna, "k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.get_json() == first.get_json()
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Location"] == first.headers["Location"]
    assert count(anna) == 1


def test_the_first_answer_comes_again_though_the_habit_has_changed_or_gone(anna: Caller) -> None:
    first = post(anna, "k-1")
    habit_id = first.get_json()["id"]
    anna.patch(habit_id, {"place": "Balcony"})
    assert post(anna, "k-1").get_json() == first.get_json()
    anna.delete(habit_id)
    assert post(anna, "k-1").get_json() == first.get_json()
    assert count(anna) == 0


def test_the_same_key_with_another_body_is_409(anna: Caller) -> None:
    post(anna, "k-1")
    refused = post(anna, "k-1", place="Balcony")
    assert refused.status_code == 409
    assert refused.get_json()["code"] == "idempotency_key_reused"
    assert count(anna) == 1


def test_a_refused_request_leaves_its_key_free(anna: Caller) -> None:
    assert post(anna, "k-1", duration_seconds=121).status_code == 400
    assert post(anna, "k-1").status_code == 201


def test_keys_belong_to_an_account(anna: Caller, boris: Caller) -> None:
    assert post(anna, "k-1").get_json()["id"] != post(boris, "k-1").get_json()["id"]


def test_without_a_key_each_request_creates(anna: Caller) -> None:
    anna.post(WATER)
    anna.post(WATER)
    assert count(anna) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ключ".encode().decode("latin-1")])
def test_what_is_no_key_is_400(anna: Caller, key: str) -> None:
    refused = post(anna, key)
    assert refused.status_code == 400
    assert list(refused.get_json()["errors"]) == ["Idempotency-Key"]


def parallel(app: Flask, account_id: uuid.UUID) -> list[TestResponse]:
    with ThreadPoolExecutor(8) as pool:
        return list(
            pool.map(lambda _: post(Caller(app.test_client(), account_id), "k-1"), range(8))
        )


def test_repetitions_in_parallel_create_one_habit(app: Flask, anna: Caller) -> None:
    answers = parallel(app, anna.account_id)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert count(anna) == 1


def test_a_key_is_forgotten_after_a_day(anna: Caller, engine: Engine) -> None:
    first = post(anna, "k-1")
    with transaction(engine) as connection:
        connection.execute(
            update(ANSWERED_REQUESTS)
            .where(ANSWERED_REQUESTS.c.owner == str(anna.account_id))
            .values(used_at=now() - timedelta(hours=24, seconds=1))
        )
    assert post(anna, "k-1").get_json()["id"] != first.get_json()["id"]


def test_an_answer_that_got_lost_with_its_transaction_is_no_answer(
    anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is in the transaction of the habit: neither is stored without the other."""

    with monkeypatch.context() as patch:
        patch.setattr(command_handling, "transaction", cut_before_the_commit)
        assert post(anna, "k-1").status_code == 500
    assert post(anna, "k-1").status_code == 201
    assert count(anna) == 1


def test_erasure_takes_the_keys_along(anna: Caller, engine: Engine) -> None:
    post(anna, "k-1")
    with transaction(engine) as connection:
        erase_account(connection, anna.account_id, 2, now())
        mine = ANSWERED_REQUESTS.c.owner == str(anna.account_id)
        assert connection.execute(select(ANSWERED_REQUESTS).where(mine)).all() == []
