"""Stores events of made-up accounts in an outbox, runs a relay over it, and takes what arrives."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aio_pika
from sqlalchemy import Engine, func, select

from shared.contracts.events import ACCOUNT_CHANGED, AccountStateV1
from shared.contracts.topology import SCHEDULER_EVENTS
from shared.database import transaction
from shared.messaging.publisher import Publisher
from shared.outbox.relay import Relay
from shared.outbox.table import OUTBOX, add_event

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def account(account_id: str, version: int) -> AccountStateV1:
    return AccountStateV1(
        id=account_id,
        time_zone="UTC",
        locale="en",
        is_active=True,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
        deleted=False,
        version=version,
    )


def store(engine: Engine, account_id: str, *versions: int) -> None:
    with transaction(engine) as connection:
        for version in versions:
            add_event(
                connection,
                "/services/test",
                ACCOUNT_CHANGED,
                account_id,
                account(account_id, version),
            )


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(OUTBOX)).scalar_one()


@asynccontextmanager
async def running_relay(url: str, broker: str) -> AsyncIterator[Relay]:
    stop = asyncio.Event()
    async with Publisher(broker, "test-relay") as publisher:
        relay = Relay(url, publisher)
        task = asyncio.create_task(relay.run(stop))
        try:
            yield relay
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)


async def received(
    broker: str, count: int, queue: str = SCHEDULER_EVENTS.name
) -> list[aio_pika.abc.AbstractIncomingMessage]:
    connection = await aio_pika.connect(broker)
    async with connection:
        channel = await connection.channel()
        source = await channel.get_queue(queue)
        messages: list[aio_pika.abc.AbstractIncomingMessage] = []
        deadline = time.monotonic() + 15
        while len(messages) < count and time.monotonic() < deadline:
            message = await source.get(no_ack=True, fail=False)
            if message is None:
                await asyncio.sleep(0.02)
            else:
                messages.append(message)
        return messages


async def until_empty(engine: Engine) -> None:
    deadline = time.monotonic() + 10
    while waiting(engine) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert waiting(engine) == 0
