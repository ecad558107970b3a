"""Every route that wants a token also wants its scope of a token that names scopes."""

import re
from typing import Any

import jwt
import pytest
from flask import Flask

from services.habits.app import build_app
from shared.database import new_engine
from shared.http.app import openapi_document
from tests.integration.habits.callers import KEY_ID, SIGNING_KEY, claims_of, find_key

ACCOUNT = "8a5b7c1e-2f64-4b0c-8b4e-6d1f0e9a7c22"
SCOPES = {"habits:read", "habits:write", "days:write"}


@pytest.fixture(scope="module")
def app() -> Flask:
    return build_app(new_engine("postgresql://nobody@127.0.0.1:1/nowhere"), find_key)


def operations(app: Flask) -> list[tuple[str, str, str]]:
    """Return method, path and scope of every operation that wants a token."""
    return [
        (
            method.upper(),
            re.sub(r"\{[^}]*\}", ACCOUNT, path),
            *operation["security"][0].popitem()[1],
        )
        for path, item in openapi_document(app)["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict) and operation.get("security")
    ]


def ask(app: Flask, method: str, path: str, scopes: set[str]) -> Any:
    claims = claims_of(ACCOUNT, scope=" ".join(sorted(scopes)))
    token = jwt.encode(claims, SIGNING_KEY, "EdDSA", headers={"kid": KEY_ID})
    headers = {"Authorization": f"Bearer {token}"}
    return app.test_client().open(path, method=method, headers=headers)


def test_the_scope_of_a_route_opens_it_and_all_others_do_not(app: Flask) -> None:
    for method, path, scope in operations(app):
        refused = ask(app, method, path, SCOPES - {scope})
        assert refused.status_code == 403, (method, path)
        assert refused.json["code"] == "insufficient_scope"
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        assert refused.headers["WWW-Authenticate"] == challenge
        assert ask(app, method, path, {scope}).status_code not in {401, 403}, (method, path)


def test_reading_recording_and_changing_are_told_apart(app: Flask) -> None:
    found = {
        (method, path.replace(ACCOUNT, "{}")): scope for method, path, scope in operations(app)
    }

    assert {scope for (method, _), scope in found.items() if method == "GET"} == {"habits:read"}
    assert found["POST", "/api/habit/"] == "habits:write"
    assert found["DELETE", "/api/habit/{}/"] == "habits:write"
    assert found["PUT", "/api/habit/{}/days/{}/"] == "days:write"
    assert found["POST", "/api/habit/days/"] == "days:write"
    assert "habits:read" not in {scope for (method, _), scope in found.items() if method != "GET"}
