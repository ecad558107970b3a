"""The cache of public keys, against a real HTTP server."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

import services.habits.app
import services.habits.settings
import services.notifier.app
import services.notifier.settings
from shared.http.access_tokens import (
    ASKED_AGAIN_SECONDS,
    KEY_SET_SECONDS,
    JwksClient,
    UnknownKey,
)
from shared.http.problem_details import Problem
from shared.process.environment import load_settings

NOWHERE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "RABBITMQ_URL": "amqp://127.0.0.1:1/",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "TELEGRAM_BOT_TOKEN": "1:token",
}
SERVICES: dict[str, tuple[Any, Any]] = {
    "habits": (services.habits.settings.read_settings, services.habits.app.create_app),
    "notifier": (services.notifier.settings.read_settings, services.notifier.app.create_app),
}


@dataclass
class Jwks:
    url: str = ""
    kids: list[str] = field(default_factory=list)
    status: int = 200
    fetches: int = 0
    answers: threading.Event = field(default_factory=threading.Event)

    def document(self) -> dict[str, Any]:
        key = Ed25519PrivateKey.generate().public_key()
        public = json.loads(OKPAlgorithm.to_jwk(key))
        return {"keys": [{**public, "kid": kid, "use": "sig", "alg": "EdDSA"} for kid in self.kids]}


@dataclass
class Clock:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def jwks() -> Iterator[Jwks]:
    published = Jwks(kids=["k-1"])
    published.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published.fetches += 1
            published.answers.wait(20)
            body = json.dumps(published.document()).encode()
            self.send_response(published.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    published.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    yield published
    published.answers.set()
    server.shutdown()
    server.server_close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_keys_are_fetched_once_and_kept(jwks: Jwks) -> None:
    client = JwksClient(jwks.url, Clock())
    assert client.find_key("k-1") == client.find_key("k-1")
    assert jwks.fetches == 1


def test_keys_are_fetched_again_after_the_cache_time(jwks: Jwks) -> None:
    clock = Clock()
    client = JwksClient(jwks.url, clock)
    client.find_key("k-1")
    clock.seconds += KEY_SET_SECONDS + 1
    client.find_key("k-1")
    assert jwks.fetches == 2


def test_a_new_key_is_found_and_unknown_kids_cannot_hammer_auth(jwks: Jwks) -> None:
    clock = Clock()
    client = JwksClient(jwks.url, clock)
    client.find_key("k-1")
    for _ in range(20):
        with pytest.raises(UnknownKey):
            client.find_key("k-2")
    assert jwks.fetches == 1
    jwks.kids.append("k-2")
    clock.seconds += ASKED_AGAIN_SECONDS + 1
    assert client.find_key("k-2")


def test_the_last_good_keys_serve_while_auth_is_down(jwks: Jwks) -> None:
    clock = Clock()
    client = JwksClient(jwks.url, clock)
    client.find_key("k-1")
    jwks.status = 500
    clock.seconds += KEY_SET_SECONDS + 1
    assert client.find_key("k-1")


def test_while_auth_hangs_requests_go_on_with_the_known_keys(jwks: Jwks) -> None:
    clock = Clock()
    client = JwksClient(jwks.url, clock)
    client.find_key("k-1")
    jwks.answers.clear()
    clock.seconds += KEY_SET_SECONDS / 2
    with ThreadPoolExecutor(16) as pool:
        began = time.monotonic()
        list(pool.map(client.find_key, ["k-1"] * 16))
        assert time.monotonic() - began < 1.5  # a fetch that hangs takes longer to give up
    assert jwks.fetches <= 2


def test_a_withdrawn_key_is_trusted_for_a_minute_at_most(jwks: Jwks) -> None:
    clock = Clock()
    client = JwksClient(jwks.url, clock)
    client.find_key("k-1")
    jwks.kids = ["k-2"]
    clock.seconds += KEY_SET_SECONDS
    with pytest.raises(UnknownKey):
        client.find_key("k-1")


def test_who_starts_waits_for_auth_and_has_its_keys_then(jwks: Jwks) -> None:
    jwks.status = 503
    client = JwksClient(jwks.url)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.wait_for_keys)
        wait_for(lambda: jwks.fetches > 1)
        assert not waiting.done()
        jwks.status = 200
        waiting.result(20)
    fetches = jwks.fetches
    assert client.has_keys()
    assert jwks.fetches == fetches


def test_who_starts_without_auth_goes_on_after_a_while_and_is_not_ready(jwks: Jwks) -> None:
    jwks.status = 503
    client = JwksClient(jwks.url)
    client.wait_for_keys(limit_seconds=0.1)
    assert not client.has_keys()


def test_without_any_keys_the_answer_is_503_not_401(jwks: Jwks) -> None:
    jwks.status = 500
    with pytest.raises(Problem) as problem:
        JwksClient(jwks.url, Clock()).find_key("k-1")
    assert problem.value.status == 503


def readiness(service: str, jwks_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in {**NOWHERE, "JWKS_URL": jwks_url}.items():
        monkeypatch.setenv(name, value)
    settings, app = SERVICES[service]
    answer = app(load_settings(settings)).test_client().get("/readyz")
    assert answer.status_code == 503  # no database either
    checks: dict[str, str] = answer.json["checks"]
    return checks


@pytest.mark.parametrize("service", ["habits", "notifier"])
def test_a_service_that_cannot_judge_tokens_is_not_ready(
    service: str, jwks: Jwks, monkeypatch: pytest.MonkeyPatch
) -> None:
    jwks.status = 503
    assert readiness(service, jwks.url, monkeypatch)["public_keys"] == "unavailable"
    jwks.status = 200
    assert readiness(service, jwks.url, monkeypatch)["public_keys"] == "ok"
