"""The processes of the feed as they are run, killed in between: `python -m services.feed ...`."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aio_pika
import pytest
import requests

from deploy.local.ports import free_ports
from shared.contracts.topology import EVENTS_EXCHANGE, FEED_LOG
from shared.messaging.deliveries import Delivery
from shared.messaging.publisher import Publisher
from tests.integration.feed.story import habit_changed, message, token_of
from tests.integration.habits.test_processes import public_keys

LIMIT_SECONDS = 60

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class System:
    rabbitmq_url: str
    environment: dict[str, str]

    @contextmanager
    def running(self, process: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
        """Run a process until it is ready; at the end it must stop cleanly, unless killed."""
        [port] = free_ports(1)
        ports = {"HTTP_PORT": str(port), "OPS_PORT": str(port)}
        command = [sys.executable, "-m", "services.feed", process]
        with subprocess.Popen(command, env=self.environment | ports) as started:
            try:
                address = f"http://127.0.0.1:{port}"
                wait_until(lambda: _answers(f"{address}/readyz"))
                yield started, address
                started.send_signal(signal.SIGTERM)
                assert started.wait(LIMIT_SECONDS) in {0, -signal.SIGKILL}
            finally:
                started.kill()

    def publish(self, *messages: Delivery) -> None:
        async def run() -> None:
            async with Publisher(self.rabbitmq_url, "tests") as publisher:
                for each in messages:
                    await publisher.publish(
                        EVENTS_EXCHANGE,
                        each.message_type or "",
                        each.body,
                        message_id=each.message_id,
                        headers=each.headers,
                    )

        asyncio.run(run())

    def dead_letters(self) -> list[bytes]:
        async def run() -> list[bytes]:
            async with await aio_pika.connect(self.rabbitmq_url) as connection:
                queue = await (await connection.channel()).get_queue(FEED_LOG.dead_letter_queue)
                dead = await queue.get(fail=False)
                return [] if dead is None else [dead.body]

        return asyncio.run(run())


@pytest.fixture
def system(database: Callable[[str], str], vhost: Callable[[str], str]) -> Iterator[System]:
    rabbitmq_url = vhost("feed")
    with public_keys() as jwks_url:
        environment = {
            **os.environ,
            "DATABASE_URL": database("feed"),
            "RABBITMQ_URL": rabbitmq_url,
            "JWKS_URL": jwks_url,
        }
        setup = [sys.executable, "-m", "services.feed", "setup"]
        subprocess.run(setup, env=environment, check=True, timeout=LIMIT_SECONDS)
        yield System(rabbitmq_url, environment)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def _events(address: str) -> list[dict[str, object]]:
    token = token_of("service", scope="events:read:all")
    answer = requests.get(
        f"{address}/api/events/?limit=1000",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    events: list[dict[str, object]] = answer.json()
    return events


def test_what_is_told_is_in_the_log_once_and_in_order_whoever_is_killed(system: System) -> None:
    told = [habit_changed("anna", "h", version) for version in range(1, 301)]
    # What is no event goes aside, whole, and holds nothing up.
    system.publish(message("habit.changed.v1", "h", b"\x00 no event"), *told[:100])
    with system.running("serve") as (server, address):
        with system.running("consume") as (first, _), system.running("consume"):
            # One of the two has the queue; the other takes over when it is killed.
            wait_until(lambda: _events(address))
            system.publish(*told[100:200])
            first.kill()
            system.publish(*told[200:])
            wait_until(lambda: len(_events(address)) == 300)
        assert [event["id"] for event in _events(address)] == [each.message_id for each in told]

        wait_until(lambda: system.dead_letters() == [b"\x00 no event"])

        # Nobody waits for a long poll when the server is to stop.
        waiting = subprocess.Popen(
            [sys.executable, "-c", _LONG_POLL, address, token_of("anna")], stdout=subprocess.PIPE
        )
        wait_until(lambda: "feed_waiting 1.0" in requests.get(f"{address}/metrics", timeout=5).text)
        server.send_signal(signal.SIGTERM)
        assert waiting.communicate(timeout=10)[0].strip() == b"[]"


_LONG_POLL = """
import requests, sys
headers = {"Authorization": f"Bearer {sys.argv[2]}"}
url = f"{sys.argv[1]}/api/me/events/?types=none.*&timeout=25000"
print(requests.get(url, headers=headers, timeout=30).text)
"""
