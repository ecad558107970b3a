"""No bad token opens any route of any service: the routes come from the document itself."""

import base64
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.auth.sealing import private_key_sealer
from services.auth.signing_keys import stored_keys, unsealed
from shared.database import new_engine
from shared.instants import now
from tests.fakes.spa_client import SpaClient
from tests.servers.whole_system import System

METHODS = {"get", "put", "post", "patch", "delete"}

# Whoever adds a route without a token has to say so here.
PUBLIC = {
    "get /api/.well-known/jwks.json",
    "get /api/asyncapi.json",
    "get /api/asyncapi/",
    "get /api/habit/public/",
    "get /api/health/",
    "get /api/openapi.json",
    "get /api/redoc/",
    "get /api/swagger/",
    "post /api/register/",
    "post /api/tg/webhook/",
    "post /api/token/",
    "post /api/token/refresh/",
    "post /api/token/revoke/",
}


class Forger:
    """Knows the key that signs, and makes tokens like auth's own with one thing changed."""

    def __init__(self, system: System, client: SpaClient) -> None:
        self.genuine = str(client.session.headers["Authorization"]).removeprefix("Bearer ")
        self.refresh = client.refresh
        self.kid = jwt.get_unverified_header(self.genuine)["kid"]
        self.claims = jwt.decode(self.genuine, options={"verify_signature": False})
        auth = system.service_environments["auth"]
        engine = new_engine(auth["DATABASE_URL"])
        with engine.connect() as connection:
            [key] = [key for key in stored_keys(connection) if key.kid == self.kid]
        engine.dispose()
        self.private_key = unsealed(key, private_key_sealer(auth["SIGNING_KEYS_SECRET"]))

    def token(self, *, key: Any = None, kid: str | None = None, **claims: Any) -> str:
        return jwt.encode(
            {**self.claims, **claims},
            key or self.private_key,
            algorithm="EdDSA",
            headers={"kid": kid or self.kid},
        )

    def unsigned(self) -> str:
        header = {"alg": "none", "typ": "JWT", "kid": self.kid}
        parts = [
            base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (header, self.claims)
        ]
        return ".".join(part.rstrip(b"=").decode() for part in parts) + "."

    def symmetric(self) -> str:
        """Sign with the public key as the secret that both sides would share."""
        public_key = self.private_key.public_key()
        secret = public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return jwt.encode(self.claims, secret, "HS256", headers={"kid": self.kid})


BAD_TOKENS: dict[str, Callable[[Forger], str]] = {
    "garbage": lambda _forger: "garbage",
    "of another key": lambda forger: forger.token(key=Ed25519PrivateKey.generate()),
    "of an unknown kid": lambda forger: forger.token(kid="unknown"),
    "expired": lambda forger: forger.token(exp=now() - timedelta(minutes=2)),
    "of another audience": lambda forger: forger.token(aud="another-api"),
    "of another issuer": lambda forger: forger.token(iss="somebody else"),
    "of another type": lambda forger: forger.token(type="refresh"),
    "a refresh token": lambda forger: forger.refresh,
    "unsigned": Forger.unsigned,
    "symmetric": Forger.symmetric,
    "with another signature": lambda forger: forger.genuine[:-8] + "AAAAAAAA",
}


@pytest.fixture(scope="module")
def operations(system: System) -> dict[str, dict[str, Any]]:
    """Every operation of the document, by method and path."""
    session = requests.Session()
    session.trust_env = False
    document = session.get(f"{system.gateway_url}/api/openapi.json", timeout=20).json()
    return {
        f"{method} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


@pytest.fixture(scope="module")
def client(system: System) -> SpaClient:
    return SpaClient.registered(system.gateway_url)


@pytest.fixture(scope="module")
def forger(system: System, client: SpaClient) -> Forger:
    return Forger(system, client)


def test_every_route_wants_a_token_or_is_known_to_be_public(
    operations: dict[str, dict[str, Any]],
) -> None:
    assert {name for name, each in operations.items() if not each.get("security")} == PUBLIC


def test_a_forged_token_with_nothing_wrong_is_let_in(client: SpaClient, forger: Forger) -> None:
    for token in (forger.genuine, forger.token()):
        answer = client.call("GET", "/me/", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text


def test_a_personal_token_does_what_its_scopes_say_in_every_service_until_it_is_revoked(
    client: SpaClient, operations: dict[str, dict[str, Any]], system: System
) -> None:
    habit = client.create_habit()
    made = client.call(
        "POST", "/me/tokens/", json={"name": "reader", "scopes": ["habits:read", "days:write"]}
    ).json()
    program = SpaClient(system.gateway_url)
    program.session.headers["Authorization"] = f"Bearer {made['token']}"

    for name, operation in operations.items():
        if operation.get("security"):
            [scopes] = operation["security"][0].values()
            if not set(scopes) & {"habits:read", "days:write"}:
                answer = ask(system, name, {"Authorization": f"Bearer {made['token']}"})
                assert answer.status_code == 403, name
                assert answer.json()["code"] == "insufficient_scope"
    assert program.call("GET", f"/habit/{habit['id']}/").json() == habit
    today = program.call("GET", "/habit/today/").json()["date"]
    day = program.call("PUT", f"/habit/{habit['id']}/days/{today}/", json={"status": "done"})
    assert day.status_code == 201, day.text
    assert client.call("DELETE", f"/me/tokens/{made['id']}/").status_code == 204
    unknown = {"Authorization": "Bearer hab_" + "x" * 36}
    assert program.call("GET", "/habit/", headers=unknown).status_code == 401


@pytest.mark.parametrize("bad_token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_opens_no_route(
    system: System,
    operations: dict[str, dict[str, Any]],
    forger: Forger,
    bad_token: Callable[[Forger], str],
) -> None:
    token = bad_token(forger)
    for name in operations.keys() - PUBLIC:
        answer = ask(system, name, {"Authorization": f"Bearer {token}"})
        assert_refused(answer, name)
        assert token not in answer.text + str(answer.headers)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token x"])
def test_without_a_token_no_route_is_open(
    system: System, operations: dict[str, dict[str, Any]], header: str | None
) -> None:
    for name in operations.keys() - PUBLIC:
        answer = ask(system, name, {} if header is None else {"Authorization": header})
        assert_refused(answer, name)


def ask(system: System, operation: str, headers: dict[str, str]) -> requests.Response:
    method, _, path = operation.partition(" ")
    path = path.replace("{date}", "2026-11-24")
    path = re.sub(r"\{\w+\}", "4b1f6d0e-0000-4000-8000-000000000000", path)
    body: dict[str, str] | None = None if method == "get" else {}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, system.gateway_url + path, headers=headers, json=body, timeout=20
        )


def assert_refused(answer: requests.Response, name: str) -> None:
    assert answer.status_code == 401, (name, answer.status_code, answer.text)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer"), name
    assert answer.headers["Content-Type"] == "application/problem+json", name
    assert answer.json()["status"] == 401, name
