"""Parts of services to be hurt; the fixtures are those of the parts' own tests."""

import asyncio
from collections.abc import Callable

import pytest

from shared.broker_topology import declare_topology
from shared.contracts.topology import ALL_QUEUES
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
