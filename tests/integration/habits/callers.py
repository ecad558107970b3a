"""Callers of the habits API: an account with a token, and the requests it makes."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.http.access_tokens import AUDIENCE, ISSUER, UnknownKey

KEY_ID = "test-key"
SIGNING_KEY = Ed25519PrivateKey.generate()

WATER: dict[str, Any] = {
    "action": "Drink a glass of water",
    "place": "Kitchen",
    "time": "07:30",
    "duration_seconds": 60,
}


def find_key(kid: str) -> Any:
    if kid != KEY_ID:
        raise UnknownKey(kid)
    return SIGNING_KEY.public_key()


def claims_of(account_id: object, **changed: object) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "sub": str(account_id),
        "type": "access",
        "jti": str(uuid.uuid4()),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + timedelta(minutes=15),
        **changed,
    }


def token_of(account_id: object) -> str:
    return jwt.encode(claims_of(account_id), SIGNING_KEY, "EdDSA", headers={"kid": KEY_ID})


class Caller:
    """Makes requests with the token of one account."""

    def __init__(self, client: FlaskClient, account_id: UUID | None = None) -> None:
        self.account_id = account_id if account_id is not None else uuid.uuid4()
        self._client = client
        self._headers = {"Authorization": f"Bearer {token_of(self.account_id)}"}

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> TestResponse:
        return self._client.open(
            path, method=method, headers={**self._headers, **(headers or {})}, **options
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.request("GET", path, _dashed(headers))

    def post(self, body: object) -> TestResponse:
        return self.request("POST", "/api/habit/", json=body)

    def put(self, habit_id: str, body: object, **headers: str) -> TestResponse:
        return self.request("PUT", f"/api/habit/{habit_id}/", _dashed(headers), json=body)

    def patch(self, habit_id: str, body: object, **headers: str) -> TestResponse:
        return self.request("PATCH", f"/api/habit/{habit_id}/", _dashed(headers), json=body)

    def delete(self, habit_id: str, **headers: str) -> TestResponse:
        return self.request("DELETE", f"/api/habit/{habit_id}/", _dashed(headers))

    def create(self, **changed: object) -> dict[str, Any]:
        """Create a habit that must be accepted; return it."""
        answer = self.post({**WATER, **changed})
        assert answer.status_code == 201, answer.text
        return body_of(answer)

    def read(self, habit_id: str) -> dict[str, Any]:
        """Read a habit that must be there."""
        answer = self.get(f"/api/habit/{habit_id}/")
        assert answer.status_code == 200, answer.text
        return body_of(answer)


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


def assert_invalid(answer: TestResponse, *fields: str) -> None:
    """Check for a 400 that names at least the given fields."""
    errors = assert_problem(answer, 400, "invalid_input")["errors"]
    assert set(fields) <= errors.keys(), errors


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
