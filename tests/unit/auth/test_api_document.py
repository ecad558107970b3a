"""auth's OpenAPI document is complete, and made without any server."""

from typing import Any

import pytest

from services.auth.app import create_app
from services.auth.settings import Settings
from services.auth.time_zones import TIME_ZONES
from shared.http.app import openapi_document

NOWHERE = Settings(
    database_url="postgresql://nobody@127.0.0.1:1/nowhere",
    rabbitmq_url="amqp://127.0.0.1:1/",
    http_host="127.0.0.1",
    http_port=8000,
    ops_port=9000,
    log_level="INFO",
    signing_keys_secret="x" * 32,
    registrations_per_minute=10,
    token_requests_per_minute=30,
    failed_logins=5,
)

OPERATIONS = {
    ("POST", "/api/register/"): {"201", "400", "409", "413", "415", "429", "503"},
    ("POST", "/api/token/"): {"200", "400", "401", "403", "413", "415", "429", "503"},
    ("POST", "/api/token/refresh/"): {"200", "400", "401", "403", "413", "415", "503"},
    ("POST", "/api/token/revoke/"): {"204", "400", "403", "413", "415", "503"},
    ("GET", "/api/me/"): {"200", "401", "503"},
    ("PATCH", "/api/me/"): {"200", "400", "401", "413", "415", "503"},
    ("DELETE", "/api/me/"): {"204", "400", "401", "413", "415", "429", "503"},
    ("POST", "/api/me/password/"): {"204", "400", "401", "413", "415", "429", "503"},
    ("GET", "/api/me/sessions/"): {"200", "401", "503"},
    ("DELETE", "/api/me/sessions/"): {"204", "401", "415", "503"},
    ("DELETE", "/api/me/sessions/{session_id}/"): {"204", "401", "404", "415", "503"},
    ("GET", "/api/me/tokens/"): {"200", "401", "403", "503"},
    ("POST", "/api/me/tokens/"): {"201", "400", "401", "403", "413", "415", "503"},
    ("DELETE", "/api/me/tokens/{token_id}/"): {"204", "401", "403", "404", "415", "503"},
    ("GET", "/api/.well-known/jwks.json"): {"200", "503"},
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document(create_app(NOWHERE))


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method.lower()]
    return found


def test_every_route_is_there_and_no_other(document: dict[str, Any]) -> None:
    found = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert found == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_declared(document: dict[str, Any], method: str, path: str) -> None:
    responses = operation(document, method, path)["responses"]

    assert set(responses) - {"default"} == OPERATIONS[method, path]
    for status, response in responses.items():
        if status.isdigit() and int(status) >= 400:
            assert set(response["content"]) == {"application/problem+json"}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_says_what_it_does(
    document: dict[str, Any], method: str, path: str
) -> None:
    described = operation(document, method, path)

    assert described["summary"]
    assert described["description"]
    assert described["operationId"]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_routes_of_the_owner_need_a_token(
    document: dict[str, Any], method: str, path: str
) -> None:
    security = operation(document, method, path).get("security")
    scopes = ["account:read"] if (method, path) == ("GET", "/api/me/") else []

    assert security == ([{"bearerAuth": scopes}] if path.startswith("/api/me/") else None)


def test_only_what_is_not_safe_to_repeat_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    with_key = [
        (method, path)
        for method, path in OPERATIONS
        for parameter in operation(document, method, path).get("parameters", [])
        if parameter["name"] == "Idempotency-Key"
    ]

    assert with_key == [("POST", "/api/register/")]


def test_the_time_zones_are_listed(document: dict[str, Any]) -> None:
    registration = document["components"]["schemas"]["Registration"]["properties"]

    assert registration["time_zone"]["enum"] == list(TIME_ZONES)
