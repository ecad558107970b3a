"""Updates of the simulated Telegram by polling: PostgreSQL and Redis."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.notifier.bot_router import new_update_handler
from services.notifier.redis_scripts import new_async_redis
from services.notifier.telegram import polling as updates_polling
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.polling import LEASE_KEY, PollerLease, UpdatesPolling
from services.notifier.telegram.webhook_setting import set_webhook
from shared.contracts.cloud_event import UnreadableMessage
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.arrangements import new_account
from tests.integration.notifier.updates import code_for, replies, status_of
from tests.integration.telegram_simulator.simulator_process import TOKEN


class Taken:
    """Takes updates in the place of the bot, and fails as told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.fail: list[Exception] = []

    def __call__(self, raw: bytes) -> None:
        if self.fail:
            raise self.fail.pop()
        self.texts.append(json.loads(raw)["message"]["text"])


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def poller(redis: Redis, telegram: TelegramClient, taken: Taken) -> Callable[..., UpdatesPolling]:
    def make(handle: Callable[[bytes], None] = taken) -> UpdatesPolling:
        return UpdatesPolling(
            telegram,
            handle,
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


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_updates_are_handled_in_order(
    poller: Callable[[], UpdatesPolling], taken: Taken, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    wanted = [str(n) for n in range(10)]
    for words in wanted:
        person.say(chat_id, words)
    async with running(poller()):
        await until(lambda: _has(taken, wanted))


async def test_what_a_chat_said_last_holds(
    poller: Callable[..., UpdatesPolling], engine: Engine, person: TelegramPerson
) -> None:
    """A phone that was offline sends the code and the stop together."""
    chats = [person.create_chat() for _ in range(20)]
    accounts = [new_account() for _ in chats]
    for account_id, chat_id in zip(accounts, chats, strict=True):
        person.say(chat_id, f"/start {code_for(engine, account_id)}")
        person.say(chat_id, "/stop")
    async with running(poller(new_update_handler(engine).handle)):
        await until(lambda: _all_answered(engine, chats))
    assert {status_of(engine, account_id) for account_id in accounts} == {("unlinked", None)}


async def test_of_two_pollers_one_polls_and_the_other_takes_over(
    poller: Callable[[], UpdatesPolling], redis: Redis, taken: Taken, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    async with AsyncExitStack() as second:
        async with running(poller()):
            await until(lambda: _is_held_by_other(redis, set()))
            first = str(await redis.get(LEASE_KEY))
            await second.enter_async_context(running(poller()))
            person.say(chat_id, "one")
            await until(lambda: _has(taken, ["one"]))
            assert await redis.get(LEASE_KEY) == first
        await until(lambda: _is_held_by_other(redis, {first}))
        person.say(chat_id, "two")
        await until(lambda: _has(taken, ["one", "two"]))
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
    poller: Callable[[], UpdatesPolling], taken: Taken, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    wanted = [str(n) for n in range(10)]
    async with running(*(poller() for _ in range(4))):
        for words in wanted:
            person.say(chat_id, words)
        await until(lambda: _has(taken, wanted))


async def test_while_the_database_is_away_an_update_waits_and_so_do_those_behind_it(
    poller: Callable[[], UpdatesPolling],
    taken: Taken,
    person: TelegramPerson,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(updates_polling, "_PAUSE_SECONDS", 0.1)
    taken.fail = [OperationalError("", {}, Exception("away")), PoolTimeout()]
    chat_id = person.create_chat()
    for words in ("one", "two"):
        person.say(chat_id, words)
    async with running(poller()):
        await until(lambda: _has(taken, ["one", "two"]))


async def test_what_is_no_update_stops_nobody(
    poller: Callable[[], UpdatesPolling], taken: Taken, person: TelegramPerson
) -> None:
    taken.fail = [UnreadableMessage("none")]
    chat_id = person.create_chat()
    for words in ("one", "two"):
        person.say(chat_id, words)
    async with running(poller()):
        await until(lambda: _has(taken, ["two"]))


async def test_a_telegram_that_fails_is_asked_again(
    poller: Callable[[], UpdatesPolling],
    taken: Taken,
    person: TelegramPerson,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(updates_polling, "_PAUSE_SECONDS", 0.05)
    person.fault("server_error", method="getUpdates")
    person.fault("too_many_requests", method="getUpdates")
    chat_id = person.create_chat()
    async with running(poller()):
        person.say(chat_id, "one")
        await until(lambda: _has(taken, ["one"]))


async def test_polling_ends_a_webhook(
    poller: Callable[[], UpdatesPolling],
    telegram: TelegramClient,
    taken: Taken,
    person: TelegramPerson,
) -> None:
    stop = asyncio.Event()
    await set_webhook(telegram, "http://127.0.0.1:9/api/tg/webhook/", "secret", stop)
    assert len(person.requests("setWebhook")) == 1
    chat_id = person.create_chat()
    async with running(poller()):
        person.say(chat_id, "one")
        await until(lambda: _has(taken, ["one"]))


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


async def _has(taken: Taken, texts: list[str]) -> bool:
    return taken.texts == texts


async def _all_answered(engine: Engine, chats: list[int]) -> bool:
    return all(len(replies(engine, chat_id)) == 2 for chat_id in chats)


async def _is_held_by_other(redis: Redis, holders: set[str]) -> bool:
    holder = await redis.get(LEASE_KEY)
    return holder is not None and holder not in holders


async def test_the_webhook_is_set_again_until_telegram_takes_it(
    telegram_url: str, person: TelegramPerson
) -> None:
    person.fault("server_error", method="setWebhook", times=2)
    async with TelegramClient(TOKEN, telegram_url, connections=1) as client:
        await set_webhook(client, "http://127.0.0.1:9/x/", "s", asyncio.Event())
    asked = person.requests("setWebhook")
    assert len(asked) == 3
    # One update under way at a time keeps them in order.
    assert asked[0]["parameters"]["max_connections"] == "1"
