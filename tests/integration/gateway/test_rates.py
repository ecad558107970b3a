"""POST /api/token/ and /api/register/ are limited per address; nothing else is."""

import pytest
import requests

from tests.integration.gateway.conftest import Gateway, StartGateway


@pytest.fixture(scope="module")
def strict_gateway(start_gateway: StartGateway) -> Gateway:
    return start_gateway(RATE_LIMIT_REGISTER_PER_MINUTE="3", RATE_LIMIT_TOKEN_PER_MINUTE="5")


@pytest.mark.parametrize(("path", "limit"), [("/api/register/", 3), ("/api/token/", 5)])
def test_the_limit_passes_at_once_and_the_next_is_refused(
    strict_gateway: Gateway, path: str, limit: int
) -> None:
    for method in ("OPTIONS", "GET"):
        for _ in range(10):
            assert strict_gateway.ask(method, path).status_code == 200

    statuses = [strict_gateway.ask("POST", path, data=b"{}").status_code for _ in range(limit)]
    refused = strict_gateway.ask("POST", path, data=b"{}")

    assert statuses == [200] * limit
    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["Retry-After"] == "60"
    assert refused.json()["code"] == "too_many_requests"


def test_another_spelling_of_the_address_is_no_way_round(start_gateway: StartGateway) -> None:
    gateway = start_gateway(RATE_LIMIT_TOKEN_PER_MINUTE="1")
    gateway.ask("POST", "/api/token/", data=b"{}")

    for spelling in ("/api//token/", "/api/%74oken/", "/api/me/../token/"):
        status_line, _headers, _body = gateway.send_raw(
            f"POST {spelling} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert status_line.split()[1] == "429", spelling


def test_other_paths_of_the_service_are_not_limited(start_gateway: StartGateway) -> None:
    gateway = start_gateway(RATE_LIMIT_TOKEN_PER_MINUTE="1", RATE_LIMIT_REGISTER_PER_MINUTE="1")

    for path in ("/api/token/refresh/", "/api/token/revoke/", "/api/habit/"):
        for _ in range(5):
            assert gateway.ask("POST", path, data=b"{}").status_code == 200


def test_readers_of_the_public_list_turn_pages_freely_and_a_flood_is_stopped(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway()

    with requests.Session() as reader:
        address = f"{gateway.url}/api/habit/public/"
        answers = [reader.get(f"{address}?page={page}") for page in range(60)]
        assert {answer.status_code for answer in answers} == {200}

        refused = next(
            answer
            for answer in (reader.get(address) for _ in range(2000))
            if answer.status_code != 200
        )

    assert refused.status_code == 429
    assert refused.json()["code"] == "too_many_requests"
    assert gateway.ask("GET", "/api/habit/").status_code == 200
