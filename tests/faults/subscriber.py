"""A service from outside that subscribes to every event, with a durable queue of its own."""

import asyncio
import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from random import Random
from types import TracebackType
from typing import Self

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

QUEUE = "test.subscriber"

# A broker that is gone is what these tests are about; each attempt to reach it would be told.
for _name in ("aio_pika", "aiormq"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Seen:
    """What the subscriber got, in order; it reconnects by itself."""

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._order: list[tuple[str, str, int]] = []
        self._ids: dict[tuple[str, str, int], set[str]] = defaultdict(set)
        self._messages: list[AbstractIncomingMessage] = []
        self.duplicates = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._subscribe(), self._loop).result(30)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """See no more; twice is once."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def first_seen(self, type_prefix: str) -> list[tuple[str, int]]:
        """Return (subject, version) of each event of some types, in the order of first arrival."""
        return [(subject, version) for kind, subject, version in self._order if kind == type_prefix]

    @property
    def count(self) -> int:
        """Return how many different events there have been."""
        return len(self._messages)

    @property
    def conflicts(self) -> list[tuple[str, str, int]]:
        """Return versions that came with more than one event id."""
        return [key for key, ids in self._ids.items() if len(ids) > 1]

    def replay(self, about: Callable[[AbstractIncomingMessage], bool], shuffle: Random) -> int:
        """Publish events once more, in any order, word by word; return how many."""
        chosen = [message for message in list(self._messages) if about(message)]
        shuffle.shuffle(chosen)
        asyncio.run_coroutine_threadsafe(self._publish(chosen), self._loop).result(60)
        return len(chosen)

    async def _publish(self, messages: Iterable[AbstractIncomingMessage]) -> None:
        channel = await self._connection.channel()
        exchange = await channel.get_exchange("events", ensure=False)
        for message in messages:
            again = aio_pika.Message(
                message.body,
                headers=message.headers,
                message_id=message.message_id,
                content_type=message.content_type,
                type=message.type,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await exchange.publish(again, str(message.routing_key))
        await channel.close()

    async def _subscribe(self) -> None:
        self._connection = await aio_pika.connect_robust(
            self._url, reconnect_interval=0.5, heartbeat=10
        )
        channel = await self._connection.channel()
        await channel.set_qos(prefetch_count=100)
        exchange = await channel.get_exchange("events", ensure=False)
        queue = await channel.declare_queue(
            QUEUE, durable=True, arguments={"x-queue-type": "quorum"}
        )
        await queue.bind(exchange, "#")
        await queue.consume(self._take)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        subject = str(message.headers["cloudEvents:subject"])
        kind = f"{str(message.headers['cloudEvents:type']).split('.')[0]}."
        key = (kind, subject, int(json.loads(message.body)["version"]))
        if self._ids[key]:
            self.duplicates += 1
        else:
            self._order.append(key)
            self._messages.append(message)
        self._ids[key].add(str(message.message_id))
        await message.ack()
