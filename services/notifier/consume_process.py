"""Wires the process `consume`: everything that comes through the queues.

This is the process to run several times.
"""

import asyncio

from sqlalchemy import Engine

from services.notifier.account_events import AccountEvents
from services.notifier.answers.day_events import DayEvents, refresh
from services.notifier.asking.reply_events import ReplyEvents
from services.notifier.redis_scripts import new_async_redis, new_redis, redis_answers
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from services.notifier.sending.claims import Claims
from services.notifier.sending.delivery import PLACES, DeliveryDesk
from services.notifier.sending.message_consumer import MessageConsumer
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.service import SERVICE
from services.notifier.settings import Settings
from services.notifier.telegram.client import TelegramClient
from services.notifier.translations import Translations
from shared.contracts.topology import (
    NOTIFIER_DAYS,
    NOTIFIER_EVENTS,
    NOTIFIER_REPLIES,
    REMINDERS,
    TELEGRAM_MESSAGES,
)
from shared.database import is_reachable, new_engine
from shared.messaging.consumer import Consumer
from shared.messaging.publisher import Publisher
from shared.process.processes import run_consumer, run_process

# Most of them wait for their turn; only requests to Telegram hold one of the few places.
_REMINDERS_PREFETCH = 3 * PLACES
_OTHER_PREFETCH = 10
# The database is used from a pool of threads, of which there are fewer than deliveries in hand.
_DATABASE_CONNECTIONS = 12
# A sender that is frozen between its claim and the point of no return holds its account's locks;
# less than others wait for a lock, so the first of them gets it.
_FENCE_SECONDS = 8
# For the places, and for what the update handler tells Telegram meanwhile.
_TELEGRAM_CONNECTIONS = PLACES + 2 * _OTHER_PREFETCH


def consume(settings: Settings) -> None:
    """Send reminders and the bot's messages, follow accounts, days and replies."""
    engine = new_engine(
        settings.database_url,
        pool_size=_DATABASE_CONNECTIONS,
        idle_in_transaction_seconds=_FENCE_SECONDS,
    )
    redis, probe = new_async_redis(settings.redis_url), new_redis(settings.redis_url)
    publisher = Publisher(settings.rabbitmq_url, f"{SERVICE.name}-consumer")
    consumer = Consumer(settings.rabbitmq_url, publisher, f"{SERVICE.name}-consumer")
    telegram = TelegramClient(
        settings.telegram_bot_token,
        settings.telegram_api_url,
        connections=_TELEGRAM_CONNECTIONS,
    )
    limits = SendLimits(redis)
    desk = DeliveryDesk(engine, Claims(redis), limits, telegram)
    translations = Translations()
    _subscribe(
        consumer,
        engine,
        translations,
        ReminderConsumer(engine, desk, translations),
        MessageConsumer(
            engine,
            desk,
            limits,
            telegram,
            lambda connection, edit: refresh(connection, edit, translations),
        ),
    )

    async def work(stop: asyncio.Event) -> None:
        async with telegram:
            giving_back = asyncio.create_task(_give_back_when(stop, desk))
            await run_consumer(consumer, publisher, stop, on_stop=lambda _stop: desk.finish())
            giving_back.cancel()
        await redis.aclose()
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={
            "database": lambda: is_reachable(engine),
            "redis": lambda: redis_answers(probe),
            "broker": consumer.is_consuming,
            "telegram_token": desk.token_is_accepted,
        },
    )


def _subscribe(
    consumer: Consumer,
    engine: Engine,
    translations: Translations,
    reminders: ReminderConsumer,
    messages: MessageConsumer,
) -> None:
    consumer.subscribe(REMINDERS, reminders.handle, prefetch=_REMINDERS_PREFETCH)
    consumer.subscribe(TELEGRAM_MESSAGES, messages.handle, prefetch=_OTHER_PREFETCH)
    consumer.subscribe(NOTIFIER_EVENTS, AccountEvents(engine).handle, prefetch=_OTHER_PREFETCH)
    days = DayEvents(engine, translations)
    consumer.subscribe(NOTIFIER_DAYS, days.handle, prefetch=_OTHER_PREFETCH)
    replies = ReplyEvents(engine, translations)
    consumer.subscribe(NOTIFIER_REPLIES, replies.handle, prefetch=_OTHER_PREFETCH)


async def _give_back_when(stop: asyncio.Event, desk: DeliveryDesk) -> None:
    """Have what waits for its turn go back to its queue, so that nobody waits for it."""
    await stop.wait()
    desk.stop_taking()
