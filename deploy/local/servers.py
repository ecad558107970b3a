"""The three servers a run needs: a private one for each URL that the user left empty.

A private RabbitMQ has one user for each service, limited to the names of that service; a server of
the user's own is used as its URL says.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from deploy.local.ports import is_listening
from deploy.local.postgresql_server import PostgresqlServer, postgresql_answers
from deploy.local.programs import Program
from deploy.local.rabbitmq_server import BrokerUser, RabbitmqPorts, RabbitmqServer
from deploy.local.redis_server import RedisServer, redis_answers
from deploy.local.settings import Settings
from deploy.provisioning.broker_rights import RIGHTS_OF_SERVICES
from deploy.provisioning.generated_secrets import GeneratedSecrets


@dataclass(frozen=True, slots=True)
class Server:
    """One server of a run; when it is a private one, it has programs.

    Those of `foundation` must be ready before the others are started.
    """

    name: str
    is_ready: Callable[[], bool]
    programs: tuple[Program, ...] = ()
    foundation: tuple[Program, ...] = ()
    foundation_is_ready: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Servers:
    """All servers of a run and the URLs under which the services reach them."""

    postgres: Server
    rabbitmq: Server
    redis: Server
    postgres_admin_url: str
    rabbitmq_urls: dict[str, str]
    rabbitmq_admin_url: str
    rabbitmq_management_url: str | None
    redis_url: str
    set_up_record: Path | None

    @property
    def all(self) -> tuple[Server, ...]:
        return (self.postgres, self.rabbitmq, self.redis)


def prepare_servers(settings: Settings, secrets: GeneratedSecrets, ports: Iterator[int]) -> Servers:
    """Make the private servers' directories and configuration; start nothing."""
    postgres, postgres_admin_url = _postgres(settings, secrets, ports)
    redis, redis_url = _redis(settings, secrets, ports)
    rabbitmq = _rabbitmq(settings, secrets, ports)
    return Servers(
        postgres=postgres,
        rabbitmq=rabbitmq.server,
        redis=redis,
        postgres_admin_url=postgres_admin_url,
        rabbitmq_urls=rabbitmq.urls,
        rabbitmq_admin_url=rabbitmq.admin_url,
        rabbitmq_management_url=rabbitmq.management_url,
        redis_url=redis_url,
        set_up_record=(
            None
            if settings.rabbitmq_url
            else settings.run_directory / "rabbitmq" / "data" / "set-up.json"
        ),
    )


def _postgres(
    settings: Settings, secrets: GeneratedSecrets, ports: Iterator[int]
) -> tuple[Server, str]:
    if url := settings.postgres_url:
        return Server("POSTGRES_URL", partial(postgresql_answers, url)), url
    private = PostgresqlServer(
        settings.run_directory / "postgresql", next(ports), secrets.postgresql_admin
    )
    private.prepare()
    return Server("postgresql", private.is_ready, (private.program(),)), private.admin_url


def _redis(
    settings: Settings, secrets: GeneratedSecrets, ports: Iterator[int]
) -> tuple[Server, str]:
    if url := settings.redis_url:
        return Server("REDIS_URL", partial(redis_answers, url)), url
    private = RedisServer(settings.run_directory / "redis", next(ports), secrets.redis)
    private.prepare()
    return Server("redis", private.is_ready, (private.program(),)), private.url


@dataclass(frozen=True, slots=True)
class _Broker:
    server: Server
    urls: dict[str, str]
    admin_url: str
    management_url: str | None = None


def _rabbitmq(settings: Settings, secrets: GeneratedSecrets, ports: Iterator[int]) -> _Broker:
    if url := settings.rabbitmq_url:
        server = Server("RABBITMQ_URL", partial(_broker_answers, url))
        return _Broker(server, dict.fromkeys(RIGHTS_OF_SERVICES, url), url)
    private = RabbitmqServer(
        settings.run_directory / "rabbitmq",
        RabbitmqPorts(*islice(ports, 4)),
        secrets.rabbitmq_admin,
        {
            service: BrokerUser(secrets.broker_users[service], rights)
            for service, rights in RIGHTS_OF_SERVICES.items()
        },
    )
    private.prepare()
    port_mapper, node = private.programs()
    server = Server(
        "rabbitmq",
        private.is_ready,
        programs=(node,),
        foundation=(port_mapper,),
        foundation_is_ready=partial(is_listening, private.ports.port_mapper),
    )
    urls = {name: private.url(name) for name in RIGHTS_OF_SERVICES}
    return _Broker(server, urls, private.admin_url, private.management_url)


def _broker_answers(url: str) -> bool:
    # Loaded only for a broker of the user's own: it would delay every other start.
    import aio_pika  # noqa: PLC0415
    from aio_pika.exceptions import AMQPError  # noqa: PLC0415

    async def connect() -> None:
        await (await aio_pika.connect(url, timeout=5)).close()

    try:
        asyncio.run(connect())
    except (AMQPError, OSError):
        return False
    return True
