"""Setting a service up: it waits for a broker that is away, and never for one that says no."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlsplit, urlunsplit

import aio_pika
import pytest
import requests
from environs import FileAwareEnv

from deploy.local.ports import free_ports
from services.scheduler.settings import Settings, read_settings
from shared.contracts.topology import WorkQueue
from shared.messaging.broker_refusals import BrokerRefused
from shared.messaging.broker_topology import declare_topology
from shared.process import processes
from shared.process.processes import run_setup
from tests.servers.own_space import with_path

QUEUE = WorkQueue("test.work")


@pytest.fixture
def broker(vhost: Callable[[str], str]) -> str:
    return vhost("setup")


@pytest.fixture
def powerless_url(broker: str, rabbitmq_management_url: str) -> Iterator[str]:
    """The URL of a user who may enter the virtual host, and do nothing there."""
    name, password = f"powerless-{secrets.token_hex(4)}", secrets.token_hex(8)
    rights = dict.fromkeys(("configure", "write", "read"), "^$")
    vhost_name = quote(urlsplit(broker).path[1:], safe="")
    with requests.Session() as session:
        session.trust_env = False
        users = f"{rabbitmq_management_url}/api/users/{name}"
        session.put(users, json={"password": password, "tags": ""}, timeout=30).raise_for_status()
        permissions = f"{rabbitmq_management_url}/api/permissions/{vhost_name}/{name}"
        session.put(permissions, json=rights, timeout=30).raise_for_status()
        yield as_user(broker, f"{name}:{password}")
        session.delete(users, timeout=30).raise_for_status()


def as_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port}"))


def servers(database_url: str, rabbitmq_url: str) -> Settings:
    """Return settings of which set-up looks at nothing but the servers."""
    variables = {"DATABASE_URL": database_url, "RABBITMQ_URL": rabbitmq_url}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return read_settings(FileAwareEnv(eager=True))


def declare(url: str) -> None:
    asyncio.run(declare_topology(url, [QUEUE]))


def test_a_wrong_password_is_a_refusal_for_good(broker: str) -> None:
    with pytest.raises(BrokerRefused, match="ACCESS_REFUSED"):
        declare(as_user(broker, f"{urlsplit(broker).username}:wrong"))


def test_a_virtual_host_that_is_not_there_is_a_refusal_for_good(broker: str) -> None:
    with pytest.raises(BrokerRefused, match="virtual host"):
        declare(with_path(broker, "nowhere"))


def test_a_missing_right_is_a_refusal_for_good(powerless_url: str) -> None:
    with pytest.raises(BrokerRefused, match="ACCESS_REFUSED"):
        declare(powerless_url)


def test_a_queue_with_other_arguments_is_a_refusal_for_good(broker: str) -> None:
    async def declare_otherwise() -> None:
        async with await aio_pika.connect(broker) as connection:
            channel = await connection.channel()
            await channel.declare_queue(QUEUE.name, durable=True)

    asyncio.run(declare_otherwise())
    with pytest.raises(BrokerRefused, match="PRECONDITION_FAILED"):
        declare(broker)


def test_a_broker_that_says_no_ends_the_setup_at_once_and_names_the_setting(
    broker: str, database: Callable[[str], str]
) -> None:
    with pytest.raises(SystemExit, match="RABBITMQ_URL: RabbitMQ refuses"):
        run_setup("auth", servers(database("setup"), as_user(broker, "nobody:wrong")), queues=())


def test_a_broker_that_is_away_is_waited_for(
    database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [port] = free_ports(1)
    monkeypatch.setattr(processes, "SETUP_LIMIT_SECONDS", 1)
    began = time.monotonic()
    nowhere = servers(database("setup"), f"amqp://nobody@127.0.0.1:{port}/")
    with pytest.raises(ConnectionError):
        run_setup("auth", nowhere, queues=())
    assert time.monotonic() - began > 0.5


def test_what_a_queue_took_in_an_earlier_release_is_taken_away(broker: str) -> None:
    async def left_after_both_releases() -> int:
        earlier = WorkQueue("test.bound", bindings=("test.told.v1",))
        await declare_topology(broker, [earlier])
        for _ in range(2):
            await declare_topology(
                broker, [WorkQueue("test.bound", past_bindings=("test.told.v1",))]
            )
        async with await aio_pika.connect(broker) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange("events", ensure=False)
            await exchange.publish(aio_pika.Message(b"{}"), "test.told.v1", mandatory=False)
            queue = await channel.declare_queue("test.bound", passive=True)
            return queue.declaration_result.message_count or 0

    assert asyncio.run(left_after_both_releases()) == 0
