"""Access tokens that are not ours, not for us, or not valid any more are all refused."""

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask_jwt_extended import create_access_token

from services.auth.sealing import private_key_sealer
from services.auth.signing_keys import stored_keys, unsealed
from shared.http.access_tokens import LEEWAY, LIFETIME
from shared.instants import now
from tests.integration.auth.callers import Caller, assert_problem, bearer, rows
from tests.integration.auth.conftest import SECRET, parts_of


class Forger:
    """Makes tokens like auth's own, with one thing changed."""

    def __init__(self, app: Flask, account_id: str) -> None:
        with parts_of(app).engine.connect() as connection:
            [key] = stored_keys(connection)
        self.kid = key.kid
        self.private_key = unsealed(key, private_key_sealer(SECRET))
        self.claims = {
            "iss": "habit-tracker",
            "aud": "habit-tracker-api",
            "sub": account_id,
            "type": "access",
            "jti": "1",
            "iat": now(),
            "exp": now() + timedelta(minutes=15),
        }

    def token(
        self, *, without: str = "", key: Any = None, kid: str | None = None, **claims: Any
    ) -> str:
        claims = {**self.claims, **claims}
        claims.pop(without, None)
        headers = {"kid": kid or self.kid}
        return jwt.encode(claims, key or self.private_key, algorithm="EdDSA", headers=headers)


@pytest.fixture
def forger(app: Flask, ann: Caller, database_url: str) -> Forger:
    [row] = rows(database_url, "SELECT id FROM accounts")
    return Forger(app, str(row["id"]))


def test_the_forgers_tokens_are_good_until_something_is_changed(
    forger: Forger, ann: Caller
) -> None:
    assert ann.me(forger.token()).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another-api"},
        {"aud": ["another-api"]},
        {"iss": "somebody else"},
        {"type": "refresh"},
        {"sub": "not an id"},
        {"sub": ""},
        {"sub": "00000000-0000-0000-0000-000000000000"},
        {"without": "aud"},
        {"without": "iss"},
        {"without": "exp"},
        {"without": "sub"},
        {"kid": "unknown"},
        pytest.param({"key": Ed25519PrivateKey.generate()}, id="another key"),
        {"sub": 7},
        {"sub": None},
        {"exp": "tomorrow"},
        pytest.param({"iat": now() + timedelta(days=1)}, id="issued tomorrow"),
    ],
    ids=str,
)
def test_a_token_with_one_thing_wrong_is_refused(
    forger: Forger, ann: Caller, change: dict[str, Any]
) -> None:
    answer = ann.me(forger.token(**change))

    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_is_refused_and_says_so(forger: Forger, ann: Caller) -> None:
    expired = forger.token(exp=now() - timedelta(seconds=61))

    assert_problem(ann.me(expired), 401, "token_expired")


@pytest.mark.parametrize(
    "ahead_seconds", [-9, 9], ids=["verifier's clock ahead", "verifier's clock behind"]
)
def test_clocks_may_differ_by_some_seconds(forger: Forger, ann: Caller, ahead_seconds: int) -> None:
    """A token just issued, and one about to expire, by a clock that is ahead or behind."""
    signed_at = now() + timedelta(seconds=ahead_seconds)
    fresh = forger.token(iat=signed_at, nbf=signed_at, exp=signed_at + LIFETIME)
    assert ann.me(fresh).status_code == 200
    assert ann.me(forger.token(exp=signed_at + timedelta(seconds=1))).status_code == 200


def test_a_token_from_further_ahead_is_refused(forger: Forger, ann: Caller) -> None:
    ahead = now() + timedelta(seconds=20)

    assert_problem(ann.me(forger.token(iat=ahead)), 401, "invalid_token")
    assert_problem(ann.me(forger.token(nbf=ahead)), 401, "invalid_token")


def test_a_token_is_refused_once_its_time_and_the_leeway_are_over(
    forger: Forger, ann: Caller
) -> None:
    assert_problem(ann.me(forger.token(exp=now() - LEEWAY)), 401, "token_expired")


def test_an_unsigned_token_is_refused(forger: Forger, ann: Caller) -> None:
    header = {"alg": "none", "typ": "JWT", "kid": forger.kid}
    claims = jwt.decode(forger.token(), options={"verify_signature": False})
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, claims)
    ]

    assert_problem(ann.me(f"{parts[0]}.{parts[1]}."), 401, "invalid_token")


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(
    forger: Forger, ann: Caller
) -> None:
    secret = forger.private_key.public_key().public_bytes_raw()
    forged = jwt.encode(forger.claims, secret, algorithm="HS256", headers={"kid": forger.kid})

    assert_problem(ann.me(forged), 401, "invalid_token")


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Basic YTpi", "x.y.z", "Bearer a b"])
def test_an_odd_authorization_header_is_refused(ann: Caller, value: str) -> None:
    answer = ann.client.get("/api/me/", headers={"Authorization": value})

    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"


def test_a_refresh_token_is_no_access_token(ann: Caller) -> None:
    answer = ann.client.get("/api/me/", headers=bearer(ann.tokens()["refresh"]))

    assert_problem(answer, 401, "invalid_token")


def test_nothing_is_signed_without_choosing_a_key_first(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(AttributeError):
        create_access_token(identity="somebody")
