"""Consuming work queues: every delivery ends handled, waiting for a retry, or dead-lettered.

Acknowledgement comes last, after the handler (`outcomes` says what it decides). A retry is
published, confirmed, to a retry queue before the delivery is acknowledged; a crash in between makes
a duplicate, so handlers are idempotent. The attempts are counted in a header of our own, because
brokers disagree on what their delivery count counts.
"""

import asyncio
import functools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import aio_pika
import structlog
from aio_pika.abc import (
    AbstractIncomingMessage,
    AbstractRobustChannel,
    AbstractRobustConnection,
    AbstractRobustQueue,
)
from prometheus_client import Counter, Histogram

from shared.contracts.topology import EVENTS_EXCHANGE, WorkQueue
from shared.messaging.deliveries import Delivery, Handler
from shared.messaging.outcomes import Again, Dead, Handled, handle
from shared.messaging.publisher import (
    BROKER_ERRORS,
    CONFIRM_TIMEOUT_SECONDS,
    Publisher,
    Unroutable,
    broker_url,
)
from shared.process.stop_budget import CANCEL_SECONDS, DRAIN_SECONDS
from shared.process.structured_logs import get_logger

if TYPE_CHECKING:
    import aiormq

_REQUEUE_PAUSE_SECONDS = 1.0
_ATTEMPT_HEADER = "x-attempt"
_OWN_HEADERS = ("cloudEvents:", "x-request-", _ATTEMPT_HEADER)

_handled = Counter("messages_handled_total", "Deliveries by how they ended", ["queue", "outcome"])
_seconds = Histogram("message_handling_seconds", "Time a handler took", ["queue"])

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Subscription:
    queue: WorkQueue
    handler: Handler
    prefetch: int


