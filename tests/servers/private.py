"""Throw-away servers on this machine, on ports of their own, from the programs `make run` uses."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.local.ports import free_ports, is_listening
from deploy.local.postgresql_server import PostgresqlServer
from deploy.local.programs import running, wait_until
from deploy.local.rabbitmq_server import RabbitmqPorts, RabbitmqServer
from deploy.local.redis_server import RedisServer

START_SECONDS = 90


@contextmanager
def private_postgresql(directory: Path, *, durable: bool = False) -> Iterator[str]:
    """Yield the administrator's URL of a running PostgreSQL server.

    A commit waits for the disk only if `durable`, as it does in `make run`.
    """
    password = secrets.token_hex(8)
    server = PostgresqlServer(directory, free_ports(1)[0], password, throw_away=not durable)
    server.prepare()
    log = directory / "postgresql.log"
    with running(server.program(), log) as process:
        wait_until(
            server.is_ready, f"postgresql ({log})", START_SECONDS, lambda: process.poll() is None
        )
        yield server.admin_url


@contextmanager
def private_rabbitmq(directory: Path) -> Iterator[tuple[str, str]]:
    """Yield the AMQP and the management URL of a running RabbitMQ node."""
    with running_rabbitmq(directory) as server:
        yield server.admin_url, server.management_url


@contextmanager
def running_rabbitmq(directory: Path) -> Iterator[RabbitmqServer]:
    """Yield a running RabbitMQ node, to be commanded with its own programs."""
    ports = RabbitmqPorts(*free_ports(4))
    server = RabbitmqServer(directory, ports, secrets.token_hex(8))
    server.prepare()
    port_mapper, node = server.programs()
    log = directory / "rabbitmq.log"
    with ExitStack() as stack:
        stack.enter_context(running(port_mapper, directory / "epmd.log"))
        wait_until(lambda: is_listening(ports.port_mapper), "epmd", START_SECONDS)
        process = stack.enter_context(running(node, log))
        wait_until(
            server.is_ready, f"rabbitmq ({log})", START_SECONDS, lambda: process.poll() is None
        )
        yield server


@contextmanager
def private_redis(directory: Path) -> Iterator[str]:
    """Yield the URL of a running Redis server."""
    server = RedisServer(directory, free_ports(1)[0], secrets.token_hex(8))
    server.prepare()
    log = directory / "redis.log"
    with running(server.program(), log) as process:
        wait_until(server.is_ready, f"redis ({log})", START_SECONDS, lambda: process.poll() is None)
        yield server.url
