"""The whole system, with replicas and under load, is hurt; afterwards no promise is broken.

Each test ends with the checker's invariants I1 to I6 (see checker.py); what a test asserts itself
comes on top. The numbers are those of docs/fault-suite.md.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.faults.arena import Arena
from tests.faults.disasters import cut_power_of_senders
from tests.faults.rig import eventually

pytestmark = pytest.mark.timeout(600)


def test_07_database_connections_are_cut_again_and_again(arena: Arena) -> None:
    with arena.under_load() as load:
        _repeat(arena.rig.terminate_database_connections, seconds=5, pause_seconds=0.5)
    assert load.workload.journal.acknowledged > 0


def test_08_postgresql_is_killed_and_recovers(arena: Arena) -> None:
    with arena.under_load():
        _repeat(lambda: arena.rig.programs.kill("postgresql"), seconds=6, pause_seconds=3)


def test_11_rabbitmq_is_killed_and_comes_back(arena: Arena) -> None:
    with arena.under_load() as load:
        before = load.workload.journal.acknowledged
        arena.rig.programs.kill("rabbitmq")
        # No request needs the broker: what is to be told waits in the outboxes.
        eventually(lambda: load.workload.journal.acknowledged > before + 5, "requests are answered")
        eventually(arena.rig.is_ready, "ready again", 60)


def test_12_broker_connections_are_closed_every_two_seconds(arena: Arena) -> None:
    with arena.under_load():
        _repeat(arena.rig.close_broker_connections, seconds=6, pause_seconds=2)
        eventually(arena.rig.is_ready, "consumers are back", 30)


def test_13_the_broker_is_frozen(arena: Arena) -> None:
    with arena.under_load() as load, arena.rig.programs.frozen("rabbitmq"):
        before = load.workload.journal.acknowledged
        time.sleep(6)
        assert load.workload.journal.acknowledged > before + 5


def test_25_redis_is_killed_and_keeps_its_records(arena: Arena) -> None:
    with arena.under_load():
        _repeat(lambda: arena.rig.programs.kill("redis"), seconds=4, pause_seconds=2)


def test_25_redis_pauses_and_everything_is_sent_afterwards(arena: Arena) -> None:
    with arena.under_load(), arena.rig.programs.frozen("redis"):
        time.sleep(6)


def test_25_redis_is_full_nothing_is_sent_until_there_is_room(arena: Arena) -> None:
    with arena.under_load(), _redis(arena) as client:
        client.config_set("maxmemory", "1")
        try:
            sent_from = len(arena.telegram.requests(limit=100_000))
            time.sleep(4)
            # One that had its mark before may still have been on its way.
            assert len(arena.telegram.requests(limit=100_000)) <= sent_from + 3
        finally:
            client.config_set("maxmemory", "0")


def test_25_redis_loses_everything_and_nothing_is_sent_twice(arena: Arena) -> None:
    with arena.under_load() as load, _redis(arena) as client:
        client.flushall()
        time.sleep(2)
        client.flushall()
    assert load.verdict.numbers["duplicates"] == 0


def test_25_a_power_cut_takes_the_senders_and_the_last_second_of_redis(arena: Arena) -> None:
    lost = 0
    with arena.under_load() as load:
        for _ in range(3):
            lost += cut_power_of_senders(arena.rig)
            eventually(arena.rig.is_ready, "ready again", 60)
    assert lost > 0, "nothing was written in the seconds that were lost"
    assert load.verdict.numbers["duplicates"] == 0


def test_30_schedulers_are_killed_all_the_time(arena: Arena) -> None:
    replicas = arena.rig.replicas_of("scheduler", "tick")
    with arena.under_load():
        for _ in range(5):
            arena.rig.programs.kill("scheduler")
            for replica in replicas:
                replica.kill()
                replica.start()
            time.sleep(0.8)


def _repeat(action: Callable[[], None], seconds: float, pause_seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        action()
        time.sleep(pause_seconds)


@contextmanager
def _redis(arena: Arena) -> Iterator[redis.Redis]:
    url = arena.rig.system.service_environments["notifier"]["REDIS_URL"]
    with redis.Redis.from_url(url) as client:
        yield client
