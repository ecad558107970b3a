"""Parts of services to be hurt; the fixtures are those of the parts' own tests."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from services.notifier.redis_scripts import new_redis
from shared.contracts.topology import ALL_QUEUES
from shared.messaging.broker_topology import declare_topology
from tests.fakes.telegram_person import TelegramPerson
from tests.faults.installation import Notifier
from tests.integration.notifier import conftest as notifier_parts
from tests.integration.shared import conftest as outbox_parts

outbox_url = outbox_parts.outbox_url
outbox_engine = outbox_parts.engine
notifier_url = notifier_parts.notifier_url
notifier_engine = notifier_parts.engine
redis = notifier_parts.redis
_simulator_url = notifier_parts._simulator_url
person = notifier_parts.person
telegram_url = notifier_parts.telegram_url


@pytest.fixture
def broker(vhost: Callable[[str], str]) -> str:
    """Return the URL of a virtual host with all our queues."""
    url = vhost("faults")
    asyncio.run(declare_topology(url, ALL_QUEUES))
    return url


@pytest.fixture
def notifier(
    notifier_url: str,
    notifier_engine: Engine,
    broker: str,
    redis_database: str,
    telegram_url: str,
    person: TelegramPerson,
    tmp_path: Path,
) -> Iterator[Notifier]:
    """Yield an installation of the notifier, without any process of it."""
    with new_redis(redis_database) as redis:
        yield Notifier(
            database_url=notifier_url,
            rabbitmq_url=broker,
            redis_url=redis_database,
            telegram_url=telegram_url,
            engine=notifier_engine,
            redis=redis,
            person=person,
            log=tmp_path / "notifier.log",
        )
