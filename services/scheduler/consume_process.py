"""Wires the process `consume`: takes what other services publish."""

import asyncio

from services.scheduler.event_handlers import handle
from services.scheduler.service import SERVICE
from services.scheduler.settings import Settings
from shared.contracts.topology import SCHEDULER_EVENTS
from shared.database import is_reachable, new_engine
from shared.messaging.consumer import Consumer
from shared.messaging.deliveries import Delivery
from shared.messaging.publisher import Publisher
from shared.process.processes import run_consumer, run_process

# One at a time: changes of one habit are then taken in the order they came, and a change of a
# place cannot overtake the creation whose reminder is already due. More consumers add throughput,
# not correctness.
_PREFETCH = 1


def consume(settings: Settings) -> None:
    """Keep the schedule up to date with habits, accounts and chat links."""
    engine = new_engine(settings.database_url, pool_size=3)
    publisher = Publisher(settings.rabbitmq_url, f"{SERVICE.name}-consumer")
    consumer = Consumer(settings.rabbitmq_url, publisher, f"{SERVICE.name}-consumer")

    async def receive(delivery: Delivery) -> None:
        await asyncio.to_thread(handle, engine, delivery.event(), settings.grace)

    consumer.subscribe(SCHEDULER_EVENTS, receive, prefetch=_PREFETCH)

    async def work(stop: asyncio.Event) -> None:
        await run_consumer(consumer, publisher, stop)
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={"database": lambda: is_reachable(engine), "broker": consumer.is_consuming},
    )
