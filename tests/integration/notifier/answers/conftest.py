"""An account with a linked chat, and what of the notifier has to do with answers."""

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine

from services.notifier.answers.day_events import DayEvents, refresh
from services.notifier.bot_router import new_update_handler
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from services.notifier.sending.claims import Claims
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.message_consumer import MessageConsumer
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.telegram.client import TelegramClient
from services.notifier.translations import Translations
from services.notifier.update_handler import UpdateHandler
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.answer_story import chat_ids
from tests.integration.notifier.arrangements import (
    link_chat,
    new_account,
)


@pytest.fixture
def desk(engine: Engine, redis: Redis, telegram: TelegramClient) -> DeliveryDesk:
    return DeliveryDesk(engine, Claims(redis), SendLimits(redis), telegram)


@pytest.fixture
def reminders(engine: Engine, desk: DeliveryDesk) -> ReminderConsumer:
    return ReminderConsumer(engine, desk, Translations())


@pytest.fixture
def messages(
    engine: Engine, desk: DeliveryDesk, redis: Redis, telegram: TelegramClient
) -> MessageConsumer:
    return MessageConsumer(
        engine,
        desk,
        SendLimits(redis),
        telegram,
        lambda connection, edit: refresh(connection, edit, Translations()),
    )


@pytest.fixture
def days(engine: Engine) -> DayEvents:
    return DayEvents(engine, Translations())


@pytest.fixture
def handler(engine: Engine) -> UpdateHandler:
    return new_update_handler(engine)


@pytest.fixture
def chat_id(person: TelegramPerson) -> int:
    return person.create_chat(next(chat_ids))


@pytest.fixture
def account(engine: Engine, chat_id: int) -> str:
    """An account with a linked chat."""
    account_id = new_account()
    link_chat(engine, account_id, chat_id)
    return account_id
