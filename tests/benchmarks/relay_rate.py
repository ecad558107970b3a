"""How fast the relay empties an outbox, against aio-pika alone with as many messages in flight.

Both wait for the broker's confirm of each message in the same quorum queue. The relay also reads
its rows and deletes them; the bare publisher has its messages in memory. They take turns.
"""

import asyncio
import time
from uuid import uuid4

import aio_pika
from sqlalchemy import Engine

from shared.contracts.events import ACCOUNT_CHANGED
from shared.contracts.topology import EVENTS_EXCHANGE, SCHEDULER_EVENTS
from shared.database import transaction
from shared.outbox.shard import BATCH_SIZE
from shared.outbox.table import add_events
from shared.outbox.wake_ups import SHARDS
from tests.integration.shared.outbox_story import account, running_relay, until_empty

WINDOW = BATCH_SIZE * SHARDS


async def measure(
    engine: Engine, database_url: str, broker_url: str, *, rounds: int, messages: int
) -> tuple[list[float], list[float]]:
    """Return messages a second of the relay and of the bare publisher, one figure a round each."""
    relay, bare = [], []
    for _ in range(rounds):
        _fill(engine, messages)
        relay.append(messages / await _seconds_of_relay(engine, database_url, broker_url))
        bare.append(messages / await _seconds_of_publisher(broker_url, messages))
        await _forget(broker_url)
    return relay, bare


def _fill(engine: Engine, messages: int) -> None:
    subjects = [str(uuid4()) for _ in range(messages)]
    events = [(ACCOUNT_CHANGED, subject, account(subject, 1)) for subject in subjects]
    with transaction(engine) as connection:
        add_events(connection, "/services/test", events)


async def _seconds_of_relay(engine: Engine, database_url: str, broker_url: str) -> float:
    began = time.perf_counter()
    async with running_relay(database_url, broker_url):
        await until_empty(engine)
        return time.perf_counter() - began


async def _seconds_of_publisher(broker_url: str, messages: int) -> float:
    body = b"x" * 400
    in_flight = asyncio.Semaphore(WINDOW)
    connection = await aio_pika.connect(broker_url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(EVENTS_EXCHANGE)

        async def publish() -> None:
            async with in_flight:
                message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await exchange.publish(message, ACCOUNT_CHANGED)

        began = time.perf_counter()
        await asyncio.gather(*(publish() for _ in range(messages)))
        return time.perf_counter() - began


async def _forget(broker_url: str) -> None:
    connection = await aio_pika.connect(broker_url)
    async with connection:
        channel = await connection.channel()
        await (await channel.get_queue(SCHEDULER_EVENTS.name)).purge()
