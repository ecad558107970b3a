"""Declares the exchange, and a service's queues with their retry and dead-letter queues.

Runs in a service's `setup`, before anything publishes: an event published before its queue is
bound would be lost to that consumer. Declaring again is harmless; a queue that exists with other
arguments is an error (PRECONDITION_FAILED), never a silent change.
"""

from collections.abc import Iterable
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange

from shared.contracts.topology import EVENTS_EXCHANGE, WorkQueue
from shared.messaging.broker_refusals import refusals_are_final

_CONNECT_TIMEOUT_SECONDS = 5.0
# Far above our own count of attempts: it only ends a loop of crashes in the consumer.
_DELIVERY_LIMIT = 50
# Looking at dead letters returns them each time; RabbitMQ 4 would drop them at the twentieth.
_WITHOUT_END = 1_000_000_000


async def declare_topology(url: str, queues: Iterable[WorkQueue]) -> None:
    """Declare the exchange and the given queues.

    Raises OSError or AMQPError without a broker, and BrokerRefused when waiting is no use.
    """
    with refusals_are_final():
        connection = await aio_pika.connect(url, timeout=_CONNECT_TIMEOUT_SECONDS)
        async with connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(EVENTS_EXCHANGE, "topic", durable=True)
            for queue in queues:
                await _declare(channel, exchange, queue)


async def _declare(channel: AbstractChannel, exchange: AbstractExchange, queue: WorkQueue) -> None:
    await channel.declare_queue(
        queue.dead_letter_queue,
        durable=True,
        arguments={"x-queue-type": "quorum", "x-delivery-limit": _WITHOUT_END},
    )
    work = await channel.declare_queue(
        queue.name,
        durable=True,
        arguments={**_dead_letters_to(queue.dead_letter_queue), **_deliveries(queue)},
    )
    for delay_seconds in queue.retry_delays_seconds:
        await channel.declare_queue(
            queue.retry_queue(delay_seconds),
            durable=True,
            arguments={
                **_dead_letters_to(queue.name),
                "x-message-ttl": delay_seconds * 1000,
            },
        )
    for event_type in queue.bindings:
        await work.bind(exchange, event_type)
    for event_type in queue.past_bindings:
        await work.unbind(exchange, event_type)


def _deliveries(queue: WorkQueue) -> dict[str, Any]:
    if queue.in_order:
        # However often its consumer is killed: a message left out would be a gap.
        return {"x-single-active-consumer": True, "x-delivery-limit": _WITHOUT_END}
    return {"x-delivery-limit": _DELIVERY_LIMIT}


def _dead_letters_to(queue_name: str) -> dict[str, Any]:
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue_name,
        # At-least-once dead-lettering needs a quorum queue that refuses, not drops, on overflow.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
