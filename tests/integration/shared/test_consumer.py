"""The consumer on a real RabbitMQ: what becomes of each delivery."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aio_pika
import pytest
from sqlalchemy.exc import OperationalError

from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import EVENTS_EXCHANGE, WorkQueue
from shared.messaging import outcomes
from shared.messaging.broker_topology import declare_topology
from shared.messaging.consumer import Consumer
from shared.messaging.deliveries import Delivery, RetryLater
from shared.messaging.outcomes import MAX_ATTEMPTS
from shared.messaging.publisher import Publisher, PublishFailed, Unroutable

QUEUE = WorkQueue("test.work")


@pytest.fixture
def broker(vhost: Callable[[str], str]) -> str:
    url = vhost("consumer")
    asyncio.run(declare_topology(url, [QUEUE]))
    return url


@asynccontextmanager
async def consuming(
    url: str, handler: Callable[[Delivery], Awaitable[None]], prefetch: int = 10
) -> AsyncIterator[Publisher]:
    async with Publisher(url, "test") as publisher:
        consumer = Consumer(url, publisher, "test")
        consumer.subscribe(QUEUE, handler, prefetch=prefetch)
        await consumer.start()
        assert consumer.is_consuming()
        try:
            yield publisher
        finally:
            await consumer.stop()


async def send(publisher: Publisher, message_id: str, body: bytes = b"{}") -> None:
    await publisher.publish(
        "", QUEUE.name, body, message_id=message_id, headers={"cloudEvents:requestid": "r-1"}
    )


async def depth(url: str, queue: str) -> int:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.05)


async def test_a_handled_message_is_gone(broker: str) -> None:
    seen: list[Delivery] = []

    async def handler(delivery: Delivery) -> None:
        seen.append(delivery)

    async with consuming(broker, handler) as publisher:
        await send(publisher, "m-1", b'{"a": 1}')

        async def handled() -> bool:
            return len(seen) == 1

        await eventually(handled)
    assert (seen[0].message_id, seen[0].body, seen[0].attempt) == ("m-1", b'{"a": 1}', 1)
    assert await depth(broker, QUEUE.name) == 0


async def test_an_unreadable_message_lands_whole_in_the_dead_letter_queue_and_delays_nothing(
    broker: str,
) -> None:
    seen: list[str] = []

    async def handler(delivery: Delivery) -> None:
        if delivery.body == b"\xffgarbage":
            raise UnreadableMessage("not JSON")
        seen.append(delivery.message_id)

    async with consuming(broker, handler) as publisher:
        await send(publisher, "bad", b"\xffgarbage")
        began = time.monotonic()
        await send(publisher, "good")

        async def next_handled() -> bool:
            return seen == ["good"]

        await eventually(next_handled)
        assert time.monotonic() - began < 1

        async def dead() -> bool:
            return await depth(broker, QUEUE.dead_letter_queue) == 1

        await eventually(dead)
    connection = await aio_pika.connect(broker)
    async with connection:
        channel = await connection.channel()
        message = await (await channel.get_queue(QUEUE.dead_letter_queue)).get(no_ack=True)
    assert message is not None
    assert message.body == b"\xffgarbage"
    assert message.headers["cloudEvents:requestid"] == "r-1"
    assert message.message_id == "bad"


async def test_a_failing_handler_is_tried_again_and_then_dead_lettered(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "RETRY_DELAYS_SECONDS", (1, 1, 1))
    attempts: list[int] = []

    async def handler(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        raise ZeroDivisionError

    async with consuming(broker, handler) as publisher:
        await send(publisher, "m-1")

        async def dead() -> bool:
            return await depth(broker, QUEUE.dead_letter_queue) == 1

        await eventually(dead)
    assert attempts == list(range(1, MAX_ATTEMPTS + 1))


async def test_a_server_that_is_away_costs_no_attempt(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "SERVER_AWAY_SECONDS", 1)
    attempts: list[int] = []

    async def handler(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if len(attempts) == 1:
            raise OperationalError("SELECT 1", {}, Exception("away"))
        if len(attempts) == 2:
            raise RetryLater(1, "rate limit")

    async with consuming(broker, handler) as publisher:
        await send(publisher, "m-1")

        async def handled() -> bool:
            return len(attempts) == 3

        await eventually(handled)
    assert attempts == [1, 1, 1]
    assert await depth(broker, QUEUE.name) == 0


async def test_never_more_than_the_prefetch_are_handled_at_once(broker: str) -> None:
    at_once = most = done = 0

    async def handler(_delivery: Delivery) -> None:
        nonlocal at_once, most, done
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        done += 1

    async with consuming(broker, handler, prefetch=3) as publisher:
        for number in range(20):
            await send(publisher, f"m-{number}")

        async def all_done() -> bool:
            return done == 20

        await eventually(all_done)
    assert most == 3


@pytest.mark.parametrize("prefetch", [1, 3])
async def test_stopping_finishes_the_deliveries_in_hand_and_redelivers_nothing(
    broker: str, prefetch: int
) -> None:
    started, finished = asyncio.Semaphore(0), []

    async def slow(delivery: Delivery) -> None:
        started.release()
        await asyncio.sleep(0.5)
        finished.append(delivery.message_id)

    async with consuming(broker, slow, prefetch=prefetch) as publisher:
        for number in range(prefetch + 3):
            await send(publisher, f"m-{number}")
        for _ in range(prefetch):
            await started.acquire()
    assert finished == [f"m-{number}" for number in range(prefetch)]

    redelivered: list[bool] = []

    async def handler(delivery: Delivery) -> None:
        redelivered.append(delivery.redelivered)

    async with consuming(broker, handler):

        async def rest_handled() -> bool:
            return len(redelivered) == 3

        await eventually(rest_handled)
    assert redelivered == [False] * 3
    assert await depth(broker, QUEUE.name) == 0


async def test_publishing_to_a_queue_that_is_not_there_is_an_error(broker: str) -> None:
    async with Publisher(broker, "test") as publisher:
        with pytest.raises(Unroutable):
            await publisher.publish("", "no.such.queue", {}, message_id="m-1")


async def test_publishing_without_a_connection_is_an_error(broker: str) -> None:
    publisher = Publisher(broker, "test")
    with pytest.raises(PublishFailed):
        await publisher.publish("", QUEUE.name, {}, message_id="m-1")


async def test_publishing_on_a_channel_that_is_gone_is_an_error_that_a_later_try_can_mend(
    broker: str,
) -> None:
    async with Publisher(broker, "test") as publisher:
        assert publisher._channel is not None
        await publisher._channel.close()
        with pytest.raises(PublishFailed):
            await publisher.publish("", QUEUE.name, {}, message_id="m-1")


async def test_a_binding_that_was_taken_away_is_back_once_the_consumer_starts(broker: str) -> None:
    bound = WorkQueue("test.bound", ("test.told.v1",))
    await declare_topology(broker, [bound])
    async with await aio_pika.connect(broker) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(bound.name)
        await queue.unbind(EVENTS_EXCHANGE, "test.told.v1")
    came = asyncio.Event()

    async def handler(_delivery: Delivery) -> None:
        came.set()

    async with Publisher(broker, "test") as publisher:
        consumer = Consumer(broker, publisher, "test")
        consumer.subscribe(bound, handler, prefetch=1)
        await consumer.start()
        await publisher.publish(EVENTS_EXCHANGE, "test.told.v1", b"{}", message_id="m-1")
        async with asyncio.timeout(10):
            await came.wait()
        await consumer.stop()
