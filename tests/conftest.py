"""Real servers for every test that asks for one; a missing server is a failure, never a skip.

A server is, in this order: the one that a TEST_* variable names, one in a container where a Docker
engine answers, a private one on this machine. Each test works in a space of its own on it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.faults.arena import Arena, running_arena
from tests.servers import containers, private
from tests.servers.own_space import own_database, own_redis_database, own_vhost
from tests.servers.whole_system import (
    UNMEASURED,
    System,
    own_database_prefix,
    running_system,
)

FAULTS = Path(__file__).parent / "faults"
WHOLE_SYSTEMS = ("system", "arena")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the fault tests, and run whole systems last.

    Even idle, a whole system takes the processor from other tests.
    """
    for item in items:
        if FAULTS in item.path.parents:
            item.add_marker(pytest.mark.faults)
    items.sort(key=_system)


def _system(item: pytest.Item) -> str:
    fixtures = getattr(item, "fixturenames", [])
    return next((name for name in WHOLE_SYSTEMS if name in fixtures), "")


@cache
def _containers_possible() -> bool:
    return containers.containers_possible()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the administrator's URL of a PostgreSQL server."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
    elif _containers_possible():
        with containers.container_postgresql() as url:
            yield url
    else:
        with private.private_postgresql(tmp_path_factory.mktemp("postgresql")) as url:
            yield url


@pytest.fixture(scope="session")
def _rabbitmq_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    if url := os.environ.get("TEST_RABBITMQ_URL"):
        yield url, os.environ["TEST_RABBITMQ_MANAGEMENT_URL"]
    elif _containers_possible():
        with containers.container_rabbitmq() as urls:
            yield urls
    else:
        with private.private_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as urls:
            yield urls


@pytest.fixture(scope="session")
def rabbitmq_url(_rabbitmq_urls: tuple[str, str]) -> str:
    """Return the administrator's AMQP URL of a RabbitMQ node."""
    return _rabbitmq_urls[0]


@pytest.fixture(scope="session")
def rabbitmq_management_url(_rabbitmq_urls: tuple[str, str]) -> str:
    """Return the address of the management API, with a user's name and password."""
    return _rabbitmq_urls[1]


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a Redis server."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
    elif _containers_possible():
        with containers.container_redis() as url:
            yield url
    else:
        with private.private_redis(tmp_path_factory.mktemp("redis")) as url:
            yield url


@pytest.fixture
def database(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Give a factory: name -> URL of a fresh database, dropped after the test."""
    with ExitStack() as databases:
        yield lambda name: databases.enter_context(own_database(postgres_url, name))


@pytest.fixture(scope="module")
def module_database(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Give a factory like `database` whose databases live as long as the tests of one file."""
    with ExitStack() as databases:
        yield lambda name: databases.enter_context(own_database(postgres_url, name))


@pytest.fixture
def vhost(rabbitmq_url: str, rabbitmq_management_url: str) -> Iterator[Callable[[str], str]]:
    """Give a factory: name -> AMQP URL of a fresh virtual host, deleted after the test."""
    with ExitStack() as vhosts:
        yield lambda name: vhosts.enter_context(
            own_vhost(rabbitmq_url, rabbitmq_management_url, name)
        )


@pytest.fixture
def redis_database(redis_url: str) -> str:
    """Return the URL of an empty Redis database."""
    return own_redis_database(redis_url)


@pytest.fixture(scope="session")
def system(
    postgres_url: str,
    rabbitmq_url: str,
    rabbitmq_management_url: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """Yield the whole system, as `make run` starts it, on the test servers.

    All tests share it and come from one address, so the limits per address are out of their way.
    """
    with (
        own_database_prefix(postgres_url) as database_prefix,
        own_vhost(rabbitmq_url, rabbitmq_management_url, "system") as system_rabbitmq_url,
    ):
        variables = {
            **UNMEASURED,
            "POSTGRES_URL": postgres_url,
            "RABBITMQ_URL": system_rabbitmq_url,
            "REDIS_URL": own_redis_database(redis_url, for_system=True),
            "DATABASE_PREFIX": database_prefix,
            "RATE_LIMIT_REGISTER_PER_MINUTE": "6000",
            "RATE_LIMIT_TOKEN_PER_MINUTE": "6000",
        }
        with running_system(tmp_path_factory.mktemp("system"), variables) as running:
            yield running


@pytest.fixture(scope="session")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Yield a whole system with replicas, on private servers, which may be hurt.

    Its directory has a space in its name and is below one closed to others, as /root is.
    """
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    with running_arena(closed / "run directory") as running:
        yield running
