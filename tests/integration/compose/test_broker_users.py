"""Broker users on a real RabbitMQ: each service its own, with no right to another's queues."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import pytest
import requests
from aiormq.exceptions import ChannelAccessRefused

from deploy.compose.broker_users import provision_broker
from deploy.provisioning.consumer_users import (
    WrongName,
    create_consumer,
    delete_consumer,
    rights_of_consumer,
)
from deploy.provisioning.generated_secrets import GeneratedSecrets
from shared.contracts.events import EVENT_TYPES
from shared.contracts.topology import EVENTS_EXCHANGE

# Each service with queues that are not its own.
FOREIGN = [
    ("auth", "habits.events"),
    ("auth", "habits.commands"),
    ("auth", "reminders"),
    ("habits", "scheduler.commands"),
    ("habits", "scheduler.events"),
    ("habits", "reminders.dlq"),
    ("habits", "telegram.messages"),
    ("scheduler", "habits.events"),
    ("scheduler", "habits.commands"),
    ("scheduler", "auth.commands"),
    ("scheduler", "notifier.days"),
    ("scheduler", "notifier.events"),
    ("scheduler", "telegram.messages"),
    ("notifier", "habits.events"),
    ("notifier", "habits.commands"),
    ("notifier", "auth.commands"),
    ("notifier", "scheduler.commands"),
    ("notifier", "scheduler.events.dlq"),
    ("habits", "feed.log"),
    ("feed", "scheduler.events"),
]
TELLS: dict[str, tuple[str, ...]] = {
    "auth": ("account.",),
    "habits": ("habit.",),
    "scheduler": ("reminder.due.", "reminder.missed."),
    "notifier": ("telegram.", "reminder.sent.", "reminder.failed."),
    "feed": (),
}


@pytest.fixture
def provisioned(rabbitmq_management_url: str) -> Iterator[GeneratedSecrets]:
    """Provision the node twice; remove the users afterwards."""
    parts = urlsplit(rabbitmq_management_url)
    address = f"{parts.scheme}://{parts.hostname}:{parts.port}"
    secrets = GeneratedSecrets(rabbitmq_admin=parts.password or "")
    for _ in range(2):
        provision_broker(address, parts.username or "", secrets)
    yield secrets
    for service in secrets.broker_users:
        requests.delete(
            f"{address}/api/users/{service}",
            auth=(parts.username or "", parts.password or ""),
            timeout=10,
        ).raise_for_status()


def _url_of(rabbitmq_url: str, secrets: GeneratedSecrets, service: str) -> str:
    parts = urlsplit(rabbitmq_url)
    user = f"{service}:{secrets.broker_users[service]}"
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port}", path="/"))


def test_a_service_may_declare_its_own_queues(
    provisioned: GeneratedSecrets, rabbitmq_url: str
) -> None:
    asyncio.run(_declare(_url_of(rabbitmq_url, provisioned, "habits"), "habits.test"))


@pytest.mark.parametrize(("service", "queue"), FOREIGN)
def test_a_service_may_neither_declare_nor_read_the_queue_of_another(
    provisioned: GeneratedSecrets, rabbitmq_url: str, service: str, queue: str
) -> None:
    url = _url_of(rabbitmq_url, provisioned, service)
    for forbidden in (_declare, _read):
        with pytest.raises(ChannelAccessRefused):
            asyncio.run(forbidden(url, queue))


def test_a_consumer_may_bind_a_queue_of_its_own_name_and_nothing_else(
    rabbitmq_management_url: str, rabbitmq_url: str, own_exchange: None
) -> None:
    password = create_consumer(rabbitmq_management_url, "reports")
    parts = urlsplit(rabbitmq_url)
    user = f"consumer.reports:{password}"
    url = urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port}", path="/"))
    try:
        asyncio.run(_bind(url, "consumer.reports.events"))
        for queue in ("consumer.other.events", "scheduler.events", "feed.log"):
            with pytest.raises(ChannelAccessRefused):
                asyncio.run(_declare(url, queue))
        for exchange, key in ((EVENTS_EXCHANGE, "habit.created.v1"), ("", "reminders")):
            with pytest.raises(ChannelAccessRefused):
                asyncio.run(_publish(url, exchange, key))
    finally:
        delete_consumer(rabbitmq_management_url, "reports")


@pytest.mark.parametrize("name", ["", "Reports", "a.b", ".*", "a" * 42])
def test_a_consumer_s_name_is_no_pattern(name: str) -> None:
    with pytest.raises(WrongName):
        rights_of_consumer(name)


@pytest.mark.parametrize("service", TELLS)
def test_a_service_tells_its_own_events_and_no_others(
    provisioned: GeneratedSecrets, rabbitmq_url: str, own_exchange: None, service: str
) -> None:
    url = _url_of(rabbitmq_url, provisioned, service)
    for event_type in EVENT_TYPES:
        if event_type.startswith(TELLS[service]):
            asyncio.run(_publish(url, EVENTS_EXCHANGE, event_type))
        else:
            with pytest.raises(ChannelAccessRefused):
                asyncio.run(_publish(url, EVENTS_EXCHANGE, event_type))


def test_every_event_has_exactly_one_service_that_tells_it() -> None:
    for event_type in EVENT_TYPES:
        assert sum(event_type.startswith(own) for own in TELLS.values()) == 1, event_type


@pytest.fixture
def own_exchange(rabbitmq_url: str) -> Iterator[None]:
    """Have the exchange there while the test runs; nobody else uses this virtual host."""

    async def change(*, there: bool) -> None:
        async with await aio_pika.connect(rabbitmq_url, timeout=10) as connection:
            channel = await connection.channel()
            if there:
                await channel.declare_exchange(EVENTS_EXCHANGE, "topic", durable=True)
            else:
                await channel.exchange_delete(EVENTS_EXCHANGE)

    asyncio.run(change(there=True))
    yield
    asyncio.run(change(there=False))


async def _bind(url: str, queue: str) -> None:
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, auto_delete=True)
        await declared.bind(EVENTS_EXCHANGE, "#")
        assert await declared.get(fail=False) is None


async def _declare(url: str, queue: str) -> None:
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, auto_delete=True, exclusive=True)


async def _read(url: str, queue: str) -> None:
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        await (await channel.get_queue(queue, ensure=False)).get(fail=False)


async def _publish(url: str, exchange: str, routing_key: str) -> None:
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        target = (
            await channel.get_exchange(exchange, ensure=False)
            if exchange
            else channel.default_exchange
        )
        await target.publish(aio_pika.Message(b"{}"), routing_key, mandatory=False)
