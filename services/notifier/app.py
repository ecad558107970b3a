"""Wires the processes of the notifier together; nothing connects before a process runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from flask import Flask
from redis import Redis, RedisError
from sqlalchemy import Engine

from services.notifier import dead_letters
from services.notifier.account_events import AccountEvents
from services.notifier.bot_name import CachedBotName
from services.notifier.chat_linking import ChatLinking
from services.notifier.delivery import DeliveryDesk
from services.notifier.link_api import add_link_routes, register_refusals
from services.notifier.message_consumer import MessageConsumer
from services.notifier.once_each import OnceEach
from services.notifier.provisioning import provision_redis
from services.notifier.question_limits import QuestionLimits
from services.notifier.rate_limits import SendLimits
from services.notifier.redis_scripts import new_async_redis, new_redis
from services.notifier.reminder_consumer import ReminderConsumer
from services.notifier.settings import Settings, read_settings
from services.notifier.telegram_client import TelegramClient
from services.notifier.translations import Translations
from services.notifier.update_handler import UpdateHandler
from services.notifier.update_intake import BlockingUpdateIntake
from services.notifier.updates_polling import PollerLease, UpdatesPolling
from services.notifier.watching import (
    DEAD_LETTERS_SECONDS,
    EPOCH_SECONDS,
    PRUNING_SECONDS,
    every,
    measure_dead_letters,
    prune,
)
from services.notifier.webhook_api import UpdateIntake, add_webhook_route
from services.notifier.webhook_setting import set_webhook
from shared.access_tokens import JwksClient, KeyLookup, init_access_tokens
from shared.consumer import Consumer
from shared.contracts.topology import (
    NOTIFIER_EVENTS,
    REMINDERS,
    TELEGRAM_MESSAGES,
    TELEGRAM_UPDATES,
)
from shared.database import is_reachable, new_engine
from shared.environment import load_settings
from shared.http_app import ApiBlueprint, create_http_app
from shared.http_server import serve
from shared.ops_http import ReadinessChecks
from shared.processes import connected, consume, run_process, run_relay, run_setup
from shared.publisher import Publisher
from shared.structured_logs import configure_logs

SERVICE = "notifier"

_REMINDERS_PREFETCH = 20
_OTHER_PREFETCH = 10
# One for each delivery that may be in hand.
_DATABASE_CONNECTIONS = 12
_TELEGRAM_CONNECTIONS = 2 * (_REMINDERS_PREFETCH + _OTHER_PREFETCH)


def create_app(settings: Settings) -> Flask:
    """Build the HTTP app of the service."""
    engine = new_engine(settings.database_url)
    redis = new_redis(settings.redis_url)
    linking = ChatLinking(
        engine,
        QuestionLimits(redis),
        CachedBotName(lambda: _telegram(settings, connections=1)),
        Translations(),
    )
    intake = BlockingUpdateIntake(lambda: Publisher(settings.rabbitmq_url, f"{SERVICE}-api"))
    return build_app(
        linking,
        JwksClient(settings.jwks_url).find_key,
        intake,
        settings.telegram_webhook_secret,
        {"database": lambda: is_reachable(engine), "redis": lambda: _answers(redis)},
    )


def build_app(
    linking: ChatLinking,
    find_key: KeyLookup,
    intake: UpdateIntake,
    webhook_secret: str,
    checks: ReadinessChecks,
) -> Flask:
    """Build the HTTP app of its parts."""

    def configure(app: Flask) -> None:
        init_access_tokens(app, find_key)
        register_refusals(app)

    blueprint = ApiBlueprint(
        "Telegram",
        __name__,
        url_prefix="/api/tg",
        description="Linking an account with the Telegram chat that gets its reminders.",
    )
    add_link_routes(blueprint, linking)
    add_webhook_route(blueprint, intake, webhook_secret)
    return create_http_app(
        SERVICE, configure=configure, blueprints=lambda: [blueprint], checks=checks
    )


def serve_http() -> None:
    """Answer HTTP requests."""
    settings = _start("serve")
    serve(lambda: create_app(settings), settings.http_host, settings.http_port)


def consume_messages() -> None:
    """Send reminders and the bot's messages, act on updates, follow the accounts."""
    settings = _start("consume")
    engine = new_engine(settings.database_url, pool_size=_DATABASE_CONNECTIONS)
    redis, probe = new_async_redis(settings.redis_url), new_redis(settings.redis_url)
    publisher = Publisher(settings.rabbitmq_url, f"{SERVICE}-consumer")
    consumer = Consumer(settings.rabbitmq_url, publisher, f"{SERVICE}-consumer")
    telegram = _telegram(settings, connections=_TELEGRAM_CONNECTIONS)
    once_each = OnceEach(redis)
    desk = DeliveryDesk(once_each, SendLimits(redis), telegram)
    _subscribe(consumer, engine, desk, telegram)

    async def work(stop: asyncio.Event) -> None:
        async with (
            telegram,
            _looked_after(
                (EPOCH_SECONDS, once_each.watch_epoch),
                (DEAD_LETTERS_SECONDS, lambda: measure_dead_letters(settings.rabbitmq_url)),
            ),
        ):
            await consume(consumer, publisher, stop, on_stop=lambda _stop: desk.finish())
        await redis.aclose()
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={
            "database": lambda: is_reachable(engine),
            "redis": lambda: _answers(probe),
            "broker": consumer.is_consuming,
            "telegram_token": desk.token_is_accepted,
        },
    )


