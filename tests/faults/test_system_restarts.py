"""Restarts under load, and servers that come and go: nobody is refused, nothing comes twice.

The numbers are those of docs/fault-suite.md; each test ends with the checker's invariants.
"""

import os
import signal
from pathlib import Path

import pytest

from tests.faults.arena import Arena
from tests.faults.disasters import KILLED
from tests.faults.replicas import Replica, gateway_over, is_ready, upstreams_of_one
from tests.faults.rig import eventually

pytestmark = pytest.mark.timeout(900)

# A longer run is a matter of this variable: each round restarts every process once.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))

HTTP_PROGRAMS = {"auth": "auth", "habits": "habits", "notifier": "notifier-api"}
OTHER_PROGRAMS = tuple(name for name in KILLED if name not in HTTP_PROGRAMS.values())


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
        gateway_over(tmp_path, upstreams | upstreams_of_one(programs)) as url,
        arena.under_load(url) as load,
    ):
        for _ in range(ROUNDS):
            programs.restart(*HTTP_PROGRAMS.values())
            for service, program in HTTP_PROGRAMS.items():
                _wait_until_ready(programs.port(program), service)
            _restart(list(extra.values()))
            for service, replica in extra.items():
                _wait_until_ready(replica.port, service)
            programs.restart(*OTHER_PROGRAMS)
            _restart([each for each in arena.rig.replicas if each.process != "serve"])
    assert load.workload.journal.in_doubt == 0
    assert load.workload.journal.refused == []
    assert arena.rig.redeliveries() == redelivered_before
    for replica in extra.values():
        arena.rig.remove_replica(replica)


def test_servers_vanish_and_everything_that_starts_meanwhile_waits_for_them(arena: Arena) -> None:
    """Servers return in another order than they went, to processes that have never met them."""
    programs = arena.rig.programs
    ours = [*HTTP_PROGRAMS.values(), *OTHER_PROGRAMS]
    logs = {name: arena.rig.system.logs / f"{name}.log" for name in ours}
    with arena.under_load():
        for server in ("rabbitmq", "redis", "postgresql"):
            programs.stop(server)
        sizes = {name: log.stat().st_size for name, log in logs.items()}
        try:
            for name in ours:
                programs.signal(name, signal.SIGKILL)
            for replica in arena.rig.replicas:
                replica.kill()
                replica.start()
            for name in ours:
                if "relay" in name or "consumer" in name:
                    _wait_for_words('"server": "RabbitMQ', logs[name], sizes[name])
        finally:
            for server in ("redis", "postgresql", "rabbitmq"):
                programs.start(server)
        eventually(arena.rig.is_ready, "all are ready", 120)


def _restart(replicas: list[Replica]) -> None:
    for replica in replicas:
        replica.ask_to_stop()
    for replica in replicas:
        replica.wait_until_stopped()
        replica.start()


def _wait_until_ready(port: int, name: str) -> None:
    eventually(lambda: is_ready(port), f"{name} is ready", 60)


def _wait_for_words(words: str, log: Path, after: int) -> None:
    eventually(lambda: words in log.read_text()[after:], f"{log.name} says {words!r}", 60)
