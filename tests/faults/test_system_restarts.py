"""Restarts under load, and servers that come and go: nobody is refused, nothing comes twice.

The numbers are those of docs/fault-suite.md; each test ends with the checker's invariants.
"""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.faults.arena import Arena
from tests.faults.replicas import gateway_over, is_ready
from tests.faults.rig import eventually

pytestmark = pytest.mark.timeout(900)

# A longer run is a matter of this variable: each round restarts every process once.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))

HTTP_PROGRAMS = {"auth": "auth", "habits": "habits", "notifier": "notifier-api"}
OTHER_PROGRAMS = (
    "auth-relay",
    "habits-relay",
    "habits-consumer",
    "scheduler",
    "scheduler-relay",
    "scheduler-consumer",
    "notifier",
    "notifier-relay",
    "notifier-bot",
)
SERVERS = ("postgresql", "rabbitmq", "redis")


def test_21_rolling_restarts_refuse_no_request_and_redeliver_nothing(
    arena: Arena, tmp_path: Path
) -> None:
    programs = arena.rig.programs
    extra = {
        service: arena.rig.add_replica(service, "serve", wait=True) for service in HTTP_PROGRAMS
    }
    upstreams = {
        service: (programs.port(program), extra[service].port)
        for service, program in HTTP_PROGRAMS.items()
    }
    redelivered_before = arena.rig.redeliveries()
    with (
        gateway_over(tmp_path, {**upstreams, "status": (programs.port("gateway-status"),)}) as url,
        arena.under_load(url) as load,
    ):
        for _ in range(ROUNDS):
            for service, program in HTTP_PROGRAMS.items():
                programs.restart(program)
                _wait_until_ready(programs.port(program), program)
                extra[service].restart()
                _wait_until_ready(extra[service].port, service)
            programs.restart(*OTHER_PROGRAMS)
            others = [each for each in arena.rig.replicas if each.process != "serve"]
            for replica in others:
                replica.ask_to_stop()
            for replica in others:
                replica.wait_until_stopped()
                replica.start()
    assert load.workload.journal.in_doubt == 0
    assert load.workload.journal.refused == []
    assert arena.rig.redeliveries() == redelivered_before
    for replica in extra.values():
        arena.rig.remove_replica(replica)


def test_every_process_starts_before_its_servers_and_says_what_it_waits_for(arena: Arena) -> None:
    programs = arena.rig.programs
    ours = [*HTTP_PROGRAMS.values(), *OTHER_PROGRAMS]
    logs = {name: arena.rig.system.logs / f"{name}.log" for name in ours}
    for server in SERVERS:
        programs.stop(server)
    sizes = {name: log.stat().st_size for name, log in logs.items()}
    for name in ours:
        programs.signal(name, signal.SIGKILL)
    for replica in arena.rig.replicas:
        replica.kill()
        replica.start()
    try:
        eventually(lambda: set(ours) <= set(programs.pids()), "all are started again", 60)
        for name in ours:
            if "relay" in name or "consumer" in name:
                _wait_for_words('"server": "RabbitMQ', logs[name], sizes[name])
    finally:
        for server in reversed(SERVERS):
            programs.start(server)
            time.sleep(1)
    eventually(arena.rig.is_ready, "all are ready", 120)
    with arena.under_load():
        pass


def test_servers_vanish_and_return_in_another_order_under_load(arena: Arena) -> None:
    programs = arena.rig.programs
    with arena.under_load():
        for server in ("rabbitmq", "redis", "postgresql"):
            programs.stop(server)
            time.sleep(0.5)
        for server in ("redis", "postgresql", "rabbitmq"):
            programs.start(server)
            time.sleep(0.5)
        eventually(arena.rig.is_ready, "ready again", 120)


def _wait_until_ready(port: int, name: str) -> None:
    eventually(lambda: is_ready(port), f"{name} is ready", 60)


def _wait_for_words(words: str, log: Path, after: int) -> None:
    eventually(lambda: words in log.read_text()[after:], f"{log.name} says {words!r}", 60)
