"""Wires the process `bot`: polls for Telegram's updates, or has them sent to the webhook."""

import asyncio

from services.notifier.bot_router import new_update_handler
from services.notifier.command_menu import AGAIN_SECONDS, offer_commands
from services.notifier.redis_scripts import new_async_redis, new_redis, redis_answers
from services.notifier.retired_queue import queue_retired
from services.notifier.settings import Settings
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.polling import PollerLease, UpdatesPolling
from services.notifier.telegram.webhook_setting import set_webhook
from shared.database import is_reachable, new_engine
from shared.process.processes import run_process
from shared.process.upkeep import looked_after


def bot(settings: Settings) -> None:
    """Handle updates by polling, or tell Telegram where to send them."""
    engine = new_engine(settings.database_url, pool_size=2)
    redis, probe = new_async_redis(settings.redis_url), new_redis(settings.redis_url)
    telegram = TelegramClient(settings.telegram_bot_token, settings.telegram_api_url, connections=2)
    updates = new_update_handler(engine)
    polling = UpdatesPolling(telegram, updates.handle, PollerLease(redis))

    async def work(stop: asyncio.Event) -> None:
        menu = (AGAIN_SECONDS, lambda: offer_commands(telegram))
        async with (
            telegram,
            looked_after(menu),
            queue_retired(settings.rabbitmq_url, updates.handle, updates.keep),
        ):
            if settings.telegram_updates == "webhook":
                await _be_called(telegram, settings, stop)
            else:
                await polling.run(stop)
        await redis.aclose()
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={
            "database": lambda: is_reachable(engine),
            "redis": lambda: redis_answers(probe),
        },
    )


async def _be_called(telegram: TelegramClient, settings: Settings, stop: asyncio.Event) -> None:
    url = f"{settings.public_url}/api/tg/webhook/"
    await set_webhook(telegram, url, settings.telegram_webhook_secret, stop)
    await stop.wait()
