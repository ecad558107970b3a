"""What the bot does on an update: PostgreSQL and the simulated Telegram."""

import json
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine

from services.notifier.account_events import AccountEvents
from services.notifier.linking.chat_links import block, read_link
from services.notifier.linking.link_requests import open_request
from services.notifier.telegram.client import Button, TelegramClient
from services.notifier.telegram.errors import Accepted
from services.notifier.translations import Translations
from services.notifier.update_handler import UpdateHandler
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import TELEGRAM_UPDATES
from shared.database import transaction
from shared.instants import now
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.arrangements import (
    account_delivery,
    link_chat,
    new_account,
    raw_delivery,
    said_to,
)

_update_ids = count(1)
_chat_ids = count(9000)


@pytest.fixture
def handler(engine: Engine, telegram: TelegramClient) -> UpdateHandler:
    return UpdateHandler(engine, telegram, Translations())


@pytest.fixture
def account() -> str:
    return new_account()


@pytest.fixture
def chat_id() -> int:
    return next(_chat_ids)


async def take(handler: UpdateHandler, update_id: int | None = None, **content: Any) -> None:
    update = {"update_id": update_id or next(_update_ids), **content}
    await handler.handle(raw_delivery(TELEGRAM_UPDATES, json.dumps(update).encode()))


def text(chat_id: int, words: str, language: str = "en", kind: str = "private") -> dict[str, Any]:
    return {
        "message_id": 1,
        "text": words,
        "chat": {"id": chat_id, "type": kind},
        "from": {"id": abs(chat_id), "language_code": language},
    }


def press(chat_id: int, code: str, answer: str, message_id: int = 1) -> dict[str, Any]:
    return {
        "id": "query",
        "data": f"link:{code}:{answer}",
        "from": {"id": chat_id, "language_code": "en"},
        "message": {"message_id": message_id, "chat": {"id": chat_id, "type": "private"}},
    }


def membership(chat_id: int, status: str, at_seconds: int) -> dict[str, Any]:
    return {
        "date": at_seconds,
        "chat": {"id": chat_id, "type": "private"},
        "from": {"id": chat_id},
        "new_chat_member": {"status": status},
    }


def code_for(engine: Engine, account_id: str, asked_chat_id: int | None = None) -> str:
    with transaction(engine) as connection:
        return open_request(connection, account_id, asked_chat_id, now()).code


def status_of(engine: Engine, account_id: str) -> tuple[str, int | None] | None:
    with engine.connect() as connection:
        row = read_link(connection, account_id)
    return None if row is None else (row.status, row.chat_id)


def replies(engine: Engine, chat_id: int) -> list[str]:
    return [message["text"] for message in said_to(engine, chat_id)]


