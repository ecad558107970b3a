"""`dead-letters list|replay` on a real RabbitMQ."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import aio_pika
import pytest

from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import NOTIFIER_QUEUES, REMINDERS, TELEGRAM_MESSAGES
from shared.instants import from_json, now
from shared.messaging import dead_letter_watch
from shared.messaging.broker_topology import declare_topology
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letter_watch import DEAD_LETTERS, dead_letter_watches
from shared.messaging.dead_letters import (
    count_dead_letters,
    forget_dead_letters,
    list_dead_letters,
    replay_dead_letters,
    run_command,
)
from shared.messaging.deliveries import Delivery
from shared.messaging.publisher import Publisher, PublishFailed

HEADERS = {"cloudEvents:type": "reminder.due.v1", "cloudEvents:requestid": "r-1", "x-attempt": 4}


@pytest.fixture
def broker(vhost: Callable[[str], str]) -> str:
    url = vhost("dead-letters")
    asyncio.run(declare_topology(url, NOTIFIER_QUEUES))
    return url


@asynccontextmanager
async def a_publisher(url: str) -> AsyncIterator[Publisher]:
    async with Publisher(url, "test") as publisher:
        yield publisher


async def let_die(url: str, *bodies: bytes) -> None:
    """Have messages of the queue `reminders` dead-lettered by a consumer that cannot read them."""

    async def refuse(_delivery: Delivery) -> None:
        raise UnreadableMessage("not a reminder")

    async with a_publisher(url) as publisher:
        consumer = Consumer(url, publisher, "test")
        consumer.subscribe(REMINDERS, refuse, prefetch=5)
        before = await count_dead_letters(url, REMINDERS)
        for n, body in enumerate(bodies):
            await publisher.publish("", REMINDERS.name, body, message_id=f"m-{n}", headers=HEADERS)
        await consumer.start()
        async with asyncio.timeout(15):
            while await count_dead_letters(url, REMINDERS) < before + len(bodies):
                await asyncio.sleep(0.05)
        await consumer.stop()


async def ready_in(url: str, queue: str) -> int:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


async def settled(url: str, queue: str, wanted: int) -> int:
    """Return the depth once it is as wanted, or what it is after a while."""
    for _ in range(100):
        if await ready_in(url, queue) == wanted:
            break
        await asyncio.sleep(0.05)
    return await ready_in(url, queue)


async def test_list_shows_what_died_and_takes_nothing_away(broker: str) -> None:
    await let_die(broker, b"not JSON \xff" + b"x" * 1000, b"{}")
    for _ in range(2):
        letters = await list_dead_letters(broker, NOTIFIER_QUEUES, 10)
        assert sorted(letter.message_id or "" for letter in letters) == ["m-0", "m-1"]
        assert await settled(broker, REMINDERS.dead_letter_queue, 2) == 2
    letter = next(letter for letter in letters if letter.message_id == "m-0")
    assert (letter.queue, letter.type, letter.reason) == (
        "reminders",
        "reminder.due.v1",
        "rejected",
    )
    assert letter.body.startswith("not JSON")
    assert len(letter.body) == 200
    assert letter.dead_since is not None
    assert (now() - from_json(letter.dead_since)).total_seconds() < 60


async def test_list_keeps_to_its_limit_and_queue(broker: str) -> None:
    await let_die(broker, b"1", b"2", b"3")
    assert len(await list_dead_letters(broker, NOTIFIER_QUEUES, 2)) == 2
    assert await list_dead_letters(broker, [TELEGRAM_MESSAGES], 10) == []


async def test_replay_twice_puts_each_message_back_once_and_begins_anew(broker: str) -> None:
    await let_die(broker, b'{"a": 1}', b'{"a": 2}')
    assert (await replay_dead_letters(broker, NOTIFIER_QUEUES, 50, name="test"))["reminders"] == 2
    assert (await replay_dead_letters(broker, NOTIFIER_QUEUES, 50, name="test"))["reminders"] == 0
    assert await settled(broker, REMINDERS.name, 2) == 2
    connection = await aio_pika.connect(broker)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(REMINDERS.name, ensure=False)
        message = await queue.get()
        assert message is not None
        assert message.message_id in {"m-0", "m-1"}
        assert message.body in {b'{"a": 1}', b'{"a": 2}'}
        own = {name for name in message.headers if name != "x-delivery-count"}
        assert own == {"cloudEvents:type", "cloudEvents:requestid"}
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT


async def test_replay_keeps_to_its_limit(broker: str) -> None:
    await let_die(broker, b"1", b"2", b"3")
    assert (await replay_dead_letters(broker, [REMINDERS], 2, name="test")) == {"reminders": 2}
    assert await settled(broker, REMINDERS.dead_letter_queue, 1) == 1


async def test_what_the_broker_does_not_confirm_stays_dead(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await let_die(broker, b"1")

    async def fail(*_: object, **__: object) -> None:
        raise PublishFailed("away")

    monkeypatch.setattr(Publisher, "publish", fail)
    with pytest.raises(PublishFailed):
        await replay_dead_letters(broker, [REMINDERS], 5, name="test")
    assert await settled(broker, REMINDERS.dead_letter_queue, 1) == 1


async def test_what_died_long_ago_is_forgotten_and_what_is_younger_stays(broker: str) -> None:
    await let_die(broker, b"old", b"older")
    # The broker's instants of death are whole seconds.
    await asyncio.sleep(2.1)
    dividing_line = now() - timedelta(seconds=1)
    await let_die(broker, b"young")
    await put_by_hand(broker, b"without a death")
    assert await forget_dead_letters(broker, TELEGRAM_MESSAGES, dividing_line) == 0
    assert await forget_dead_letters(broker, REMINDERS, dividing_line) == 2
    assert await forget_dead_letters(broker, REMINDERS, dividing_line) == 0
    assert await settled(broker, REMINDERS.dead_letter_queue, 2) == 2
    bodies = {letter.body for letter in await list_dead_letters(broker, [REMINDERS], 10)}
    assert bodies == {"young", "without a death"}


async def put_by_hand(url: str, body: bytes) -> None:
    async with a_publisher(url) as publisher:
        await publisher.publish("", REMINDERS.dead_letter_queue, body, message_id="by-hand")


async def test_the_watch_forgets_after_a_fortnight(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await let_die(broker, b"text of somebody")
    _, (_, forget) = dead_letter_watches(broker, [REMINDERS])
    await forget()
    assert await settled(broker, REMINDERS.dead_letter_queue, 1) == 1
    monkeypatch.setattr(dead_letter_watch, "now", lambda: now() + timedelta(days=14, minutes=1))
    await forget()
    assert await settled(broker, REMINDERS.dead_letter_queue, 0) == 0


async def test_dead_letters_are_measured(broker: str) -> None:
    await let_die(broker, b"1", b"2")
    (_, count), _ = dead_letter_watches(broker, NOTIFIER_QUEUES)
    await count()
    assert DEAD_LETTERS.labels("reminders")._value.get() == 2
    assert DEAD_LETTERS.labels("telegram.messages")._value.get() == 0


def test_the_command_line(broker: str, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(let_die(broker, b'{"text": "\xd0\xba"}'))
    run_command("notifier", broker, NOTIFIER_QUEUES, ["list", "--queue", "reminders"])
    line = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(line)["body"] == '{"text": "к"}'
    run_command("notifier", broker, NOTIFIER_QUEUES, ["replay", "--limit", "5"])
    assert "reminders: 1 replayed" in capsys.readouterr().out


def test_without_a_broker_the_command_line_says_so() -> None:
    with pytest.raises(SystemExit, match="RabbitMQ"):
        run_command("notifier", "amqp://guest@127.0.0.1:9/", NOTIFIER_QUEUES, ["list"])