def run_bot() -> None:
    """Fetch updates by polling, or tell Telegram where to send them."""
    settings = _start("bot")
    engine = new_engine(settings.database_url, pool_size=1)
    redis, probe = new_async_redis(settings.redis_url), new_redis(settings.redis_url)
    publisher = Publisher(settings.rabbitmq_url, f"{SERVICE}-bot")
    telegram = _telegram(settings, connections=2)

    async def work(stop: asyncio.Event) -> None:
        pruning = (PRUNING_SECONDS, lambda: asyncio.to_thread(prune, engine))
        async with telegram, _looked_after(pruning):
            if settings.telegram_updates == "webhook":
                url = f"{settings.public_url}/api/tg/webhook/"
                await set_webhook(telegram, url, settings.telegram_webhook_secret, stop)
                await stop.wait()
            else:
                async with connected(publisher, stop) as ready:
                    if ready:
                        lease = PollerLease(redis)
                        await UpdatesPolling(telegram, publisher, lease).run(stop)
        await redis.aclose()
        engine.dispose()

    polls = settings.telegram_updates == "polling"
    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={
            "redis": lambda: _answers(probe),
            "broker": lambda: publisher.is_connected or not polls,
        },
    )


def relay() -> None:
    """Move messages from the outbox to the broker."""
    settings = _start("relay")
    run_relay(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        host=settings.http_host,
        ops_port=settings.ops_port,
    )


def setup() -> None:
    """Migrate the database, declare the queues, begin the first epoch in Redis."""
    settings = _start("setup")
    run_setup(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        queues=dead_letters.QUEUES,
    )
    provision_redis(settings.database_url, settings.redis_url)


def work_on_dead_letters(arguments: Sequence[str]) -> None:
    """List or replay dead letters."""
    settings = load_settings(read_settings)
    dead_letters.run(settings.rabbitmq_url, arguments)


def _subscribe(
    consumer: Consumer, engine: Engine, desk: DeliveryDesk, telegram: TelegramClient
) -> None:
    translations = Translations()
    reminders = ReminderConsumer(engine, desk, translations)
    updates = UpdateHandler(engine, telegram, translations)
    messages = MessageConsumer(engine, desk)
    consumer.subscribe(REMINDERS, reminders.handle, prefetch=_REMINDERS_PREFETCH)
    consumer.subscribe(TELEGRAM_UPDATES, updates.handle, prefetch=_OTHER_PREFETCH)
    consumer.subscribe(TELEGRAM_MESSAGES, messages.handle, prefetch=_OTHER_PREFETCH)
    consumer.subscribe(NOTIFIER_EVENTS, AccountEvents(engine).handle, prefetch=_OTHER_PREFETCH)


@asynccontextmanager
async def _looked_after(
    *watches: tuple[float, Callable[[], Awaitable[object]]],
) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(every(seconds, look)) for seconds, look in watches]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _telegram(settings: Settings, *, connections: int) -> TelegramClient:
    return TelegramClient(
        settings.telegram_bot_token, settings.telegram_api_url, connections=connections
    )


def _answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def _start(process: str) -> Settings:
    settings = load_settings(read_settings)
    configure_logs(SERVICE, process, settings.log_level)
    return settings
