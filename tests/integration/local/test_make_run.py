"""`make run` for real: private servers in a directory that nobody else may enter, twice.

The second start finds the data of the first; what is killed comes back; no process stays behind.
The first is the system of the fault tests, which run before these.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import psycopg
import pytest
import redis
import requests
from aiormq.exceptions import ChannelAccessRefused

from deploy.local.programs import REPOSITORY, wait_until
from tests.faults.arena import Arena
from tests.servers.whole_system import System, running_system

pytestmark = pytest.mark.timeout(900)

STANDARD_PORTS = {5432, 5672, 6379, 4369, 25672, 15672}


@pytest.fixture
def first_run(arena: Arena) -> System:
    """Return the system after its first start; its tests come before that of the second run."""
    return arena.rig.system


def test_everything_answers_and_no_password_is_printed(first_run: System) -> None:
    health = requests.get(f"{first_run.gateway_url}/api/health/", timeout=10)
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    printed = first_run.output.read_text()
    assert f":{urlsplit(first_run.gateway_url).port}/api/swagger/" in printed
    secrets = (first_run.run_directory / "secrets.json").read_text()
    assert not [
        secret for secret in re.findall(r'"([0-9a-f:]{35,})"', secrets) if secret in printed
    ]


def test_the_private_servers_keep_off_the_standard_ports(first_run: System) -> None:
    addresses = (first_run.run_directory / "addresses.env").read_text()
    ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", addresses)}
    assert len(ports) == 4
    assert not ports & STANDARD_PORTS


def test_a_second_run_in_the_same_directory_is_refused_in_one_line(first_run: System) -> None:
    command = [sys.executable, "-m", "deploy.local", "--settings-file", os.devnull, "run"]
    environment = {**os.environ, "HABIT_TRACKER_RUN_DIR": str(first_run.run_directory)}
    second = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert second.returncode != 0
    assert f"process {first_run.process.pid}" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "command", ["-m services.scheduler tick", "-m services.habits serve", "/redis-server"]
)
def test_what_is_killed_comes_back(first_run: System, command: str) -> None:
    before = set(_processes(first_run, command))
    os.kill(min(before), signal.SIGKILL)
    wait_until(lambda: bool(set(_processes(first_run, command)) - before), command, 60)


def test_a_service_may_not_read_the_queue_of_another(first_run: System) -> None:
    url = first_run.service_environments["auth"]["RABBITMQ_URL"]

    async def read_foreign_queue() -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.get_queue("reminders", ensure=False)
            await queue.get(fail=False)

    with pytest.raises(ChannelAccessRefused):
        asyncio.run(read_foreign_queue())


def test_a_service_may_not_tell_the_events_of_another(first_run: System) -> None:
    url = first_run.service_environments["auth"]["RABBITMQ_URL"]

    async def tell(event_type: str) -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange("events", ensure=False)
            await exchange.publish(aio_pika.Message(b"{}"), event_type, mandatory=False)

    asyncio.run(tell("account.nothing.v0"))
    with pytest.raises(ChannelAccessRefused):
        asyncio.run(tell("reminder.due.v1"))


def test_the_directory_with_all_data_is_closed_to_others(first_run: System) -> None:
    assert first_run.run_directory.stat().st_mode & 0o077 == 0


def test_the_second_run_has_the_data_of_the_first_and_nothing_stays_behind(
    arena: Arena, first_run: System
) -> None:
    run_directory = first_run.run_directory
    arena.seen.close()
    arena.rig.stop_replicas()
    _write_marks(first_run)
    processes = _descendants(first_run.process.pid)
    first_run.process.send_signal(signal.SIGTERM)
    first_run.process.send_signal(signal.SIGTERM)
    assert first_run.process.wait(timeout=120) == 0
    assert _alive(processes, run_directory) == []
    behind_a_proxy = {"PUBLIC_URL": "https://habits.example", "TRUSTED_PROXIES": "127.0.0.1"}
    with running_system(run_directory, behind_a_proxy) as second_run:
        _expect_marks(second_run)
        _expect_the_clients_and_links_of_a_proxy(second_run)
        processes = _descendants(second_run.process.pid)
        second_run.process.send_signal(signal.SIGINT)
        assert second_run.process.wait(timeout=120) == 0
        assert _alive(processes, run_directory) == []


def _write_marks(system: System) -> None:
    environment = system.service_environments["notifier"]
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE mark AS SELECT 'kept' AS word")
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        client.set("mark", "kept")


def _expect_marks(system: System) -> None:
    environment = system.service_environments["notifier"]
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT word FROM mark").fetchone() == ("kept",)
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        assert client.get("mark") == b"kept"


def _expect_the_clients_and_links_of_a_proxy(system: System) -> None:
    api = f"{system.gateway_url}/api"
    person = {"email": "ann@example.com", "password": "one habit at a time"}
    for client in range(15):  # more than one address may register in a minute
        headers = {"X-Forwarded-For": f"203.0.113.{client}"}
        body = {**person, "email": f"{client}-{person['email']}"}
        registered = requests.post(f"{api}/register/", json=body, headers=headers, timeout=30)
        assert registered.status_code == 201
    token = requests.post(f"{api}/token/", json=body, timeout=30).json()["access"]
    signed_in = {"Authorization": f"Bearer {token}"}
    habit = {"action": "Read", "place": "Sofa", "time": "21:00", "duration_seconds": 60}
    for _ in range(2):
        created = requests.post(f"{api}/habit/", json=habit, headers=signed_in, timeout=30)
        assert created.headers["Location"].startswith("https://habits.example/api/habit/")
    pages = requests.get(f"{api}/habit/?page_size=1", headers=signed_in, timeout=30).json()
    assert pages["next"] == "https://habits.example/api/habit/?page=2&page_size=1"


def _processes(system: System, command: str) -> list[int]:
    lines = _ps("pid=,args=")
    family = set(_descendants(system.process.pid))
    return [
        int(line.split(None, 1)[0])
        for line in lines
        if command in line and int(line.split(None, 1)[0]) in family
    ]


def _descendants(ancestor: int) -> list[int]:
    parents = {int(line.split()[0]): int(line.split()[1]) for line in _ps("pid=,ppid=")}
    family = [ancestor]
    for member in family:
        family.extend(child for child, parent in parents.items() if parent == member)
    return family[1:]


def _alive(processes: list[int], run_directory: Path) -> list[str]:
    return [
        line
        for line in _ps("pid=,args=")
        if int(line.split(None, 1)[0]) in processes or str(run_directory) in line
    ]


def _ps(columns: str) -> list[str]:
    listing = subprocess.run(["ps", "-eo", columns], capture_output=True, text=True, check=True)
    return listing.stdout.splitlines()
