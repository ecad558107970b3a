"""The bot's questions and replies from their queue to the simulated Telegram."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine

from services.notifier.linking.chat_links import read_link
from services.notifier.sending.bot_messages import ask, say
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.message_consumer import MessageConsumer
from services.notifier.sending.once_each import OnceEach
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.telegram.client import Button, TelegramClient
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import TELEGRAM_MESSAGES
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery, RetryLater
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.arrangements import (
    json_delivery,
    link_chat,
    new_account,
    raw_delivery,
    said_to,
)

_chat_ids = count(700_000)


@pytest.fixture
def consumer(engine: Engine, redis: Redis, telegram: TelegramClient) -> MessageConsumer:
    return MessageConsumer(engine, DeliveryDesk(OnceEach(redis), SendLimits(redis), telegram))


@pytest.fixture
def chat_id(person: TelegramPerson) -> int:
    return person.create_chat(next(_chat_ids))


@pytest.fixture
def reply(engine: Engine, chat_id: int) -> Callable[..., Delivery]:
    """Give a reply to the chat as it comes from the queue."""

    def make(at: datetime | None = None) -> Delivery:
        with transaction(engine) as connection:
            say(connection, chat_id, "hello", at or now())
        return json_delivery(TELEGRAM_MESSAGES, said_to(engine, chat_id)[-1])

    return make


async def test_a_reply_is_sent_once(
    consumer: MessageConsumer, person: TelegramPerson, reply: Callable[..., Delivery], chat_id: int
) -> None:
    delivery = reply()
    await consumer.handle(delivery)
    await consumer.handle(delivery)
    assert [message["text"] for message in person.messages(chat_id)] == ["hello"]


async def test_a_question_keeps_its_buttons(
    engine: Engine, consumer: MessageConsumer, person: TelegramPerson, chat_id: int
) -> None:
    buttons = (Button("Yes", "link:abc:yes"), Button("No", "link:abc:no"))
    with transaction(engine) as connection:
        ask(connection, chat_id, "Was that you?", buttons, now())
    await consumer.handle(json_delivery(TELEGRAM_MESSAGES, said_to(engine, chat_id)[-1]))
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


async def test_a_reply_follows_its_chat(
    consumer: MessageConsumer, person: TelegramPerson, reply: Callable[..., Delivery], chat_id: int
) -> None:
    new_id = person.migrate(chat_id, next(_chat_ids))
    await consumer.handle(reply())
    assert len(person.messages(new_id)) == 1


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
    with engine.connect() as connection:
        row: Any = read_link(connection, account_id)
    assert row.status == "blocked"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"kind": "reply", "chat_id": "x"}'])
async def test_what_is_no_message_is_unreadable(consumer: MessageConsumer, body: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        await consumer.handle(raw_delivery(TELEGRAM_MESSAGES, body))
