"""`/api/tg/link/` and `/api/tg/webhook/` on a real PostgreSQL and Redis."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from services.notifier.account_events import AccountEvents
from services.notifier.linking.chat_links import block
from services.notifier.linking.link_requests import Linked, use_code
from services.notifier.tables import LINK_REQUESTS
from services.notifier.telegram.bot_name import TelegramUnavailable
from services.notifier.telegram.webhook_api import AT_ONCE, SECRET_HEADER
from shared.database import new_engine, transaction
from shared.http.server import THREADS
from shared.instants import from_json, now
from tests.integration.notifier.api_callers import (
    PATH,
    SECRET,
    Caller,
    FakeBot,
    MakeApp,
    assert_problem,
    body_of,
    token_of,
)
from tests.integration.notifier.arrangements import (
    account_delivery,
    events_of,
    eventually,
    link_chat,
    new_account,
    said_to,
)

_chat_ids = count(50_000)


def nobody() -> str:
    raise TelegramUnavailable("away")


@pytest.fixture
def chat_id() -> int:
    return next(_chat_ids)


def nothing_is_open(engine: Engine, caller: Caller) -> bool:
    query = select(LINK_REQUESTS).where(LINK_REQUESTS.c.account_id == caller.account_id)
    with engine.connect() as connection:
        return connection.execute(query).first() is None


class TestCode:
    def test_an_empty_request_gets_a_code_and_a_deep_link(
        self, engine: Engine, anna: Caller, chat_id: int
    ) -> None:
        answer = anna.post({})
        assert answer.status_code == 201, answer.text
        body = body_of(answer)
        assert body.keys() == {"status", "deep_link", "code", "expires_at"}
        assert body["status"] == "pending"
        assert body["deep_link"] == f"https://t.me/habit_bot?start={body['code']}"
        left = from_json(body["expires_at"]) - now()
        assert timedelta(minutes=9) < left <= timedelta(minutes=10)
        assert body["expires_at"].endswith("Z")
        with transaction(engine) as connection:
            assert isinstance(use_code(connection, body["code"], chat_id, now()), Linked)

    def test_when_telegram_does_not_tell_the_bots_name_the_answer_is_503(
        self, make_app: MakeApp, engine: Engine
    ) -> None:
        anna = Caller(make_app(nobody).test_client(), new_account())
        answer = anna.post({})
        assert_problem(answer, 503, "telegram_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert nothing_is_open(engine, anna)


class TestQuestion:
    @pytest.mark.parametrize("written", [str, int], ids=["as text", "as an integer"])
    def test_the_chat_is_asked_with_two_buttons(
        self, engine: Engine, anna: Caller, chat_id: int, written: Callable[[int], Any]
    ) -> None:
        answer = anna.post({"chat_id": written(chat_id)})
        assert answer.status_code == 202, answer.text
        body = body_of(answer)
        assert body.keys() == {"status", "chat_id", "expires_at"}
        assert (body["status"], body["chat_id"]) == ("pending", str(chat_id))
        (question,) = said_to(engine, chat_id)
        yes, no = (button["data"] for button in question["buttons"])
        assert yes.startswith("link:")
        assert yes.endswith(":yes")
        assert no == yes.removesuffix("yes") + "no"
        assert len(yes.encode()) <= 64
        assert question["kind"] == "question"

    def test_the_question_is_in_the_askers_language(
        self, engine: Engine, anna: Caller, chat_id: int
    ) -> None:
        AccountEvents(engine)._apply(account_delivery(anna.account_id, locale="ru").event().body)  # type: ignore[arg-type]
        anna.post({"chat_id": chat_id})
        (question,) = said_to(engine, chat_id)
        assert "10 минут" in question["text"]

    def test_a_fourth_question_of_an_account_in_an_hour_is_429(
        self, engine: Engine, anna: Caller
    ) -> None:
        chats = [next(_chat_ids) for _ in range(4)]
        statuses = [anna.post({"chat_id": chat}).status_code for chat in chats]
        assert statuses == [202, 202, 202, 429]
        answer = anna.post({"chat_id": chats[3]})
        assert_problem(answer, 429, "too_many_requests")
        assert 3500 < int(answer.headers["Retry-After"]) <= 3600
        assert said_to(engine, chats[3]) == []

    def test_a_chat_is_asked_three_times_an_hour_whoever_asks(
        self, client: FlaskClient, engine: Engine, chat_id: int
    ) -> None:
        callers = [Caller(client, new_account()) for _ in range(12)]
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda caller: caller.post({"chat_id": chat_id}), callers))
        assert sorted(answer.status_code for answer in answers) == [202] * 3 + [429] * 9
        assert len(said_to(engine, chat_id)) == 3

    def test_without_redis_nobody_is_asked(
        self, make_app: MakeApp, engine: Engine, chat_id: int
    ) -> None:
        anna = Caller(make_app(redis_url="redis://127.0.0.1:9/0").test_client(), new_account())
        answer = anna.post({"chat_id": chat_id})
        assert_problem(answer, 503, "service_unavailable")
        assert said_to(engine, chat_id) == []
        assert nothing_is_open(engine, anna)

    def test_an_answer_does_not_tell_whether_the_chat_is_linked_to_somebody(
        self, engine: Engine, client: FlaskClient, chat_id: int
    ) -> None:
        link_chat(engine, new_account(), chat_id)
        taken = body_of(Caller(client, new_account()).post({"chat_id": chat_id}))
        free = body_of(Caller(client, new_account()).post({"chat_id": next(_chat_ids)}))
        assert taken.keys() == free.keys()
        assert taken["status"] == free["status"]


class TestState:
    def test_at_first_there_is_none(self, anna: Caller) -> None:
        assert body_of(anna.get()) == {"status": "none", "chat_id": None, "linked_at": None}

    def test_an_open_request_is_pending(self, anna: Caller, chat_id: int) -> None:
        anna.post({})
        assert body_of(anna.get()) == {"status": "pending", "chat_id": None, "linked_at": None}
        anna.post({"chat_id": chat_id})
        assert body_of(anna.get())["chat_id"] == str(chat_id)

    def test_a_linked_chat_stays_linked_while_another_request_is_open(
        self, engine: Engine, anna: Caller, chat_id: int
    ) -> None:
        link_chat(engine, anna.account_id, chat_id)
        anna.post({})
        body = body_of(anna.get())
        assert (body["status"], body["chat_id"]) == ("linked", str(chat_id))
        assert body["linked_at"].endswith("Z")

    def test_a_blocked_chat_is_told(self, engine: Engine, anna: Caller, chat_id: int) -> None:
        link_chat(engine, anna.account_id, chat_id)
        with transaction(engine) as connection:
            block(connection, chat_id, now())
        assert body_of(anna.get())["status"] == "blocked"

    def test_delete_ends_link_and_request(self, engine: Engine, anna: Caller, chat_id: int) -> None:
        link_chat(engine, anna.account_id, chat_id)
        anna.post({})
        answer = anna.delete()
        assert (answer.status_code, answer.data) == (204, b"")
        assert body_of(anna.get())["status"] == "none"
        assert nothing_is_open(engine, anna)
        assert events_of(engine, anna.account_id)[-1][0] == "telegram.unlinked.v1"

    def test_delete_of_nothing_is_204(self, engine: Engine, anna: Caller) -> None:
        assert anna.delete().status_code == 204
        assert events_of(engine, anna.account_id) == []


class TestBadInput:
    @pytest.mark.parametrize(
        "chat_id",
        [
            None, True, False, 1.9, 1.0, 0, -1, -1_000_000_000_000, 2**52, 2**63, 10**30, "", "0",
            "007", "-5", "+5", " 5", "5 ", "1.9", "1e3", "٣", "5\u0000", "\u0000", "abc",
            str(2**52), "9" * 5000, [], [5], {}, {"id": 5},
        ],
    )  # fmt: skip
    def test_what_is_no_private_chat_is_400(
        self, engine: Engine, anna: Caller, chat_id: object
    ) -> None:
        problem = assert_problem(anna.post({"chat_id": chat_id}), 400, "invalid_input")
        assert "chat_id" in problem["errors"]
        assert nothing_is_open(engine, anna)

    @pytest.mark.parametrize("chat_id", [1, 2**52 - 1, str(2**52 - 1)])
    def test_the_ends_of_the_range_are_taken(self, anna: Caller, chat_id: object) -> None:
        assert anna.post({"chat_id": chat_id}).status_code == 202

    def test_unknown_fields_are_400(self, anna: Caller) -> None:
        problem = assert_problem(anna.post({"chat": 5}), 400, "invalid_input")
        assert "chat" in problem["errors"]

    @pytest.mark.parametrize("body", [[], "text", 5, None])
    def test_what_is_no_object_is_400(self, anna: Caller, body: object) -> None:
        answer = anna.post(data=json.dumps(body), content_type="application/json")
        assert_problem(answer, 400, "invalid_input")

    @pytest.mark.parametrize("raw", ["", "{", '{"chat_id": NaN}', "[" * 50_000])
    def test_malformed_json_is_400(self, anna: Caller, raw: str) -> None:
        assert anna.post(data=raw, content_type="application/json").status_code == 400

    def test_another_media_type_is_415(self, anna: Caller) -> None:
        answer = anna.post(data="chat_id=5", content_type="application/x-www-form-urlencoded")
        assert_problem(answer, 415, "unsupported_media_type")

    def test_a_giant_body_is_413(self, anna: Caller) -> None:
        answer = anna.post({"chat_id": "9" * 70_000})
        assert_problem(answer, 413, "body_too_large")

    def test_a_query_that_the_database_does_not_answer_is_503(self, make_app: MakeApp) -> None:
        nowhere = new_engine("postgresql://nobody@127.0.0.1:9/nothing")
        anna = Caller(make_app(database=nowhere).test_client(), new_account())
        for answer in (anna.get(), anna.post({}), anna.delete()):
            assert_problem(answer, 503, "service_unavailable")


class TestTokens:
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_without_a_token_it_is_401(self, client: FlaskClient, method: str) -> None:
        answer = client.open(PATH, method=method)
        assert_problem(answer, 401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_a_token_of_another_audience_is_401(self, client: FlaskClient) -> None:
        token = token_of(new_account(), aud="somebody else")
        answer = client.get(PATH, headers={"Authorization": f"Bearer {token}"})
        assert_problem(answer, 401, "invalid_token")

    def test_the_token_of_an_erased_account_is_401(self, engine: Engine, anna: Caller) -> None:
        erased = account_delivery(anna.account_id, deleted=True, version=2).event().body
        AccountEvents(engine)._apply(erased)  # type: ignore[arg-type]
        for answer in (anna.get(), anna.post({}), anna.post({"chat_id": 5}), anna.delete()):
            assert_problem(answer, 401, "invalid_token")
            assert "WWW-Authenticate" in answer.headers
        assert nothing_is_open(engine, anna)


class TestWebhook:
    def send(
        self, client: FlaskClient, raw: bytes = b'{"update_id": 7}', secret: str | None = SECRET
    ) -> Any:
        headers = {} if secret is None else {SECRET_HEADER: secret}
        return client.post(
            "/api/tg/webhook/", data=raw, content_type="application/json", headers=headers
        )

    def test_an_update_is_handled_as_it_came(self, client: FlaskClient, bot: FakeBot) -> None:
        raw = b'{"update_id": 7, "message": {"text": "\\ud800 \\u0000"}}'
        assert self.send(client, raw).status_code == 200
        assert bot.taken == [raw]

    @pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", SECRET.upper(), "é"])
    def test_without_the_secret_nobody_is_let_in(
        self, client: FlaskClient, bot: FakeBot, secret: str | None
    ) -> None:
        assert_problem(self.send(client, secret=secret), 401, "not_authenticated")
        assert bot.taken == []

    def test_an_empty_secret_lets_nobody_in(self, make_app: MakeApp, bot: FakeBot) -> None:
        answer = self.send(make_app(secret="").test_client(), secret="")
        assert_problem(answer, 401, "not_authenticated")
        assert bot.taken == []

    @pytest.mark.parametrize("raw", [b"[]", b"{}", b'{"update_id": "7"}', b'{"update_id": -1}'])
    def test_what_is_no_update_is_400(self, client: FlaskClient, raw: bytes) -> None:
        assert_problem(self.send(client, raw), 400, "invalid_input")

    @pytest.mark.parametrize("raw", [b"{", b"[" * 50_000, b"\xff"])
    def test_malformed_json_is_400(self, client: FlaskClient, raw: bytes) -> None:
        assert_problem(self.send(client, raw), 400, "malformed_json")

    def test_without_the_database_telegram_is_asked_to_send_again(
        self, client: FlaskClient, bot: FakeBot
    ) -> None:
        bot.error = OperationalError("", {}, Exception("away"))
        answer = self.send(client)
        assert_problem(answer, 503, "service_unavailable")
        assert "Retry-After" in answer.headers

    def test_a_server_that_hangs_takes_few_threads_from_the_other_requests(
        self, make_app: MakeApp, bot: FakeBot, anna: Caller
    ) -> None:
        """As many updates at once as the process has threads, and somebody who asks."""
        bot.goes_on.clear()
        app = make_app()
        with ThreadPoolExecutor(THREADS) as threads:
            sent = [threads.submit(self.send, app.test_client()) for _ in range(THREADS)]
            eventually(
                lambda: sum(each.done() for each in sent) == THREADS - AT_ONCE, "put off at once"
            )
            assert anna.get().status_code == 200
            bot.goes_on.set()
            answers = sorted(each.result().status_code for each in sent)
        assert answers == [200] * AT_ONCE + [503] * (THREADS - AT_ONCE)
        assert self.send(app.test_client()).status_code == 200
