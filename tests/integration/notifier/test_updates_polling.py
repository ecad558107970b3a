"""Updates from the simulated Telegram into their queue: RabbitMQ and Redis."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aio_pika
import pytest
from redis.asyncio import Redis

from services.notifier.redis_scripts import new_async_redis
from services.notifier.telegram import polling as updates_polling
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.polling import LEASE_KEY, PollerLease, UpdatesPolling
from services.notifier.telegram.webhook_setting import set_webhook
from services.notifier.update_intake import BlockingUpdateIntake
from shared.contracts.topology import TELEGRAM_UPDATES
from shared.messaging.broker_topology import declare_topology
from shared.messaging.publisher import Publisher, PublishFailed, Unroutable
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.telegram_simulator.simulator_process import TOKEN


@pytest.fixture
def broker(vhost: Callable[[str], str]) -> str:
    url = vhost("polling")
    asyncio.run(declare_topology(url, [TELEGRAM_UPDATES]))
    return url


@pytest.fixture
async def publisher(broker: str) -> AsyncIterator[Publisher]:
    async with Publisher(broker, "test") as connected:
        yield connected


@pytest.fixture
def poller(
    redis: Redis, telegram: TelegramClient, publisher: Publisher
) -> Callable[[], UpdatesPolling]:
    def make() -> UpdatesPolling:
        return UpdatesPolling(
            telegram,
            publisher,
            PollerLease(redis, lease_seconds=1),
            renew_seconds=0.2,
            long_poll_seconds=1,
        )

    return make


@asynccontextmanager
async def running(*pollers: UpdatesPolling) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(poller.run(stop)) for poller in pollers]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def queued(url: str, wanted: int, seconds: float = 10) -> list[tuple[str | None, Any]]:
    """Take `wanted` messages from the queue; fewer when they do not come."""
    found: list[tuple[str | None, Any]] = []
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(TELEGRAM_UPDATES.name, ensure=False)
        deadline = asyncio.get_running_loop().time() + seconds
        while len(found) < wanted and asyncio.get_running_loop().time() < deadline:
            message = await queue.get(fail=False)
            if message is None:
                await asyncio.sleep(0.05)
                continue
            await message.ack()
            found.append((message.message_id, json.loads(message.body)))
    return found


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_updates_reach_the_queue_under_their_ids(
    poller: Callable[[], UpdatesPolling], broker: str, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    async with running(poller()):
        person.say(chat_id, "one")
        person.say(chat_id, "two")
        found = await queued(broker, 2)
    assert [update["message"]["text"] for _, update in found] == ["one", "two"]
    assert [message_id for message_id, _ in found] == [str(u["update_id"]) for _, u in found]


async def test_of_two_pollers_one_polls_and_the_other_takes_over(
    poller: Callable[[], UpdatesPolling], redis: Redis, broker: str, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    async with AsyncExitStack() as second:
        async with running(poller()):
            await until(lambda: _is_held_by_other(redis, set()))
            first = str(await redis.get(LEASE_KEY))
            await second.enter_async_context(running(poller()))
            person.say(chat_id, "one")
            assert len(await queued(broker, 1)) == 1
            assert await redis.get(LEASE_KEY) == first
        await until(lambda: _is_held_by_other(redis, {first}))
        person.say(chat_id, "two")
        assert len(await queued(broker, 1)) == 1
    assert await redis.get(LEASE_KEY) is None


async def test_who_loses_the_lease_stops_polling(
    poller: Callable[[], UpdatesPolling], redis: Redis, person: TelegramPerson
) -> None:
    async with running(poller()):
        await until(lambda: _is_held_by_other(redis, set()))
        await redis.set(LEASE_KEY, "somebody else")
        asked = -1
        while asked != len(person.requests("getUpdates")):
            asked = len(person.requests("getUpdates"))
            await asyncio.sleep(1.3)  # longer than a long poll and a renewal
        assert await redis.get(LEASE_KEY) == "somebody else"


async def test_never_two_poll_at_once(
    poller: Callable[[], UpdatesPolling], broker: str, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    async with running(*(poller() for _ in range(4))):
        for n in range(10):
            person.say(chat_id, str(n))
        found = await queued(broker, 10)
        texts = [update["message"]["text"] for _, update in found]
    assert texts == [str(n) for n in range(10)]


async def test_an_update_that_was_not_confirmed_is_not_confirmed_to_telegram(
    poller: Callable[[], UpdatesPolling],
    publisher: Publisher,
    broker: str,
    person: TelegramPerson,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(updates_polling, "_PAUSE_SECONDS", 0.1)
    real, failures = publisher.publish, iter([PublishFailed("away"), Unroutable("no queue")])

    async def sometimes(*args: Any, **kwargs: Any) -> None:
        if (failure := next(failures, None)) is not None:
            raise failure
        await real(*args, **kwargs)

    monkeypatch.setattr(publisher, "publish", sometimes)
    chat_id = person.create_chat()
    async with running(poller()):
        person.say(chat_id, "kept")
        found = await queued(broker, 1)
    assert [update["message"]["text"] for _, update in found] == ["kept"]


async def test_a_telegram_that_fails_is_asked_again(
    poller: Callable[[], UpdatesPolling],
    broker: str,
    person: TelegramPerson,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(updates_polling, "_PAUSE_SECONDS", 0.05)
    person.fault("server_error", method="getUpdates")
    person.fault("too_many_requests", method="getUpdates")
    chat_id = person.create_chat()
    async with running(poller()):
        person.say(chat_id, "one")
        assert len(await queued(broker, 1)) == 1


async def test_polling_ends_a_webhook(
    poller: Callable[[], UpdatesPolling],
    telegram: TelegramClient,
    broker: str,
    person: TelegramPerson,
) -> None:
    stop = asyncio.Event()
    await set_webhook(telegram, "http://127.0.0.1:9/api/tg/webhook/", "secret", stop)
    assert len(person.requests("setWebhook")) == 1
    chat_id = person.create_chat()
    async with running(poller()):
        person.say(chat_id, "one")
        assert len(await queued(broker, 1)) == 1


async def test_a_poller_whose_loop_breaks_ends_with_its_error(
    poller: Callable[[], UpdatesPolling], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = poller()

    async def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, "_poll", fail)
    with pytest.raises(ZeroDivisionError):
        await broken.run(asyncio.Event())


async def test_without_redis_nobody_polls() -> None:
    away = new_async_redis("redis://127.0.0.1:9/0")
    lease = PollerLease(away)
    assert await lease.hold() is False
    await lease.drop()
    await away.aclose()


class TestWebhookIntake:
    def test_updates_from_many_threads_are_all_stored(self, broker: str) -> None:
        intake = BlockingUpdateIntake(lambda: Publisher(broker, "test"))
        try:
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda n: intake.store(n % 4, b'{"update_id": 1}'), range(24)))
        finally:
            intake.close()
            intake.close()
        assert len(asyncio.run(queued(broker, 24))) == 24

    def test_without_a_queue_the_update_is_refused(self, vhost: Callable[[str], str]) -> None:
        url = vhost("empty")
        intake = BlockingUpdateIntake(lambda: Publisher(url, "test"))
        try:
            with pytest.raises(Unroutable):
                intake.store(1, b"{}")
        finally:
            intake.close()

    def test_without_a_broker_the_update_is_refused(self) -> None:
        intake = BlockingUpdateIntake(lambda: Publisher("amqp://guest@127.0.0.1:9/", "test"))
        try:
            with pytest.raises(PublishFailed):
                intake.store(1, b"{}")
        finally:
            intake.close()


async def _is_held_by_other(redis: Redis, holders: set[str]) -> bool:
    holder = await redis.get(LEASE_KEY)
    return holder is not None and holder not in holders


async def test_the_webhook_is_set_again_until_telegram_takes_it(
    telegram_url: str, person: TelegramPerson
) -> None:
    person.fault("server_error", method="setWebhook", times=2)
    async with TelegramClient(TOKEN, telegram_url, connections=1) as client:
        await set_webhook(client, "http://127.0.0.1:9/x/", "s", asyncio.Event())
    assert len(person.requests("setWebhook")) == 3
