"""Throw-away servers in containers, where a Docker engine answers and has or gets their images."""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import docker  # type: ignore[import-untyped]
from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from deploy.local.postgresql_server import postgresql_answers
from deploy.local.programs import wait_until
from deploy.local.rabbitmq_server import rabbitmq_answers
from deploy.local.redis_server import redis_answers

# The fixtures stop what they start; the library's own reaper would be one more image to get.
testcontainers_config.ryuk_disabled = True

START_SECONDS = 90

POSTGRESQL_IMAGE = "postgres:17-alpine"
RABBITMQ_IMAGE = "rabbitmq:4-management"
REDIS_IMAGE = "redis:7-alpine"


def containers_possible() -> bool:
    """Whether a Docker engine answers that has the images, or can get them."""
    if not _engine_listens():
        return False
    try:
        engine = docker.from_env()
        for image in (POSTGRESQL_IMAGE, RABBITMQ_IMAGE, REDIS_IMAGE):
            if not engine.images.list(name=image):
                engine.images.pull(image)
    except DockerException:
        return False
    return True


@contextmanager
def container_postgresql() -> Iterator[str]:
    """Yield the administrator's URL of a PostgreSQL server in a container."""
    password = secrets.token_hex(8)
    container = DockerContainer(POSTGRESQL_IMAGE).with_exposed_ports(5432)
    container.with_env("POSTGRES_PASSWORD", password)
    container.with_command("postgres -c max_connections=300 -c fsync=off")
    with container:
        url = f"postgresql://postgres:{password}@{_address(container, 5432)}/postgres"
        _wait(lambda: postgresql_answers(url), POSTGRESQL_IMAGE)
        yield url


@contextmanager
def container_rabbitmq() -> Iterator[tuple[str, str]]:
    """Yield the AMQP and the management URL of a RabbitMQ node in a container."""
    password = secrets.token_hex(8)
    container = DockerContainer(RABBITMQ_IMAGE).with_exposed_ports(5672, 15672)
    container.with_env("RABBITMQ_DEFAULT_USER", "tests")
    container.with_env("RABBITMQ_DEFAULT_PASS", password)
    with container:
        management_url = f"http://tests:{password}@{_address(container, 15672)}"
        _wait(lambda: rabbitmq_answers(management_url, 5672), RABBITMQ_IMAGE)
        yield f"amqp://tests:{password}@{_address(container, 5672)}/", management_url


@contextmanager
def container_redis() -> Iterator[str]:
    """Yield the URL of a Redis server in a container."""
    with DockerContainer(REDIS_IMAGE).with_exposed_ports(6379) as container:
        url = f"redis://{_address(container, 6379)}/0"
        _wait(lambda: redis_answers(url), REDIS_IMAGE)
        yield url


def _engine_listens() -> bool:
    # The library would leave a socket open behind a refused connection.
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address.removeprefix("unix://")) == 0


def _address(container: DockerContainer, port: int) -> str:
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"


def _wait(condition: Callable[[], bool], image: str) -> None:
    wait_until(condition, image, START_SECONDS)
