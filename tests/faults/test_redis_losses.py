"""Fault 25, the parts: a Redis that forgets some of what it had confirmed, or all of it.

In each case a sender dies in the middle of a request, and what was sent and what was being sent
comes again, to a sender whose Redis has forgotten both.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from deploy.local.ports import free_ports
from deploy.local.programs import running, wait_until
from deploy.local.redis_server import RedisServer
from tests.faults.installation import PATIENCE_SECONDS, Notifier
from tests.faults.rig import eventually

pytestmark = pytest.mark.timeout(300)


@contextmanager
def running_redis(server: RedisServer) -> Iterator[redis.Redis]:
    """Run a server until the end of the block, which ends as a power cut does."""
    with running(server.program(), server.directory / "redis.log") as process:
        wait_until(server.is_ready, "redis", 30, lambda: process.poll() is None)
        with redis.Redis.from_url(server.url) as client:
            yield client
        process.kill()


class Loss:
    """A way to lose records: Redis before it, and the Redis there is afterwards."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.server = RedisServer(directory, free_ports(1)[0], secrets.token_hex(8))
        self.server.prepare()

    @contextmanager
    def before(self) -> Iterator[Callable[[], None]]:
        """Yield what to call when everything from now on is to be forgotten."""
        with running_redis(self.server):
            yield lambda: None

    @contextmanager
    def after(self) -> Iterator[str]:
        """Yield the address of the Redis that has forgotten."""
        with running_redis(self.server):
            yield self.server.url


class LastSecondCutOff(Loss):
    """The host loses its power before the append-only file has reached the disk."""

    _kept_bytes = 0

    @property
    def _file(self) -> Path:
        [file] = (self.server.directory / "data").rglob("*.incr.aof")
        return file

    @contextmanager
    def before(self) -> Iterator[Callable[[], None]]:
        def remember() -> None:
            self._kept_bytes = self._file.stat().st_size

        with running_redis(self.server) as client:
            # What is on the disk is certain then.
            client.config_set("appendfsync", "always")
            yield remember
        assert self._file.stat().st_size > self._kept_bytes
        with self._file.open("r+b") as file:
            file.truncate(self._kept_bytes)


class LaggingReplica(Loss):
    """A replica is promoted that had not received the last records."""

    @contextmanager
    def before(self) -> Iterator[Callable[[], None]]:
        primary = RedisServer(
            self.server.directory / "primary", free_ports(1)[0], self.server.password
        )
        primary.prepare()
        replica = self.server
        with running_redis(replica) as standby, running_redis(primary) as leader:
            self.server = primary
            standby.config_set("masterauth", primary.password)
            standby.replicaof("127.0.0.1", str(primary.port))
            eventually(lambda: standby.info()["master_link_status"] == "up", "replicating")

            def fall_behind() -> None:
                leader.wait(1, 10_000)
                standby.replicaof("NO", "ONE")

            yield fall_behind
        self.server = replica


class Everything(Loss):
    """Somebody empties the server."""

    @contextmanager
    def after(self) -> Iterator[str]:
        with running_redis(self.server) as client:
            client.flushall()
            yield self.server.url


class Eviction(Loss):
    """A server that is full and may evict takes whatever it has not used for long."""

    @contextmanager
    def after(self) -> Iterator[str]:
        with running_redis(self.server) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("maxmemory", client.info("memory")["used_memory"] + 200_000)
            for number in range(2000):
                client.set(f"others:{number}", "x" * 1000)
            assert client.info("stats")["evicted_keys"] > 0
            yield self.server.url


@pytest.mark.parametrize(
    "way",
    [
        LastSecondCutOff,
        LaggingReplica,
        pytest.param(Everything, marks=pytest.mark.short),
        Eviction,
    ],
)
def test_whatever_redis_loses_nothing_is_sent_twice(
    notifier: Notifier, tmp_path: Path, way: type[Loss]
) -> None:
    loss = way(tmp_path / "redis")
    warming, _ = notifier.due_reminder()
    sent, chat_of_sent = notifier.due_reminder()
    in_flight, chat_of_in_flight = notifier.due_reminder()
    notifier.person.fault("hang_after_recording", chat_id=chat_of_in_flight)
    with (
        loss.before() as forget_from_here,
        notifier.consumer(REDIS_URL=loss.server.url) as sender,
    ):
        notifier.announce(warming)
        notifier.wait_for_outcomes([warming])
        forget_from_here()
        notifier.announce(sent, in_flight)
        notifier.wait_for_outcomes([sent])
        eventually(
            lambda: bool(notifier.person.requests(chat_id=chat_of_in_flight)),
            "the request is at Telegram",
            PATIENCE_SECONDS,
        )
        sender.kill()
    with loss.after() as redis_url, notifier.consumer(REDIS_URL=redis_url):
        notifier.announce(sent, in_flight)
        notifier.let_time_run_out(in_flight)
        outcomes = notifier.wait_for_outcomes([sent, in_flight])
        notifier.assert_queues_are_empty()

    assert outcomes == {sent.id: "sent", in_flight.id: "unknown"}
    assert len(notifier.person.requests(chat_id=chat_of_sent)) == 1
    assert len(notifier.person.requests(chat_id=chat_of_in_flight)) == 1
    assert len(notifier.told(sent)) == len(notifier.told(in_flight)) == 1
