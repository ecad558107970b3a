"""Wires the process `consume`: takes what other services publish."""

import asyncio

from services.habits.account_events import handle_account_events
from services.habits.service import SERVICE
from services.habits.settings import Settings
from shared.contracts.topology import HABITS_EVENTS
from shared.database import is_reachable, new_engine
from shared.messaging.consumer import Consumer
from shared.messaging.publisher import Publisher
from shared.process.processes import run_consumer, run_process

_PREFETCH = 5


def consume(settings: Settings) -> None:
    """Erase what belongs to accounts that are deleted."""
    engine = new_engine(settings.database_url, pool_size=_PREFETCH)
    publisher = Publisher(settings.rabbitmq_url, f"{SERVICE.name}-consumer")
    consumer = Consumer(settings.rabbitmq_url, publisher, f"{SERVICE.name}-consumer")
    consumer.subscribe(HABITS_EVENTS, handle_account_events(engine), prefetch=_PREFETCH)

    async def work(stop: asyncio.Event) -> None:
        await run_consumer(consumer, publisher, stop)
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={"database": lambda: is_reachable(engine), "broker": consumer.is_consuming},
    )
