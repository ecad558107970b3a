"""The processes of the service as they are run: `python -m services.habits <process>`."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import jwt
import pytest
import requests

from deploy.local.ports import free_ports
from shared.contracts.cloud_event import CloudEvent
from shared.contracts.events import ACCOUNT_DELETED, AccountStateV1
from shared.contracts.topology import EVENTS_EXCHANGE, HABITS_EVENTS
from shared.messaging.publisher import Publisher
from tests.integration.habits.callers import KEY_ID, SIGNING_KEY, WATER, token_of

# Five interpreters are started, on a machine that may be busy with other tests.
LIMIT_SECONDS = 60

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class System:
    """Addresses of the servers and of the processes on them."""

    rabbitmq_url: str
    environment: dict[str, str]
    ports: dict[str, int]

    def address(self, process: str, path: str) -> str:
        return f"http://127.0.0.1:{self.ports[process]}{path}"


class _PublicKeys(BaseHTTPRequestHandler):
    """What auth publishes, with the public key of the tests."""

    def do_GET(self) -> None:
        key = jwt.algorithms.OKPAlgorithm.to_jwk(SIGNING_KEY.public_key(), as_dict=True)
        body = json.dumps({"keys": [{**key, "kid": KEY_ID, "alg": "EdDSA", "use": "sig"}]})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def public_keys() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _PublicKeys)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def system(database: Callable[[str], str], vhost: Callable[[str], str]) -> Iterator[System]:
    ports = dict(zip(("serve", "relay", "consume"), free_ports(3), strict=True))
    rabbitmq_url = vhost("habits")
    with public_keys() as jwks_url:
        yield System(
            rabbitmq_url=rabbitmq_url,
            environment={
                **os.environ,
                "DATABASE_URL": database("habits"),
                "RABBITMQ_URL": rabbitmq_url,
                "JWKS_URL": jwks_url,
            },
            ports=ports,
        )


def run_once(system: System, process: str) -> list[dict[str, Any]]:
    """Run a process that ends by itself; return its log."""
    done = subprocess.run(
        [sys.executable, "-m", "services.habits", process],
        env=system.environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def running(system: System) -> Iterator[None]:
    """Run all processes until the block ends; then each must end by itself, without an error."""
    programs = {process: start(system, process) for process in system.ports}
    try:
        for process in system.ports:
            ready = system.address(process, "/readyz")
            wait_for(lambda ready=ready: answers(ready), process)  # type: ignore[misc]
        yield
    finally:
        for program in programs.values():
            program.send_signal(signal.SIGTERM)
        outputs = {
            process: program.communicate(timeout=LIMIT_SECONDS)[0]
            for process, program in programs.items()
        }
    for process, program in programs.items():
        assert program.returncode == 0, f"{process}: {outputs[process]}"


def start(system: System, process: str) -> subprocess.Popen[str]:
    port = str(system.ports[process])
    return subprocess.Popen(
        [sys.executable, "-m", "services.habits", process],
        env={**system.environment, "HTTP_PORT": port, "OPS_PORT": port},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    give_up_at = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < give_up_at:
        if result := condition():
            return result
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {LIMIT_SECONDS} s")


class Subscriber:
    """Somebody else's queue, bound to all events of habits."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def bind(self) -> None:
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(EVENTS_EXCHANGE, "topic", durable=True)
            queue = await channel.declare_queue("subscriber", durable=True)
            await queue.bind(exchange, "habit.#")

    async def take(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        taken: list[tuple[str, dict[str, Any]]] = []
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            queue = await channel.get_queue("subscriber")
            async with asyncio.timeout(LIMIT_SECONDS), queue.iterator() as messages:
                async for message in messages:
                    await message.ack()
                    taken.append((message.routing_key or "", json.loads(message.body)))
                    if len(taken) == count:
                        return taken
        raise AssertionError("the queue ended")


async def announce_deletion(url: str, account_id: UUID) -> None:
    now = datetime.now(UTC)
    event = CloudEvent(
        id=str(uuid4()),
        type=ACCOUNT_DELETED,
        source="/services/auth",
        subject=str(account_id),
        time=now,
        body=AccountStateV1(
            id=str(account_id),
            time_zone="UTC",
            locale="en",
            is_active=False,
            created_at=now,
            updated_at=now,
            deleted=True,
            version=2,
        ),
    )
    async with Publisher(url, "test") as publisher:
        await publisher.publish(
            EVENTS_EXCHANGE,
            event.type,
            event.json_body(),
            message_id=event.id,
            headers=event.headers(),
            message_type=event.type,
        )


async def put_into_queue(url: str, body: bytes) -> None:
    async with Publisher(url, "test") as publisher:
        await publisher.publish("", HABITS_EVENTS.name, body, message_id=str(uuid4()))


async def dead_letters(url: str) -> list[bytes]:
    async with await aio_pika.connect(url) as connection:
        queue = await (await connection.channel()).get_queue(HABITS_EVENTS.dead_letter_queue)
        message = await queue.get(fail=False)
        return [] if message is None else [message.body]


def test_a_habit_goes_all_the_way_and_so_does_its_erasure(system: System) -> None:
    assert run_once(system, "setup")[-1]["event"] == "set up"
    subscriber = Subscriber(system.rabbitmq_url)
    asyncio.run(subscriber.bind())
    account_id = uuid4()
    headers = {"Authorization": f"Bearer {token_of(account_id)}"}
    habits = system.address("serve", "/api/habit/")
    with running(system):
        created = requests.post(habits, json=WATER, headers=headers, timeout=10)
        assert created.status_code == 201, created.text
        habit = created.json()
        assert (
            requests.get(created.headers["Location"], headers=headers, timeout=10).json() == habit
        )
        (told,) = asyncio.run(subscriber.take(1))
        assert told == (
            "habit.created.v2",
            {
                **habit,
                "start_date": None,
                "owner_id": str(account_id),
                "timing_since": habit["created_at"],
                "deleted": False,
            },
        )

        assert run_once(system, "rebuild-read-model")[-1]["habits"] == 1
        assert requests.get(habits, headers=headers, timeout=10).json()["results"] == [habit]

        # What nobody can read goes aside, whole, and holds nothing up.
        asyncio.run(put_into_queue(system.rabbitmq_url, b"\x00 no event"))
        asyncio.run(announce_deletion(system.rabbitmq_url, account_id))
        (told,) = asyncio.run(subscriber.take(1))
        assert (told[0], told[1]["action"], told[1]["deleted"]) == ("habit.deleted.v2", "", True)
        assert requests.get(habits, headers=headers, timeout=10).status_code == 401
        dead = wait_for(lambda: asyncio.run(dead_letters(system.rabbitmq_url)), "dead letter")
        assert dead == [b"\x00 no event"]
        for process in system.ports:
            assert (
                "python_info" in requests.get(system.address(process, "/metrics"), timeout=10).text
            )
