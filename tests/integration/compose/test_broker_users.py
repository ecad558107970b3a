"""Broker users on a real RabbitMQ: each service its own, with no right to another's queues."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import pytest
import requests
from aiormq.exceptions import ChannelAccessRefused

from deploy.compose.broker_users import provision_broker
from deploy.local.generated_secrets import GeneratedSecrets


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


def test_a_service_may_declare_its_own_queue(
    provisioned: GeneratedSecrets, rabbitmq_url: str
) -> None:
    asyncio.run(_declare(_url_of(rabbitmq_url, provisioned, "habits"), "habits.test"))


def test_a_service_may_not_touch_the_queue_of_another(
    provisioned: GeneratedSecrets, rabbitmq_url: str
) -> None:
    url = _url_of(rabbitmq_url, provisioned, "auth")

    with pytest.raises(ChannelAccessRefused):
        asyncio.run(_declare(url, "habits.test"))


async def _declare(url: str, queue: str) -> None:
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, auto_delete=True, exclusive=True)
