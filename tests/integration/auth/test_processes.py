"""auth as it runs: setup, serve and relay, each a process of its own, on real servers."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import aio_pika
import pytest
import requests

from shared.contracts.account_commands import SetTimeZoneV1, command_to_json
from shared.contracts.cloud_event import CloudEvent, read_event
from shared.contracts.topology import AUTH_COMMANDS, NOTIFIER_REPLIES, SCHEDULER_EVENTS
from shared.instants import now
from shared.messaging.broker_topology import declare_topology
from tests.integration.auth.callers import PASSWORD, rows

ROOT = Path(__file__).resolve().parents[3]
LIMIT_SECONDS = 60


@pytest.fixture
def environment(database: Callable[[str], str], vhost: Callable[[str], str]) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": database("auth"),
        "RABBITMQ_URL": vhost("auth"),
        "SIGNING_KEYS_SECRET": "a secret of the tests, long enough",
    }


def _command(process: str) -> list[str]:
    return [sys.executable, "-m", "services.auth", process]


@contextmanager
def running(process: str, environment: dict[str, str]) -> Iterator[str]:
    """Run a process; yield its address once it is ready; end it by SIGTERM, cleanly."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ports = {"HTTP_PORT": str(port), "OPS_PORT": str(port)}
    child = subprocess.Popen(
        _command(process), cwd=ROOT, env={**environment, **ports}, stdout=subprocess.DEVNULL
    )
    try:
        _until_ready(child, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
        child.send_signal(signal.SIGTERM)
        assert child.wait(LIMIT_SECONDS) == 0
    finally:
        child.kill()
        child.wait()


def _until_ready(child: "subprocess.Popen[bytes]", address: str) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        assert child.poll() is None, "the process ended"
        try:
            if requests.get(f"{address}/readyz", timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    pytest.fail(f"{address} never became ready")


def _setup(environment: dict[str, str]) -> None:
    subprocess.run(_command("setup"), cwd=ROOT, env=environment, check=True, timeout=LIMIT_SECONDS)


async def _next_event(url: str) -> CloudEvent:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(SCHEDULER_EVENTS.name)
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            message = await queue.get(no_ack=True, fail=False)
            if message is not None:
                return read_event(message.headers, message.body)
            await asyncio.sleep(0.02)
    pytest.fail("no event arrived")


async def _ask_for_a_time_zone(url: str, account_id: str) -> None:
    command = SetTimeZoneV1(
        command_id="7:timezone", account_id=UUID(account_id), time_zone="asia/tokyo", at=now()
    )
    body = json.dumps(command_to_json(command)).encode()
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(aio_pika.Message(body), AUTH_COMMANDS.name)


def test_an_account_registered_over_http_is_heard_of_at_the_broker(
    environment: dict[str, str],
) -> None:
    _setup(environment)
    broker = environment["RABBITMQ_URL"]
    asyncio.run(declare_topology(broker, [SCHEDULER_EVENTS, NOTIFIER_REPLIES]))
    with (
        running("serve", environment) as address,
        running("relay", environment),
        running("consume", environment),
    ):
        body = {"email": "ann@example.com", "password": PASSWORD}
        headers = {"X-Request-ID": "request-7"}
        answer = requests.post(f"{address}/api/register/", json=body, headers=headers, timeout=10)
        assert answer.status_code == 201
        event = asyncio.run(_next_event(broker))
        profile: dict[str, Any] = answer.json()
        asyncio.run(_ask_for_a_time_zone(broker, profile["id"]))
        changed = asyncio.run(_next_event(broker))

    assert (changed.type, changed.subject) == ("account.changed.v1", profile["id"])
    assert changed.json_body()["time_zone"] == "Asia/Tokyo"
    assert event.type == "account.registered.v1"
    assert event.subject == profile["id"]
    assert event.source == "/services/auth"
    assert event.request_id == "request-7"
    assert rows(environment["DATABASE_URL"], "SELECT id FROM outbox") == []


def test_setup_may_run_again_and_keeps_the_signing_key(environment: dict[str, str]) -> None:
    _setup(environment)
    first = rows(environment["DATABASE_URL"], "SELECT * FROM signing_keys")
    _setup(environment)

    assert len(first) == 1
    assert rows(environment["DATABASE_URL"], "SELECT * FROM signing_keys") == first


def test_a_wrong_setting_stops_the_start_and_names_the_variable(
    environment: dict[str, str],
) -> None:
    ended = subprocess.run(
        _command("serve"),
        cwd=ROOT,
        env={**environment, "RATE_LIMIT_FAILED_LOGINS": "none"},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert ended.returncode != 0
    assert "RATE_LIMIT_FAILED_LOGINS" in ended.stderr
    assert "Traceback" not in ended.stderr