class Consumer:
    """The subscriptions of one process, on one connection, each with a channel of its own."""

    def __init__(self, url: str, publisher: Publisher, name: str) -> None:
        self.url = url
        self._name = name
        self._publisher = publisher
        self._subscriptions: list[_Subscription] = []
        self._connection: AbstractRobustConnection | None = None
        self._consumptions: list[_Consumption] = []
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def subscribe(self, queue: WorkQueue, handler: Handler, *, prefetch: int) -> None:
        """Have `handler` called for the messages of a queue, at most `prefetch` at a time."""
        self._subscriptions.append(_Subscription(queue, handler, prefetch))

    @property
    def queues(self) -> list[WorkQueue]:
        """Return the queues that are subscribed to."""
        return [each.queue for each in self._subscriptions]

    async def start(self) -> None:
        """Connect and begin to consume. Raises broker errors when it or a queue is not there."""
        self._connection = await aio_pika.connect_robust(
            broker_url(self.url, self._name),
            timeout=CONFIRM_TIMEOUT_SECONDS,
            reconnect_interval=1.0,
        )
        try:
            for each in self._subscriptions:
                self._consumptions.append(await self._consume(self._connection, each))
        except BaseException:
            await self._disconnect()
            raise

    async def stop(self) -> None:
        """Take no more deliveries, finish those in hand, disconnect.

        Consumers are cancelled first: what the broker still sent while the last deliveries are
        finished would come back with a delivery counted against it.
        """
        await asyncio.gather(*(each.cancel() for each in self._consumptions))
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("stopping with deliveries in hand", in_flight=self._in_flight)
        await self._disconnect()

    def is_consuming(self) -> bool:
        """Whether every subscription has a live channel with a consumer on it.

        False while a queue is missing that was deleted; it is consumed again once it is declared.
        """
        return len(self._consumptions) == len(self._subscriptions) and all(
            each.is_alive() for each in self._consumptions
        )

    async def _consume(
        self, connection: AbstractRobustConnection, subscription: _Subscription
    ) -> "_Consumption":
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=subscription.prefetch)
        queue = await channel.declare_queue(subscription.queue.name, passive=True)
        # Whatever took a binding away: the feed takes every event, so the relay does not notice.
        for event_type in subscription.queue.bindings:
            await queue.bind(EVENTS_EXCHANGE, event_type)
        receive = functools.partial(self._receive, subscription)
        consumption = _Consumption(channel, queue, await queue.consume(receive))
        await consumption.follow_channel()
        return consumption

    async def _disconnect(self) -> None:
        self._consumptions.clear()
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _receive(self, subscription: _Subscription, message: AbstractIncomingMessage) -> None:
        self._in_flight += 1
        self._idle.clear()
        try:
            delivery = _read_delivery(subscription.queue, message)
            with structlog.contextvars.bound_contextvars(
                queue=delivery.queue.name,
                message_id=delivery.message_id,
                request_id=delivery.headers.get("cloudEvents:requestid"),
            ):
                await self._handle(subscription.handler, delivery, message)
        finally:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._idle.set()

    async def _handle(
        self, handler: Handler, delivery: Delivery, message: AbstractIncomingMessage
    ) -> None:
        try:
            with _seconds.labels(delivery.queue.name).time():
                ending = await self._settle(handler, delivery, message)
        except BROKER_ERRORS as error:
            # The channel is gone, and with it the right to settle: the broker delivers it again.
            _log.warning("not settled, it comes again", reason=repr(error))
            ending = "not_settled"
        _handled.labels(delivery.queue.name, ending).inc()

    async def _settle(
        self, handler: Handler, delivery: Delivery, message: AbstractIncomingMessage
    ) -> str:
        """Handle one delivery and settle it; return the name of its ending."""
        match await handle(handler, delivery):
            case Handled():
                await message.ack()
                return "handled"
            case Dead():
                await message.reject(requeue=False)
                return "dead_lettered"
            case Again() as again:
                return await self._retry(delivery, message, again)

    async def _retry(
        self, delivery: Delivery, message: AbstractIncomingMessage, again: Again
    ) -> str:
        try:
            await self._publisher.publish(
                "",
                delivery.queue.retry_queue(again.delay_seconds),
                delivery.body,
                message_id=delivery.message_id,
                headers={**_own_headers(delivery.headers), _ATTEMPT_HEADER: again.attempt},
                message_type=delivery.message_type,
                content_type=delivery.content_type,
            )
        except (*BROKER_ERRORS, Unroutable) as error:
            # Nothing is lost: the delivery goes back to its queue, after a pause for the broker.
            _log.warning("retry not stored, requeued", reason=repr(error))
            await asyncio.sleep(_REQUEUE_PAUSE_SECONDS)
            await message.nack(requeue=True)
            return "requeued"
        await message.ack()
        return "retried"


class _Consumption:
    """A consumer on the broker; the library restores it with its channel."""

    def __init__(
        self, channel: AbstractRobustChannel, queue: AbstractRobustQueue, tag: str
    ) -> None:
        self._channel = channel
        self._queue = queue
        self._tag = tag
        self._underlay: aiormq.Channel | None = None

    async def follow_channel(self, *_reopened: object) -> None:
        """Keep the channel below, now and whenever it is opened anew.

        Only that one knows of a consumer which the broker has cancelled, as it does when the queue
        is deleted.
        """
        self._underlay = cast("aiormq.Channel", await self._channel.get_underlay_channel())
        self._channel.reopen_callbacks.add(self.follow_channel)

    def is_alive(self) -> bool:
        below = self._underlay
        return below is not None and not below.is_closed and self._tag in below.consumers

    async def cancel(self) -> None:
        """Take no more deliveries; a broker that does not answer is not waited for."""
        if not self._channel.is_closed:
            try:
                await self._queue.cancel(self._tag, timeout=CANCEL_SECONDS)
            except BROKER_ERRORS as error:
                _log.warning("consumer not cancelled", reason=repr(error))


def _read_delivery(queue: WorkQueue, message: AbstractIncomingMessage) -> Delivery:
    attempt = message.headers.get(_ATTEMPT_HEADER)
    return Delivery(
        queue=queue,
        message_id=message.message_id or str(uuid.uuid4()),
        headers=dict(message.headers),
        body=message.body,
        redelivered=bool(message.redelivered),
        attempt=attempt if isinstance(attempt, int) else 1,
        content_type=message.content_type,
        message_type=message.type,
    )


def _own_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name.startswith(_OWN_HEADERS)}
