"""Wires the process `bot`: brings Telegram's updates in, by polling or by a webhook."""

import asyncio

from services.notifier.process_start import SERVICE, redis_answers, start
from services.notifier.redis_scripts import new_async_redis, new_redis
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.polling import PollerLease, UpdatesPolling
from services.notifier.telegram.webhook_setting import set_webhook
from services.notifier.watching import PRUNING_SECONDS, prune
from shared.database import new_engine
from shared.messaging.publisher import Publisher
from shared.process.processes import connected, run_process
from shared.process.upkeep import looked_after


def run_bot() -> None:
    """Fetch updates by polling, or tell Telegram where to send them."""
    settings = start("bot")
    engine = new_engine(settings.database_url, pool_size=1)
    redis, probe = new_async_redis(settings.redis_url), new_redis(settings.redis_url)
    publisher = Publisher(settings.rabbitmq_url, f"{SERVICE}-bot")
    telegram = TelegramClient(settings.telegram_bot_token, settings.telegram_api_url, connections=2)

    async def work(stop: asyncio.Event) -> None:
        pruning = (PRUNING_SECONDS, lambda: asyncio.to_thread(prune, engine))
        async with telegram, looked_after(pruning):
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
            "redis": lambda: redis_answers(probe),
            "broker": lambda: publisher.is_connected or not polls,
        },
    )
