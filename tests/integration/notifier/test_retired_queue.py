"""The queue of earlier releases: what is in it is handled, then it goes. A real RabbitMQ."""

import asyncio
from collections.abc import Callable

import aio_pika
import pytest
from aiormq.exceptions import ChannelNotFoundEntity
from sqlalchemy.exc import OperationalError

from services.notifier.retired_queue import QUEUE, retire_queue
from services.notifier.telegram.updates import read_update
from shared.contracts.topology import RETRY_DELAYS_SECONDS
from shared.messaging.broker_topology import declare_topology
from shared.messaging.publisher import Publisher, PublishFailed, Unroutable

FAMILY = (
    QUEUE.name,
    QUEUE.dead_letter_queue,
    *(QUEUE.retry_queue(seconds) for seconds in RETRY_DELAYS_SECONDS),
)


class Taken:
    """Remembers the ids of updates, and fails as told."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.fail: list[Exception] = []

    def __call__(self, raw: bytes) -> None:
        if self.fail:
            raise self.fail.pop()
        self.ids.append(read_update(raw).update_id)


@pytest.fixture
def handled() -> Taken:
    return Taken()


@pytest.fixture
def dead() -> Taken:
    return Taken()


@pytest.fixture
def broker(vhost: Callable[[str], str]) -> str:
    url = vhost("retired")
    asyncio.run(declare_topology(url, [QUEUE]))
    return url


def update(update_id: int) -> bytes:
    return b'{"update_id": %d}' % update_id


async def put(url: str, queue: str, *bodies: bytes) -> None:
    async with Publisher(url, "test") as publisher:
        for n, body in enumerate(bodies):
            await publisher.publish("", queue, body, message_id=str(n))


async def existing(url: str) -> set[str]:
    found = set()
    connection = await aio_pika.connect(url)
    async with connection:
        for name in FAMILY:
            channel = await connection.channel()
            try:
                await channel.declare_queue(name, passive=True)
            except ChannelNotFoundEntity:
                continue
            found.add(name)
    return found


async def test_what_is_in_flight_is_handled_and_the_queues_go(
    broker: str, handled: Taken, dead: Taken
) -> None:
    await put(broker, QUEUE.name, *(update(n) for n in range(5)))
    await put(broker, QUEUE.retry_queue(30), update(5), update(6))
    await put(broker, QUEUE.dead_letter_queue, update(7))
    assert await retire_queue(broker, handled, dead) is True
    assert sorted(handled.ids) == [0, 1, 2, 3, 4, 5, 6]
    assert [n for n in handled.ids if n < 5] == [0, 1, 2, 3, 4]
    assert dead.ids == [7]
    assert await existing(broker) == set()
    assert await retire_queue(broker, handled, dead) is True


async def test_what_is_confirmed_meanwhile_is_handled_too(
    broker: str, handled: Taken, dead: Taken
) -> None:
    confirmed: list[int] = []

    async def publish_until_refused() -> None:
        async with Publisher(broker, "old") as publisher:
            for n in range(100_000):
                try:
                    await publisher.publish("", QUEUE.name, update(n), message_id=str(n))
                except (Unroutable, PublishFailed):
                    return
                confirmed.append(n)
                # Pauses long enough for the queue to look quiet.
                await asyncio.sleep(0 if n % 20 else 0.52)

    publishing = asyncio.create_task(publish_until_refused())
    while len(confirmed) < 10:
        await asyncio.sleep(0.01)
    assert await retire_queue(broker, handled, dead) is True
    await publishing
    assert confirmed
    assert sorted(set(handled.ids)) == confirmed


async def test_while_an_older_process_consumes_the_queue_is_left_to_it(
    broker: str, handled: Taken, dead: Taken
) -> None:
    async def hold(_message: object) -> None:
        return

    connection = await aio_pika.connect(broker)
    async with connection:
        queue = await (await connection.channel()).get_queue(QUEUE.name)
        await put(broker, QUEUE.name, update(1))
        await queue.consume(hold)
        assert await retire_queue(broker, handled, dead) is False
        assert await existing(broker) == set(FAMILY)
    assert await retire_queue(broker, handled, dead) is True
    assert handled.ids == [1]


async def test_what_could_not_be_handled_stays(broker: str, handled: Taken, dead: Taken) -> None:
    await put(broker, QUEUE.name, update(1), update(2))
    handled.fail = [OperationalError("", {}, Exception("away"))]
    assert await retire_queue(broker, handled, dead) is False
    assert await retire_queue(broker, handled, dead) is True
    assert handled.ids == [1, 2]


async def test_dead_letters_that_are_no_updates_stay_where_they_are(
    broker: str, handled: Taken, dead: Taken
) -> None:
    await put(broker, QUEUE.dead_letter_queue, b"no update", update(2))
    assert await retire_queue(broker, handled, dead) is True
    assert dead.ids == [2]
    assert await existing(broker) == {QUEUE.dead_letter_queue}


async def test_without_a_broker_it_is_tried_again(handled: Taken, dead: Taken) -> None:
    assert await retire_queue("amqp://guest@127.0.0.1:9/", handled, dead) is False
