"""Callers of the notifier's HTTP API: an account with a token, and what it may not see."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.notifier.telegram.updates import read_update
from shared.http.access_tokens import AUDIENCE, ISSUER, UnknownKey

SECRET = "a-webhook-secret"
KEY_ID = "test-key"
SIGNING_KEY = Ed25519PrivateKey.generate()
PATH = "/api/tg/link/"


MakeApp = Callable[..., Flask]


class FakeBot:
    """Takes updates, fails as told, and holds them up until it is let go."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.error: Exception | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()

    def handle(self, raw: bytes) -> None:
        if self.error is not None:
            raise self.error
        read_update(raw)
        self.taken.append(raw)
        assert self.goes_on.wait(20)


def habit_bot() -> str:
    return "habit_bot"


def find_key(kid: str) -> Any:
    if kid != KEY_ID:
        raise UnknownKey(kid)
    return SIGNING_KEY.public_key()


def token_of(account_id: str, **changed: object) -> str:
    at = datetime.now(UTC)
    claims = {
        "sub": account_id,
        "type": "access",
        "jti": str(uuid.uuid4()),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": at,
        "exp": at + timedelta(minutes=15),
        **changed,
    }
    return jwt.encode(claims, SIGNING_KEY, "EdDSA", headers={"kid": KEY_ID})


class Caller:
    """Makes requests with the token of one account."""

    def __init__(self, client: FlaskClient, account_id: str) -> None:
        self.account_id = account_id
        self._client = client
        self._headers = {"Authorization": f"Bearer {token_of(account_id)}"}

    def get(self) -> TestResponse:
        return self._client.get(PATH, headers=self._headers)

    def post(self, body: object = None, *, key: str | None = None, **options: Any) -> TestResponse:
        content = options or {"json": {} if body is None else body}
        keyed = {} if key is None else {"Idempotency-Key": key}
        return self._client.post(PATH, headers={**self._headers, **keyed}, **content)

    def delete(self) -> TestResponse:
        return self._client.delete(PATH, headers=self._headers)


def body_of(answer: TestResponse) -> dict[str, Any]:
    body: dict[str, Any] = answer.get_json()
    return body


def assert_problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Check the shape every error has; return its body."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    body = body_of(answer)
    assert {"type", "title", "status", "detail", "code", "request_id"} <= body.keys()
    assert (body["status"], body["code"]) == (status, code)
    return body
