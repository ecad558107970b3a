"""Consuming a work queue: every delivery ends handled, waiting for a retry, or dead-lettered.

Acknowledgement is manual and comes last. What a handler raises decides:

- `UnreadableMessage`: to the dead-letter queue at once; no retry can mend it.
- `RetryLater`, or a server that is away (database, Redis, broker): again after a delay, for as
  long as it takes.
- anything else: again after growing delays, `MAX_ATTEMPTS` times, then the dead-letter queue.

A retry is published, confirmed, to a retry queue before the delivery is acknowledged; a crash in
between makes a duplicate, so handlers are idempotent. The attempts are counted in a header of our
own, because brokers disagree on what their delivery count counts.
"""

import asyncio
import functools
from collections.abc import Mapping
from typing import Any

import psycopg
import redis
import structlog
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue
from faststream.rabbit.subscriber.usecase import RabbitSubscriber
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import RETRY_DELAYS_SECONDS, WorkQueue
from shared.messaging.deliveries import Delivery, Handler, RetryLater
from shared.messaging.publisher import BROKER_ERRORS, Publisher, Unroutable, broker_url
from shared.process.structured_logs import get_logger

MAX_ATTEMPTS = 5
DRAIN_SECONDS = 20.0
_SERVER_AWAY_SECONDS = 5
_ATTEMPT_HEADER = "x-attempt"
_OWN_HEADERS = ("cloudEvents:", "x-request-", _ATTEMPT_HEADER)

SERVER_AWAY = (
    OperationalError,
    InterfaceError,
    PoolTimeout,
    psycopg.OperationalError,
    redis.RedisError,
    *BROKER_ERRORS,
)

_handled = Counter("messages_handled_total", "Deliveries by how they ended", ["queue", "outcome"])
_seconds = Histogram("message_handling_seconds", "Time a handler took", ["queue"])

_log = get_logger(__name__)


