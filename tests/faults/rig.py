"""The system under attack: as `make run` starts it, with more replicas, and ways to hurt it.

Everything runs under supervisord, so what is killed comes back by itself, servers included.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aio_pika
import psycopg
import requests
from aio_pika.abc import AbstractChannel
from dotenv import dotenv_values

from shared.contracts.topology import ALL_QUEUES
from shared.messaging.publisher import BROKER_ERRORS
from tests.faults.replicas import Replica, is_ready
from tests.faults.supervised import Supervised
from tests.servers.whole_system import UNMEASURED, System, running_system

# More replicas than `make run` starts: service, process, seconds by which its clock is ahead.
EXTRA_REPLICAS = (
    ("scheduler", "tick", 2.0),
    ("scheduler", "consume", -2.0),
    ("scheduler", "relay", 2.0),
    ("habits", "relay", -2.0),
    ("notifier", "consume", 2.0),
    ("notifier", "consume", -2.0),
)
SERVICES_WITH_DATABASES = ("auth", "habits", "scheduler", "notifier")


@dataclass(slots=True)
class Rig:
    """A running system with replicas."""

    system: System
    replicas: list[Replica] = field(default_factory=list)

    @property
    def programs(self) -> Supervised:
        """Return what runs under supervisord: servers and one process of each kind."""
        return Supervised(self.system.run_directory)

    def addresses(self) -> Mapping[str, str]:
        """Return the administrator's URLs of the servers."""
        values = dotenv_values(self.system.run_directory / "addresses.env")
        return {name: value for name, value in values.items() if value}

    def broker_url(self) -> str:
        """Return the broker's address for its administrator, as a service from outside."""
        return self.addresses()["RABBITMQ_URL"]

    def database_url(self, service: str) -> str:
        return self.system.service_environments[service]["DATABASE_URL"]

    def query(self, service: str, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Return what a query finds in a service's database."""
        with psycopg.connect(self.database_url(service), connect_timeout=10) as connection:
            return connection.execute(statement, parameters).fetchall()

    def terminate_database_connections(self) -> None:
        """Cut every connection of every service, in the middle of whatever it does."""
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(self.addresses()["POSTGRES_URL"], autocommit=True) as connection,
        ):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND usename IS NOT NULL"
            )

    def close_broker_connections(self) -> None:
        """Have the broker close every connection; one that is just starting again has none."""
        with suppress(requests.RequestException):
            for connection in self._management("GET", "connections"):
                self._management("DELETE", f"connections/{quote(str(connection['name']), safe='')}")

    def queue_depths(self) -> dict[str, int]:
        """Return the number of waiting messages of each queue of ours, at this moment.

        The management API's numbers are some seconds old.
        """
        return asyncio.run(self._queue_depths())

    async def _queue_depths(self) -> dict[str, int]:
        async with await aio_pika.connect(self.broker_url(), timeout=10) as connection:
            channel = await connection.channel()
            return {
                name: await _depth(channel, name)
                for queue in ALL_QUEUES
                for name in (
                    queue.name,
                    queue.dead_letter_queue,
                    *map(queue.retry_queue, queue.retry_delays_seconds),
                )
            }

    def redeliveries(self) -> int:
        """Return how often the broker has delivered a message of ours again."""
        return sum(
            queue.get("message_stats", {}).get("redeliver", 0)
            for queue in self._management("GET", "queues")
            if not queue["name"].startswith("test.")
        )

    def replicas_of(self, service: str, process: str) -> list[Replica]:
        """Return the processes of one kind that were added."""
        return [
            each for each in self.replicas if (each.service, each.process) == (service, process)
        ]

    def add_replica(
        self,
        service: str,
        process: str,
        *,
        wait: bool = False,
        clock_offset_seconds: float = 0.0,
    ) -> Replica:
        """Start one more process of a service; it ends with the rig."""
        replica = Replica.of(self.system, service, process, clock_offset_seconds)
        replica.start()
        self.replicas.append(replica)
        if wait:
            eventually(lambda: is_ready(replica.port), f"{service} {process} is ready", 60)
        return replica

    def remove_replica(self, replica: Replica) -> None:
        """End a process that was added."""
        self.replicas.remove(replica)
        replica.stop()

    def stop_replicas(self) -> None:
        for replica in self.replicas:
            replica.ask_to_stop()
        for replica in self.replicas:
            replica.wait_until_stopped()

    def is_ready(self) -> bool:
        """Whether everything of ours says that it can serve. A replica that ended is an error."""
        ended = [each.log for each in self.replicas if each.has_ended]
        assert not ended, f"processes ended by themselves: {ended}"
        answer = requests.get(f"{self.system.gateway_url}/api/health/", timeout=10)
        return answer.ok and all(is_ready(replica.port) for replica in self.replicas)

    def _management(self, method: str, path: str) -> list[dict[str, Any]]:
        url = f"{self.addresses()['RABBITMQ_MANAGEMENT_URL']}/api/{path}"
        answer = requests.request(method, url, timeout=10)
        if method == "GET":
            answer.raise_for_status()
            found: list[dict[str, Any]] = answer.json()
            return found
        return []


@contextmanager
def running_rig(
    directory: Path, variables: Mapping[str, str] | None = None, *, replicas: bool = True
) -> Iterator[Rig]:
    """Run the system on private servers, with replicas, for the length of a block."""
    limits = {
        "RATE_LIMIT_REGISTER_PER_MINUTE": "60000",
        "RATE_LIMIT_TOKEN_PER_MINUTE": "60000",
    }
    with running_system(directory, {**UNMEASURED, **limits, **(variables or {})}) as system:
        rig = Rig(system)
        try:
            for service, process, offset in EXTRA_REPLICAS if replicas else ():
                rig.add_replica(service, process, clock_offset_seconds=offset)
            yield rig
        finally:
            rig.stop_replicas()


async def _depth(channel: AbstractChannel, name: str) -> int:
    queue = await channel.declare_queue(name, passive=True)
    return queue.declaration_result.message_count or 0


def eventually(
    condition: Callable[[], bool], what: str, seconds: float = 30, pause_seconds: float = 0.1
) -> None:
    """Poll a condition until it holds; a server that is away counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(requests.RequestException, psycopg.OperationalError, *BROKER_ERRORS):
            if condition():
                return
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause_seconds)
