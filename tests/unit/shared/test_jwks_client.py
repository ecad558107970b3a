"""The cache of public keys, against a real HTTP server."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from shared.http.access_tokens import CACHE_SECONDS, REFETCH_SECONDS, JwksClient, UnknownKey
from shared.http.problem_details import Problem


@dataclass
class Jwks:
    url: str = ""
    kids: list[str] = field(default_factory=list)
    status: int = 200
    fetches: int = 0

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

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published.fetches += 1
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
    server.shutdown()
    server.server_close()


def test_keys_are_fetched_once_and_kept(jwks: Jwks) -> None:
    client = JwksClient(jwks.url, Clock())
    assert client.find_key("k-1") == client.find_key("k-1")
    assert jwks.fetches == 1


def test_keys_are_fetched_again_after_the_cache_time(jwks: Jwks) -> None:
    clock = Clock()
    client = JwksClient(jwks.url, clock)
    client.find_key("k-1")
    clock.seconds += CACHE_SECONDS + 1
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
    clock.seconds += REFETCH_SECONDS + 1
    assert client.find_key("k-2")


def test_the_last_good_keys_serve_while_auth_is_down(jwks: Jwks) -> None:
    clock = Clock()
    client = JwksClient(jwks.url, clock)
    client.find_key("k-1")
    jwks.status = 500
    clock.seconds += CACHE_SECONDS + 1
    assert client.find_key("k-1")


def test_without_any_keys_the_answer_is_503_not_401(jwks: Jwks) -> None:
    jwks.status = 500
    with pytest.raises(Problem) as problem:
        JwksClient(jwks.url, Clock()).find_key("k-1")
    assert problem.value.status == 503
