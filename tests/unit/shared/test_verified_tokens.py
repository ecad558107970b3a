"""A token whose signature was verified is not verified again, and not trusted for longer."""

import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import JWTManager, jwt_required

from shared.http import access_tokens
from shared.http.access_tokens import AUDIENCE, ISSUER, LEEWAY, UnknownKey, init_access_tokens

KEY_ID = "key-1"


class KeySet:
    """What auth publishes."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.published: dict[str, Any] = {KEY_ID: self.private.public_key()}

    def find(self, kid: str) -> Any:
        if kid not in self.published:
            raise UnknownKey(kid)
        return self.published[kid]

    def token(self, expires_at: float) -> dict[str, str]:
        claims = {
            "sub": str(uuid.uuid4()),
            "type": "access",
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": 0,
            "exp": int(expires_at),
        }
        token = jwt.encode(claims, self.private, "EdDSA", headers={"kid": KEY_ID})
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def keys() -> KeySet:
    return KeySet()


@pytest.fixture
def client(keys: KeySet) -> FlaskClient:
    app = Flask("test")
    init_access_tokens(app, keys.find)
    app.add_url_rule("/", view_func=jwt_required()(access_tokens.current_account_id))
    return app.test_client()


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every token whose signature was looked at."""
    seen: list[str] = []
    decode = JWTManager._decode_jwt_from_config

    def counted(manager: Any, token: str, *arguments: Any) -> Any:
        seen.append(token)
        return decode(manager, token, *arguments)

    monkeypatch.setattr(JWTManager, "_decode_jwt_from_config", counted)
    return seen


def test_a_signature_is_verified_once(
    client: FlaskClient, keys: KeySet, verifications: list[str]
) -> None:
    ann, boris = keys.token(time.time() + 60), keys.token(time.time() + 60)
    names = [client.get("/", headers=headers).text for headers in (ann, boris, ann, boris)]
    assert names[:2] == names[2:]
    assert names[0] != names[1]
    assert len(verifications) == 2


def test_it_expires_all_the_same(client: FlaskClient, keys: KeySet) -> None:
    ends_at = int(time.time()) + 2
    headers = keys.token(ends_at - LEEWAY.total_seconds())
    assert client.get("/", headers=headers).status_code == 200
    time.sleep(max(0, ends_at - time.time()))
    assert client.get("/", headers=headers).status_code == 401


def test_with_its_key_it_is_withdrawn(client: FlaskClient, keys: KeySet) -> None:
    headers = keys.token(time.time() + 60)
    assert client.get("/", headers=headers).status_code == 200
    keys.published.clear()
    assert client.get("/", headers=headers).status_code == 401


def test_another_key_of_the_same_name_does_not_vouch_for_it(
    client: FlaskClient, keys: KeySet
) -> None:
    headers = keys.token(time.time() + 60)
    assert client.get("/", headers=headers).status_code == 200
    keys.published[KEY_ID] = Ed25519PrivateKey.generate().public_key()
    assert client.get("/", headers=headers).status_code == 401


def test_the_same_key_fetched_anew_does(
    client: FlaskClient, keys: KeySet, verifications: list[str]
) -> None:
    headers = keys.token(time.time() + 60)
    client.get("/", headers=headers)
    keys.published[KEY_ID] = keys.private.public_key()
    assert client.get("/", headers=headers).status_code == 200
    assert len(verifications) == 1


def test_what_was_refused_is_judged_again(
    client: FlaskClient, keys: KeySet, verifications: list[str]
) -> None:
    known = dict(keys.published)
    headers = keys.token(time.time() + 60)
    keys.published.clear()
    assert client.get("/", headers=headers).status_code == 401
    keys.published.update(known)
    assert client.get("/", headers=headers).status_code == 200
    assert len(verifications) == 2


def test_not_more_are_remembered_than_fit(
    client: FlaskClient, keys: KeySet, verifications: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "_MOST_VERIFIED", 2)
    tokens = [keys.token(time.time() + 60) for _ in range(3)]
    for headers in (*tokens, *tokens):
        assert client.get("/", headers=headers).status_code == 200
    assert 3 < len(verifications) <= 6