class Consumer:
    """The subscriptions of one process, on one connection, each with a channel of its own."""

    def __init__(self, url: str, publisher: Publisher, name: str) -> None:
        self._publisher = publisher
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._broker = RabbitBroker(
            broker_url(url, name),
            app_id=name,
            reconnect_interval=1.0,
            graceful_timeout=5.0,
            logger=None,
        )

    def subscribe(self, queue: WorkQueue, handler: Handler, *, prefetch: int) -> None:
        """Have `handler` called for the messages of a queue, at most `prefetch` at a time."""
        subscriber = self._broker.subscriber(
            RabbitQueue(queue.name, declare=False),
            channel=Channel(prefetch_count=prefetch),
            ack_policy=AckPolicy.MANUAL,
            decoder=_keep_bytes,
            no_reply=True,
        )
        subscriber(functools.partial(self._receive, queue, handler))

    async def start(self) -> None:
        """Connect and begin to consume. Raises broker errors when it or a queue is not there."""
        await self._broker.start()

    async def stop(self) -> None:
        """Take no more deliveries, finish those in hand, disconnect.

        Consumers are cancelled first: FastStream would otherwise take deliveries it then ignores,
        which come back with a delivery counted against them.
        """
        for subscriber in self._subscribers():
            queue, tag = subscriber._queue_obj, subscriber._consumer_tag  # noqa: SLF001
            if queue is not None and tag is not None and not queue.channel.is_closed:
                await queue.cancel(tag)
                subscriber._consumer_tag = None  # noqa: SLF001
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("stopping with deliveries in hand", in_flight=self._in_flight)
        await self._broker.stop()

    def is_consuming(self) -> bool:
        """Whether every subscription has a live channel with a consumer on it.

        False while a queue is missing that was deleted; it is consumed again once it is declared.
        """
        return all(map(_has_consumer, self._subscribers()))

    def _subscribers(self) -> list[RabbitSubscriber]:
        return [item for item in self._broker.subscribers if isinstance(item, RabbitSubscriber)]

    async def _receive(self, queue: WorkQueue, handler: Handler, message: RabbitMessage) -> None:
        self._in_flight += 1
        self._idle.clear()
        try:
            delivery = _read_delivery(queue, message)
            with (
                structlog.contextvars.bound_contextvars(
                    queue=queue.name,
                    message_id=delivery.message_id,
                    request_id=delivery.headers.get("cloudEvents:requestid"),
                ),
                _seconds.labels(queue.name).time(),
            ):
                outcome = await self._settle(delivery, handler, message)
            _handled.labels(queue.name, outcome).inc()
        finally:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._idle.set()

    async def _settle(self, delivery: Delivery, handler: Handler, message: RabbitMessage) -> str:
        """Handle one delivery and settle it; return the outcome's name."""
        try:
            await handler(delivery)
        except UnreadableMessage as error:
            _log.error("unreadable, dead-lettered", reason=str(error))
            await message.reject(requeue=False)
            return "dead_lettered"
        except RetryLater as later:
            _log.info("again later", reason=str(later), delay_seconds=later.delay_seconds)
            return await self._retry(delivery, message, later.delay_seconds, delivery.attempt)
        except SERVER_AWAY as error:
            _log.warning("a server is away, again later", reason=repr(error))
            return await self._retry(delivery, message, _SERVER_AWAY_SECONDS, delivery.attempt)
        except Exception:  # whatever a handler raises, the delivery must be settled
            if delivery.attempt >= MAX_ATTEMPTS:
                _log.exception("failed for good, dead-lettered", attempt=delivery.attempt)
                await message.reject(requeue=False)
                return "dead_lettered"
            _log.exception("failed, again later", attempt=delivery.attempt)
            delay = RETRY_DELAYS_SECONDS[min(delivery.attempt, len(RETRY_DELAYS_SECONDS)) - 1]
            return await self._retry(delivery, message, delay, delivery.attempt + 1)
        await message.ack()
        return "handled"

    async def _retry(
        self, delivery: Delivery, message: RabbitMessage, delay_seconds: float, attempt: int
    ) -> str:
        longest_fitting = max(
            (tier for tier in RETRY_DELAYS_SECONDS if tier <= delay_seconds),
            default=RETRY_DELAYS_SECONDS[0],
        )
        try:
            await self._publisher.publish(
                "",
                delivery.queue.retry_queue(longest_fitting),
                delivery.body,
                message_id=delivery.message_id,
                headers={**_own_headers(delivery.headers), _ATTEMPT_HEADER: attempt},
                message_type=delivery.message_type,
                content_type=delivery.content_type,
            )
        except (*BROKER_ERRORS, Unroutable) as error:
            # Nothing is lost: the delivery goes back to its queue, after a pause for the broker.
            _log.warning("retry not stored, requeued", reason=repr(error))
            await asyncio.sleep(1)
            await message.nack(requeue=True)
            return "requeued"
        await message.ack()
        return "retried"


def _has_consumer(subscriber: RabbitSubscriber) -> bool:
    queue, tag = subscriber._queue_obj, subscriber._consumer_tag  # noqa: SLF001
    if queue is None or tag is None or queue.channel.is_closed:
        return False
    # FastStream and the channel's own wrapper keep the tag of a consumer that the broker has
    # cancelled, as it does when the queue is deleted; only the channel below them knows.
    wrapper: Any = queue.channel
    underlay = wrapper._channel  # noqa: SLF001
    return underlay is not None and tag in underlay.channel.consumers


def _read_delivery(queue: WorkQueue, message: RabbitMessage) -> Delivery:
    raw = message.raw_message
    attempt = raw.headers.get(_ATTEMPT_HEADER)
    return Delivery(
        queue=queue,
        message_id=raw.message_id or message.message_id,
        headers=dict(raw.headers),
        body=raw.body,
        redelivered=bool(raw.redelivered),
        attempt=attempt if isinstance(attempt, int) else 1,
        content_type=raw.content_type,
        message_type=raw.type,
    )


def _own_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name.startswith(_OWN_HEADERS)}


async def _keep_bytes(message: RabbitMessage) -> bytes:
    # The body is read by the handler, where a failure to read it can be dead-lettered.
    return message.body
