"""The sides of a comparison: an HTTP process of sixteen threads each, with accounts of 50 habits.

Ours are the processes of `make run`, with the relay that follows `serve`; the peer is
`tests/benchmarks/peer`. All share one PostgreSQL server; nobody stands behind a gateway.
"""

import json
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from deploy.local.ports import free_ports, is_listening
from deploy.local.programs import REPOSITORY, Program, run_once, running, wait_until
from shared.http.server import THREADS
from tests.benchmarks.load import exchange, request

HABITS_AN_ACCOUNT = 50
PASSWORD = secrets.token_hex(8)
WATER = {
    "action": "Drink a glass of water",
    "place": "Kitchen",
    "time": "07:30",
    "duration_seconds": 60,
}
PEER = REPOSITORY / "tests/benchmarks/peer"
PEER_PYTHON = REPOSITORY / ".venv-bench/bin/python"

_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Side:
    """One side: where it answers, its processes by what they do, and what signs its accounts in."""

    name: str
    habits: str
    sign_in: str
    processes: Mapping[str, int]
    credentials: list[dict[str, str]]
    tokens: list[str]


@contextmanager
def ours(
    auth_url: str, habits_url: str, broker_url: str, folder: Path, *, accounts: int
) -> Iterator[Side]:
    """Run auth's and habits' HTTP processes and habits' relay."""
    ports = free_ports(3)
    settings = {
        "RABBITMQ_URL": broker_url,
        "SIGNING_KEYS_SECRET": secrets.token_hex(16),
        "JWKS_URL": f"http://127.0.0.1:{ports[0]}/api/.well-known/jwks.json",
        "RATE_LIMIT_REGISTER_PER_MINUTE": "1000000",
        "RATE_LIMIT_TOKEN_PER_MINUTE": "1000000",
    }
    auth = {**settings, "DATABASE_URL": auth_url}
    habits = {**settings, "DATABASE_URL": habits_url}
    for service, environment in (("auth", auth), ("habits", habits)):
        run_once([sys.executable, "-m", f"services.{service}", "setup"], environment)
    with ExitStack() as stack:
        processes = {}
        for (name, service, process, environment), port in zip(
            (
                ("auth", "auth", "serve", auth),
                ("habits", "habits", "serve", habits),
                ("relay", "habits", "relay", habits),
            ),
            ports,
            strict=True,
        ):
            command = (sys.executable, "-m", f"services.{service}", process)
            own = {**environment, "HTTP_PORT": str(port), "OPS_PORT": str(port)}
            processes[name] = _started(stack, Program(name, command, own), port, folder)
        sign_in, answering = (f"http://127.0.0.1:{port}" for port in ports[:2])
        credentials = [
            {"email": f"{uuid4()}@example.com", "password": PASSWORD} for _ in range(accounts)
        ]
        tokens = _tokens(sign_in, credentials)
        yield _furnished(Side("ours", answering, sign_in, processes, credentials, tokens))


@contextmanager
def peer(database_url: str, folder: Path, *, accounts: int, tuned: bool) -> Iterator[Side]:
    """Run the peer as courses ship it, or tuned."""
    name = "Django, tuned" if tuned else "Django, as shipped"
    [port] = free_ports(1)
    environment = {
        "PEER_DATABASE_URL": database_url,
        "PEER_TUNED": "1" if tuned else "0",
        "DJANGO_SETTINGS_MODULE": "peer.settings",
        "PYTHONPATH": str(PEER),
    }
    python = str(PEER_PYTHON)
    run_once([python, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"], environment)
    command = (
        *(python, "-m", "gunicorn", "peer.wsgi", "--bind", f"127.0.0.1:{port}"),
        *("--workers", "1", "--threads", str(THREADS), "--keep-alive", "75"),
        # As ours does: a line for each request.
        *("--access-logfile", "-"),
    )
    with ExitStack() as stack:
        process = _started(stack, Program("peer", command, environment), port, folder)
        address = f"http://127.0.0.1:{port}"
        credentials = [{"username": f"{uuid4()}", "password": PASSWORD} for _ in range(accounts)]
        tokens = _tokens(address, credentials)
        processes = {"auth": process, "habits": process}
        yield _furnished(Side(name, address, address, processes, credentials, tokens))


def _started(stack: ExitStack, program: Program, port: int, folder: Path) -> int:
    log = folder / f"{program.name}-{port}.log"
    process = stack.enter_context(running(program, log))
    wait_until(
        lambda: is_listening(port),
        f"{program.name} ({log})",
        _START_SECONDS,
        lambda: process.poll() is None,
    )
    return process.pid


def _tokens(address: str, credentials: list[dict[str, str]]) -> list[str]:
    for each in credentials:
        _posted(f"{address}/api/register/", each)
    return [_posted(f"{address}/api/token/", each)["access"] for each in credentials]


def _furnished(side: Side) -> Side:
    body = json.dumps(WATER).encode()
    parts = urlsplit(side.habits)
    with socket.create_connection((parts.hostname, parts.port), 30) as line:
        for token in side.tokens * HABITS_AN_ACCOUNT:
            answer = exchange(line, request("POST", "/api/habit/", token, body))
            if not answer.startswith(b"HTTP/1.1 201"):
                raise RuntimeError(answer.decode(errors="replace"))
    return side


def _posted(address: str, body: dict[str, str]) -> Any:
    answer = requests.post(address, json=body, timeout=30)
    if not answer.ok:
        raise RuntimeError(f"{address}: {answer.status_code} {answer.text}")
    return answer.json()
