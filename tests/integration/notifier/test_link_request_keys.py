"""Repeating `POST /api/tg/link/` with an Idempotency-Key."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from services.notifier.account_events import AccountEvents
from services.notifier.linking.link_requests import Linked, NotOpen, use_code
from shared.database import transaction
from shared.http.app import openapi_document
from shared.http.idempotency_keys import ANSWERED_REQUESTS
from shared.instants import now
from tests.integration.notifier.api_callers import Caller, assert_problem, body_of
from tests.integration.notifier.arrangements import account_delivery, new_account, said_to

KEY = "7d2e-key"
_chat_ids = count(70_000)


@pytest.fixture
def chat_id() -> int:
    return next(_chat_ids)


def keys_of(engine: Engine, caller: Caller) -> list[Any]:
    query = select(ANSWERED_REQUESTS).where(ANSWERED_REQUESTS.c.owner == caller.account_id)
    with engine.connect() as connection:
        return list(connection.execute(query))


def a_day_passes(engine: Engine) -> None:
    with transaction(engine) as connection:
        a_day_ago = now() - timedelta(hours=24, seconds=1)
        connection.execute(update(ANSWERED_REQUESTS).values(used_at=a_day_ago))


def repeat(client: FlaskClient, caller: Caller, body: object) -> Any:
    """Post from another client with the same token."""
    return Caller(client.application.test_client(), caller.account_id).post(body, key=KEY)


class TestCode:
    def test_the_same_key_gets_the_same_code_and_it_still_links(
        self, engine: Engine, anna: Caller, chat_id: int
    ) -> None:
        first, again = anna.post({}, key=KEY), anna.post({}, key=KEY)
        assert (first.status_code, again.status_code) == (201, 201)
        assert body_of(again) == body_of(first)
        with transaction(engine) as connection:
            code = body_of(again)["code"]
            assert isinstance(use_code(connection, code, chat_id, now()), Linked)

    def test_a_repetition_does_not_revive_what_was_used_or_replaced(
        self, engine: Engine, anna: Caller, chat_id: int
    ) -> None:
        first = body_of(anna.post({}, key=KEY))
        newer = body_of(anna.post({}, key="another-key"))
        assert body_of(anna.post({}, key=KEY)) == first
        with transaction(engine) as connection:
            assert isinstance(use_code(connection, first["code"], chat_id, now()), NotOpen)
            assert isinstance(use_code(connection, newer["code"], chat_id, now()), Linked)
        assert body_of(anna.post({}, key="another-key")) == newer
        with transaction(engine) as connection:
            assert isinstance(use_code(connection, newer["code"], chat_id, now()), NotOpen)

    def test_other_keys_and_other_accounts_get_other_codes(
        self, client: FlaskClient, anna: Caller
    ) -> None:
        boris = Caller(client, new_account())
        answers = [anna.post({}, key=KEY), anna.post({}, key="another-key"), anna.post({})]
        answers.append(boris.post({}, key=KEY))
        assert len({body_of(answer)["code"] for answer in answers}) == 4

    def test_neither_code_nor_key_is_stored(self, engine: Engine, anna: Caller) -> None:
        code = body_of(anna.post({}, key=KEY))["code"]
        (kept,) = keys_of(engine, anna)
        assert code not in str(kept)
        assert KEY not in str(kept)

    def test_repetitions_in_parallel_get_one_code(
        self, engine: Engine, client: FlaskClient, anna: Caller, chat_id: int
    ) -> None:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: repeat(client, anna, {}), range(8)))
        assert {answer.status_code for answer in answers} == {201}
        (code,) = {body_of(answer)["code"] for answer in answers}
        with transaction(engine) as connection:
            assert isinstance(use_code(connection, code, chat_id, now()), Linked)


class TestQuestion:
    @pytest.mark.parametrize("written", [str, int], ids=["as text", "as an integer"])
    def test_the_same_key_gets_the_same_answer_and_the_chat_is_asked_once(
        self, engine: Engine, anna: Caller, chat_id: int, written: type
    ) -> None:
        first = anna.post({"chat_id": written(chat_id)}, key=KEY)
        again = [anna.post({"chat_id": written(chat_id)}, key=KEY) for _ in range(4)]
        assert {answer.status_code for answer in (first, *again)} == {202}
        assert all(body_of(answer) == body_of(first) for answer in again)
        assert len(said_to(engine, chat_id)) == 1

    def test_repetitions_cost_no_place_among_the_questions_of_the_hour(
        self, engine: Engine, anna: Caller
    ) -> None:
        chats = [next(_chat_ids) for _ in range(3)]
        for chat in chats:
            for _ in range(3):
                assert anna.post({"chat_id": chat}, key=f"key-{chat}").status_code == 202
        assert [len(said_to(engine, chat)) for chat in chats] == [1, 1, 1]

    def test_a_chat_that_has_answered_is_not_asked_again(
        self, engine: Engine, anna: Caller, chat_id: int
    ) -> None:
        first = anna.post({"chat_id": chat_id}, key=KEY)
        anna.delete()
        assert body_of(anna.post({"chat_id": chat_id}, key=KEY)) == body_of(first)
        assert len(said_to(engine, chat_id)) == 1
        assert body_of(anna.get())["status"] == "none"

    def test_repetitions_in_parallel_ask_once(
        self, engine: Engine, client: FlaskClient, anna: Caller, chat_id: int
    ) -> None:
        with ThreadPoolExecutor(8) as pool:
            asked = {"chat_id": chat_id}
            answers = list(pool.map(lambda _: repeat(client, anna, asked), range(8)))
        assert {answer.status_code for answer in answers} == {202}
        assert len(said_to(engine, chat_id)) == 1

    def test_a_refused_request_leaves_its_key_free(
        self, engine: Engine, anna: Caller, chat_id: int
    ) -> None:
        for _ in range(3):
            anna.post({"chat_id": next(_chat_ids)})
        assert_problem(anna.post({"chat_id": chat_id}, key=KEY), 429, "too_many_requests")
        assert keys_of(engine, anna) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [({}, {"chat_id": 5}), ({"chat_id": 5}, {}), ({"chat_id": 5}, {"chat_id": 6})],
)
def test_the_same_key_with_another_body_is_409(
    engine: Engine, anna: Caller, first: object, second: object
) -> None:
    answer = body_of(anna.post(first, key=KEY))
    assert_problem(anna.post(second, key=KEY), 409, "idempotency_key_reused")
    assert body_of(anna.post(first, key=KEY)) == answer


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ключ".encode().decode("latin-1")])
def test_what_is_no_key_is_400(anna: Caller, key: str) -> None:
    problem = assert_problem(anna.post({}, key=key), 400, "invalid_input")
    assert list(problem["errors"]) == ["Idempotency-Key"]


def test_a_key_is_forgotten_after_a_day(engine: Engine, anna: Caller, chat_id: int) -> None:
    first = body_of(anna.post({}, key=KEY))
    a_day_passes(engine)
    assert anna.post({"chat_id": chat_id}, key=KEY).status_code == 202
    assert body_of(anna.post({}, key="another-key"))["code"] != first["code"]


def test_erasure_takes_the_keys_along(engine: Engine, anna: Caller) -> None:
    anna.post({}, key=KEY)
    erased = account_delivery(anna.account_id, deleted=True, version=2).event().body
    AccountEvents(engine)._apply(erased)  # type: ignore[arg-type]
    assert keys_of(engine, anna) == []
    assert_problem(anna.post({}, key=KEY), 401, "invalid_token")


def test_the_document_tells_of_the_key_and_its_conflict(client: FlaskClient) -> None:
    post = openapi_document(client.application)["paths"]["/api/tg/link/"]["post"]
    assert [parameter["name"] for parameter in post["parameters"]] == ["Idempotency-Key"]
    assert set(post["responses"]["409"]["content"]) == {"application/problem+json"}