class TestStart:
    async def test_with_a_code_links_the_private_chat(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        await take(handler, message=text(chat_id, f"/start {code_for(engine, account)}"))
        assert status_of(engine, account) == ("linked", chat_id)
        assert replies(engine, chat_id)[0].startswith("Done")

    async def test_with_a_used_code_says_so(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code, other = code_for(engine, account), next(_chat_ids)
        await take(handler, message=text(chat_id, f"/start {code}"))
        await take(handler, message=text(other, f"/start {code}"))
        assert replies(engine, other)[0].startswith("This link has been used")
        assert status_of(engine, account) == ("linked", chat_id)

    async def test_in_a_group_links_nothing_and_leaves_the_code_good(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account)
        await take(handler, message=text(-chat_id, f"/start {code}", kind="group"))
        assert status_of(engine, account) is None
        assert "private" in replies(engine, -chat_id)[0]
        await take(handler, message=text(chat_id, f"/start {code}"))
        assert status_of(engine, account) == ("linked", chat_id)

    async def test_without_a_code_tells_the_chats_id_and_how_to_link(
        self, engine: Engine, handler: UpdateHandler, chat_id: int
    ) -> None:
        await take(handler, message=text(chat_id, "/start"))
        assert str(chat_id) in replies(engine, chat_id)[0]
        assert "10 minutes" in replies(engine, chat_id)[0]

    async def test_speaks_the_persons_language_before_there_is_an_account(
        self, engine: Engine, handler: UpdateHandler, chat_id: int
    ) -> None:
        await take(handler, message=text(chat_id, "/start", language="ru"))
        assert replies(engine, chat_id)[0].startswith("Здравствуйте")

    async def test_of_an_erased_account_links_nothing(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account)
        await AccountEvents(engine).handle(account_delivery(account, deleted=True, version=9))
        await take(handler, message=text(chat_id, f"/start {code}"))
        assert status_of(engine, account) is None


async def test_other_words_get_a_short_help_in_the_accounts_language(
    engine: Engine, handler: UpdateHandler, account: str, chat_id: int
) -> None:
    await AccountEvents(engine).handle(account_delivery(account, locale="ru"))
    link_chat(engine, account, chat_id)
    await take(handler, message=text(chat_id, "hello", language="en"))
    assert "/stop прекратит" in replies(engine, chat_id)[0]


async def test_groups_are_not_answered(
    engine: Engine, handler: UpdateHandler, chat_id: int
) -> None:
    for words in ("hello", "/stop"):
        await take(handler, message=text(-chat_id, words, kind="group"))
    assert replies(engine, -chat_id) == []


async def test_stop_ends_the_link_and_an_open_request(
    engine: Engine, handler: UpdateHandler, account: str, chat_id: int
) -> None:
    link_chat(engine, account, chat_id)
    code = code_for(engine, account)
    await take(handler, message=text(chat_id, "/stop"))
    assert status_of(engine, account) == ("unlinked", None)
    await take(handler, message=text(chat_id, "/stop"))
    await take(handler, message=text(chat_id, f"/start {code}"))
    said = replies(engine, chat_id)
    assert said[0].startswith("No more reminders")
    assert said[1].startswith("No reminders come here")
    assert status_of(engine, account) == ("unlinked", None)


class TestAnswers:
    async def test_yes_links_answers_the_press_and_takes_the_buttons_away(
        self,
        engine: Engine,
        handler: UpdateHandler,
        telegram: TelegramClient,
        person: TelegramPerson,
        account: str,
    ) -> None:
        chat_id = person.create_chat()
        code = code_for(engine, account, chat_id)
        asked = await telegram.send_message(chat_id, "?", [Button("Yes", f"link:{code}:yes")])
        assert isinstance(asked, Accepted)
        message_id = asked.telegram_message_id
        await take(handler, callback_query=press(chat_id, code, "yes", message_id))
        assert status_of(engine, account) == ("linked", chat_id)
        assert len(person.requests("answerCallbackQuery")) == 1
        assert len(person.requests("editMessageReplyMarkup")) == 1
        (question,) = person.messages(chat_id)
        assert not question.get("reply_markup")
        assert not question.get("buttons")

    async def test_no_links_nothing(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account, chat_id)
        await take(handler, callback_query=press(chat_id, code, "no"))
        await take(handler, callback_query=press(chat_id, code, "yes"))
        assert status_of(engine, account) is None

    async def test_an_answer_from_another_chat_is_ignored(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        code = code_for(engine, account, chat_id)
        await take(handler, callback_query=press(next(_chat_ids), code, "yes"))
        assert status_of(engine, account) is None
        await take(handler, callback_query=press(chat_id, code, "yes"))
        assert status_of(engine, account) == ("linked", chat_id)

    async def test_what_telegram_thinks_of_the_press_does_not_matter(
        self, engine: Engine, handler: UpdateHandler, person: TelegramPerson, account: str
    ) -> None:
        chat_id = person.create_chat()
        person.fault("refused", method="answerCallbackQuery", description="query is too old")
        person.fault("server_error", method="editMessageReplyMarkup")
        code = code_for(engine, account, chat_id)
        await take(handler, callback_query=press(chat_id, code, "yes"))
        assert status_of(engine, account) == ("linked", chat_id)


class TestMembership:
    async def test_a_chat_that_blocks_and_unblocks(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        await take(handler, my_chat_member=membership(chat_id, "kicked", 1_800_000_000))
        assert status_of(engine, account) == ("blocked", chat_id)
        await take(handler, my_chat_member=membership(chat_id, "member", 1_800_000_001))
        assert status_of(engine, account) == ("linked", chat_id)

    async def test_a_chat_found_blocked_when_sending_is_linked_again_when_it_unblocks(
        self, engine: Engine, handler: UpdateHandler, account: str, chat_id: int
    ) -> None:
        link_chat(engine, account, chat_id)
        with transaction(engine) as connection:
            block(connection, chat_id, now())
        await take(handler, my_chat_member=membership(chat_id, "member", 1_700_000_000))
        assert status_of(engine, account) == ("linked", chat_id)


async def test_an_update_is_handled_once(
    engine: Engine, handler: UpdateHandler, chat_id: int
) -> None:
    update_id = next(_update_ids)
    for _ in range(3):
        await take(handler, update_id, message=text(chat_id, "/start"))
    assert len(replies(engine, chat_id)) == 1


async def test_an_update_whose_effects_failed_is_handled_again(
    engine: Engine, handler: UpdateHandler, chat_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_id = next(_update_ids)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(handler, "_start", fail)
        with pytest.raises(ZeroDivisionError):
            await take(handler, update_id, message=text(chat_id, "/start"))
    await take(handler, update_id, message=text(chat_id, "/start"))
    assert len(replies(engine, chat_id)) == 1


async def test_what_the_bot_does_not_know_is_ignored(handler: UpdateHandler) -> None:
    await take(handler, edited_message={"text": "x"})


async def test_what_is_no_update_is_unreadable(handler: UpdateHandler) -> None:
    with pytest.raises(UnreadableMessage):
        await handler.handle(raw_delivery(TELEGRAM_UPDATES, b"{}"))
