"""The bot's questions and replies from their queue to the simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine

from services.notifier.sending import delivery_states, rate_limits
from services.notifier.sending.bot_messages import AnswerPress, Edit, Send, Telling, tell
from services.notifier.sending.claims import Claims
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.message_consumer import MessageConsumer
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.telegram.client import Button, TelegramClient
from services.notifier.telegram.errors import Accepted
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import TELEGRAM_MESSAGES
from shared.database import transaction
from shared.instants import now, to_json
from shared.messaging.deliveries import Delivery, RetryLater
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.arrangements import (
    json_delivery,
    link_chat,
    new_account,
    raw_delivery,
    said_to,
)
from tests.integration.notifier.updates import status_of

_chat_ids = count(700_000)
QUESTION_BUTTONS = (Button("Yes", "link:abc:yes"), Button("No", "link:abc:no"))


@pytest.fixture
def consumer(engine: Engine, redis: Redis, telegram: TelegramClient) -> MessageConsumer:
    limits = SendLimits(redis)
    desk = DeliveryDesk(engine, Claims(redis), limits, telegram)
    return MessageConsumer(engine, desk, limits, telegram)


@pytest.fixture
def chat_id(person: TelegramPerson) -> int:
    return person.create_chat(next(_chat_ids))


@pytest.fixture
def told(engine: Engine) -> Callable[..., Delivery]:
    """Give what Telegram is to be told as it comes from the queue."""

    def make(telling: Telling, at: datetime | None = None) -> Delivery:
        with transaction(engine) as connection:
            tell(connection, telling, at or now())
        return json_delivery(TELEGRAM_MESSAGES, said_to(engine, telling.chat_id)[-1])

    return make


@pytest.fixture
def reply(told: Callable[..., Delivery], chat_id: int) -> Callable[..., Delivery]:
    """Give a reply to the chat as it comes from the queue."""
    return lambda at=None: told(Send(chat_id, "hello"), at)


@pytest.fixture
async def question(telegram: TelegramClient, chat_id: int) -> int:
    """Return the id of a message with two buttons in the chat."""
    asked = await telegram.send_message(chat_id, "?", QUESTION_BUTTONS)
    assert isinstance(asked, Accepted)
    return asked.telegram_message_id


async def as_often_as_it_takes(consumer: MessageConsumer, delivery: Delivery) -> None:
    for _ in range(20):
        try:
            await consumer.handle(delivery)
        except RetryLater as later:
            await asyncio.sleep(later.delay_seconds)
        else:
            return
    pytest.fail("not carried out")


async def test_a_reply_is_sent_once(
    consumer: MessageConsumer, person: TelegramPerson, reply: Callable[..., Delivery], chat_id: int
) -> None:
    delivery = reply()
    await consumer.handle(delivery)
    await consumer.handle(delivery)
    assert [message["text"] for message in person.messages(chat_id)] == ["hello"]


async def test_a_question_keeps_its_buttons(
    consumer: MessageConsumer, person: TelegramPerson, told: Callable[..., Delivery], chat_id: int
) -> None:
    await consumer.handle(told(Send(chat_id, "Was that you?", QUESTION_BUTTONS)))
    person.press(chat_id, "link:abc:no")


async def test_a_reply_that_is_too_late_is_dropped(
    consumer: MessageConsumer, person: TelegramPerson, reply: Callable[..., Delivery], chat_id: int
) -> None:
    await consumer.handle(reply(now() - timedelta(minutes=11)))
    assert person.messages(chat_id) == []


async def test_a_reply_waits_for_its_turn(
    consumer: MessageConsumer, person: TelegramPerson, reply: Callable[..., Delivery]
) -> None:
    person.fault("too_many_requests", method="sendMessage", retry_after_seconds=4)
    with pytest.raises(RetryLater):
        await consumer.handle(reply())


async def test_a_reply_whose_sender_died_is_not_sent_again(
    engine: Engine,
    consumer: MessageConsumer,
    person: TelegramPerson,
    reply: Callable[..., Delivery],
    chat_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delivery, identity = reply(), "reply:"
    with transaction(engine) as connection:
        delivery_states.begin(connection, [identity + delivery.message_id], "another", None)
    with pytest.raises(RetryLater):
        await consumer.handle(delivery)
    monkeypatch.setattr(delivery_states, "SENDING_LIMIT", timedelta(0))
    late = reply()
    with transaction(engine) as connection:
        delivery_states.begin(connection, [identity + late.message_id], "another", None)
    for _ in range(2):
        await consumer.handle(late)
    assert person.messages(chat_id) == []


async def test_a_reply_to_a_chat_that_is_gone_blocks_its_link(
    engine: Engine,
    consumer: MessageConsumer,
    person: TelegramPerson,
    reply: Callable[..., Delivery],
    chat_id: int,
) -> None:
    account_id = new_account()
    link_chat(engine, account_id, chat_id)
    person.block(chat_id)
    await consumer.handle(reply())
    assert status_of(engine, account_id) == ("blocked", chat_id)


class TestEdits:
    async def test_a_message_shows_what_it_is_to_show(
        self,
        consumer: MessageConsumer,
        person: TelegramPerson,
        told: Callable[..., Delivery],
        chat_id: int,
        question: int,
    ) -> None:
        await consumer.handle(told(Edit(chat_id, question, "Done", (Button("Undo", "undo:1"),))))
        (message,) = person.messages(chat_id)
        assert message["text"] == "Done"
        person.press(chat_id, "undo:1")

    async def test_without_a_text_only_the_buttons_change(
        self,
        consumer: MessageConsumer,
        person: TelegramPerson,
        told: Callable[..., Delivery],
        chat_id: int,
        question: int,
    ) -> None:
        await consumer.handle(told(Edit(chat_id, question)))
        (message,) = person.messages(chat_id)
        assert message["text"] == "?"
        assert not message.get("buttons")

    async def test_twice_is_once(
        self,
        consumer: MessageConsumer,
        redis: Redis,
        person: TelegramPerson,
        told: Callable[..., Delivery],
        chat_id: int,
        question: int,
    ) -> None:
        delivery = told(Edit(chat_id, question, "Done"))
        await consumer.handle(delivery)
        await redis.flushdb()
        await consumer.handle(delivery)
        assert len(person.requests("editMessageText")) == 2

    async def test_a_message_that_is_gone_needs_no_edit(
        self, consumer: MessageConsumer, told: Callable[..., Delivery], chat_id: int
    ) -> None:
        await consumer.handle(told(Edit(chat_id, 999_999, "Done")))

    async def test_it_goes_behind_a_message_within_the_chats_limits(
        self,
        consumer: MessageConsumer,
        person: TelegramPerson,
        told: Callable[..., Delivery],
        reply: Callable[..., Delivery],
        chat_id: int,
        question: int,
    ) -> None:
        await consumer.handle(reply())
        with pytest.raises(RetryLater):
            await consumer.handle(told(Edit(chat_id, question, "Done")))
        assert person.requests("editMessageText") == []

    async def test_in_a_blocked_chat_it_blocks_the_link(
        self,
        engine: Engine,
        consumer: MessageConsumer,
        person: TelegramPerson,
        told: Callable[..., Delivery],
        chat_id: int,
        question: int,
    ) -> None:
        account_id = new_account()
        link_chat(engine, account_id, chat_id)
        person.block(chat_id)
        await consumer.handle(told(Edit(chat_id, question, "Done")))
        assert status_of(engine, account_id) == ("blocked", chat_id)

    async def test_too_late_it_is_dropped(
        self,
        consumer: MessageConsumer,
        person: TelegramPerson,
        told: Callable[..., Delivery],
        chat_id: int,
        question: int,
    ) -> None:
        await consumer.handle(told(Edit(chat_id, question, "Done"), now() - timedelta(days=2)))
        assert person.requests("editMessageText") == []


class TestPressAnswers:
    async def test_whoever_pressed_is_answered_whatever_the_chats_limits(
        self,
        consumer: MessageConsumer,
        person: TelegramPerson,
        told: Callable[..., Delivery],
        reply: Callable[..., Delivery],
        chat_id: int,
        question: int,
    ) -> None:
        await consumer.handle(reply())
        query_id = person.press_button(chat_id, question, 0)["callback_query_id"]
        delivery = told(AnswerPress(chat_id, query_id, "Noted"))
        await consumer.handle(delivery)
        await as_often_as_it_takes(consumer, delivery)  # "query is too old" is no failure
        asked = person.requests("answerCallbackQuery")
        assert [request["text"] for request in asked] == ["Noted", "Noted"]

    async def test_whoever_presses_without_end_waits_alone(
        self,
        consumer: MessageConsumer,
        person: TelegramPerson,
        told: Callable[..., Delivery],
        chat_id: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(rate_limits, "ANSWER_INTERVAL_MS", 60_000)
        flood = [told(AnswerPress(chat_id, "q", "Noted")) for _ in range(10)]
        results = await asyncio.gather(*map(consumer.handle, flood), return_exceptions=True)
        assert [type(each) for each in results if each] == [RetryLater] * 9
        other = person.create_chat(next(_chat_ids))
        await consumer.handle(told(AnswerPress(other, "q", "Other")))
        asked = [request["text"] for request in person.requests("answerCallbackQuery")]
        assert asked == ["Noted", "Other"]

    async def test_too_late_it_is_dropped(
        self,
        consumer: MessageConsumer,
        person: TelegramPerson,
        told: Callable[..., Delivery],
        chat_id: int,
    ) -> None:
        late = now() - timedelta(seconds=16)
        await consumer.handle(told(AnswerPress(chat_id, "q", "Noted"), late))
        assert person.requests("answerCallbackQuery") == []


@pytest.mark.parametrize("fault", ["server_error", "too_many_requests", "unauthorized"])
@pytest.mark.parametrize(
    ("method", "telling"),
    [
        ("editMessageText", Edit(1, 2, "Done")),
        ("editMessageReplyMarkup", Edit(1, 2)),
        ("answerCallbackQuery", AnswerPress(1, "q", "Noted")),
    ],
)
async def test_what_telegram_has_not_taken_is_tried_again(
    consumer: MessageConsumer,
    person: TelegramPerson,
    told: Callable[..., Delivery],
    method: str,
    telling: Telling,
    fault: str,
) -> None:
    person.fault(fault, method=method)
    with pytest.raises(RetryLater):
        await consumer.handle(told(telling))


async def test_what_an_earlier_release_stored_is_sent(
    consumer: MessageConsumer, person: TelegramPerson, chat_id: int
) -> None:
    """Word for word what lay in the queue when the release with edits came."""
    stored = {
        "kind": "question",
        "chat_id": chat_id,
        "text": "Was that you?",
        "buttons": [{"text": "Yes", "data": "link:abc:yes"}, {"text": "No", "data": "link:abc:no"}],
        "produced_at": to_json(now()),
        "not_after": to_json(now() + timedelta(minutes=10)),
    }
    await consumer.handle(json_delivery(TELEGRAM_MESSAGES, stored))
    (message,) = person.messages(chat_id)
    assert message["text"] == "Was that you?"
    person.press(chat_id, "link:abc:yes")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"kind": "reply", "chat_id": "x"}', b'{"kind": "painting"}']
)
async def test_what_is_no_message_is_unreadable(consumer: MessageConsumer, body: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        await consumer.handle(raw_delivery(TELEGRAM_MESSAGES, body))
