"""Pages of the configured origins may use the API, pages of others may not."""

import pytest

from tests.integration.gateway.conftest import Gateway, StartGateway

_PREFLIGHT = {
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization, if-match",
}


def _names(value: str) -> set[str]:
    return {name.strip() for name in value.split(",")}


@pytest.mark.parametrize("origin", ["https://app.example", "http://localhost:3000"])
@pytest.mark.parametrize("path", ["/api/habit/1/", "/api/token/", "/api/nowhere/"])
def test_a_preflight_of_an_allowed_origin_is_answered_by_the_gateway(
    gateway: Gateway, origin: str, path: str
) -> None:
    answer = gateway.ask("OPTIONS", path, headers={"Origin": origin, **_PREFLIGHT})

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert _names(answer.headers["Access-Control-Allow-Methods"]) == {
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
    }
    assert _names(answer.headers["Access-Control-Allow-Headers"]) == {
        "Authorization",
        "Content-Type",
        "If-Match",
        "If-None-Match",
        "Idempotency-Key",
        "Last-Event-ID",
        "X-Request-ID",
    }
    assert "X-Request-ID" in answer.headers
    assert answer.headers["Vary"] == "Origin"


def test_an_answer_to_an_allowed_origin_exposes_its_headers(gateway: Gateway) -> None:
    answer = gateway.ask("GET", "/api/habit/", headers={"Origin": "https://app.example"})

    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert _names(answer.headers["Access-Control-Expose-Headers"]) == {
        "ETag",
        "Location",
        "Retry-After",
        "X-Request-ID",
    }
    assert "Access-Control-Allow-Methods" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://app.example.evil.example",
        "https://app.example:8443",
        "http://app.example",
        "null",
    ],
)
def test_another_origin_gets_no_permission(gateway: Gateway, origin: str) -> None:
    preflight = gateway.ask("OPTIONS", "/api/habit/", headers={"Origin": origin, **_PREFLIGHT})
    answer = gateway.ask("GET", "/api/habit/", headers={"Origin": origin})

    for given in (preflight, answer):
        assert not [name for name in given.headers if name.startswith("Access-Control-")]
        assert given.headers["Vary"] == "Origin"


def test_without_configured_origins_nobody_gets_permission(start_gateway: StartGateway) -> None:
    gateway = start_gateway()

    answer = gateway.ask("GET", "/api/habit/", headers={"Origin": "https://app.example"})

    assert "Access-Control-Allow-Origin" not in answer.headers


def test_options_that_is_no_preflight_is_the_service_s_business(gateway: Gateway) -> None:
    assert gateway.ask("OPTIONS", "/api/habit/").json()["method"] == "OPTIONS"
