"""Personal and service tokens become access tokens at the gateway, or go no further."""

import pytest

from tests.integration.gateway.conftest import Gateway, StartGateway

EXCHANGE = ("GET", "/internal/token-exchange/")


@pytest.fixture
def fresh(start_gateway: StartGateway) -> Gateway:
    """A gateway that has seen no token yet."""
    return start_gateway()


@pytest.fixture(autouse=True)
def _forgotten(gateway: Gateway) -> None:
    """Leave no requests of one test to the next."""
    for upstream in gateway.upstreams.values():
        upstream.requests.clear()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def exchanges(gateway: Gateway) -> list[tuple[str, str]]:
    return [each for each in gateway.upstreams["auth"].requests if each == EXCHANGE]


def test_an_access_token_passes_as_it_is_and_asks_nobody(gateway: Gateway) -> None:
    for headers in (bearer("eyJ.a.b"), {"Authorization": "Basic aGFiXw=="}, {}):
        seen = gateway.ask("GET", "/api/habit/", headers=headers).json()["headers"]
        assert seen.get("Authorization") == headers.get("Authorization")

    assert exchanges(gateway) == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
@pytest.mark.parametrize(
    ("method", "path", "upstream"),
    [
        ("GET", "/api/habit/", "habits"),
        ("POST", "/api/habit/", "habits"),
        ("PUT", "/api/habit/1/days/2026-05-02/", "habits"),
        ("DELETE", "/api/habit/1/", "habits"),
        ("GET", "/api/habit/public/", "habits"),
        ("GET", "/api/me/", "auth"),
        ("GET", "/api/tg/link/", "notifier"),
    ],
)
def test_a_service_gets_an_access_token_in_place_of_a_personal_one(
    gateway: Gateway, scheme: str, method: str, path: str, upstream: str
) -> None:
    body = {} if method in {"GET", "DELETE"} else {"data": b"x" * 5000}

    answer = gateway.ask(method, path, headers={"Authorization": f"{scheme} hab_good"}, **body)

    told = answer.json()
    assert (answer.status_code, told["upstream"], told["method"]) == (200, upstream, method)
    assert told["headers"]["Authorization"] == "Bearer jwt-of-hab_good"
    assert told["body_bytes"] == len(body.get("data", b""))
    assert "X-Access-Token" not in answer.headers


def test_whatever_the_method_auth_is_asked_once_in_a_while(fresh: Gateway) -> None:
    for method in ("POST", "PUT", "GET", "DELETE", "PATCH"):
        for token in ("hab_good", "hab_svc_good"):
            answer = fresh.ask(method, "/api/habit/1/", headers=bearer(token))
            assert answer.json()["headers"]["Authorization"] == f"Bearer jwt-of-{token}"

    assert len(exchanges(fresh)) == 2


def test_a_token_that_is_no_longer_good_reaches_no_service(gateway: Gateway) -> None:
    for method in ("GET", "POST", "PUT"):
        answer = gateway.ask(method, "/api/habit/", headers=bearer("hab_bad"))

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "invalid_token"
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]

    assert gateway.upstreams["habits"].requests == []
    # A refusal is not kept: the token may be new.
    assert len(exchanges(gateway)) == 3


def test_while_auth_is_away_a_token_it_knows_nothing_of_is_a_503(fresh: Gateway) -> None:
    known = bearer("hab_good")
    assert fresh.ask("GET", "/api/habit/", headers=known).status_code == 200
    fresh.upstreams["auth"].stop()

    unknown = fresh.ask("GET", "/api/habit/", headers=bearer("hab_other"))

    assert unknown.status_code == 503
    assert unknown.json()["code"] == "service_unavailable"
    assert int(unknown.headers["Retry-After"]) >= 1
    assert fresh.ask("GET", "/api/habit/", headers=known).status_code == 200
    assert fresh.ask("GET", "/api/habit/", headers=bearer("eyJ.a.b")).status_code == 200


def test_an_answer_that_auth_could_not_give_is_a_503(gateway: Gateway) -> None:
    answer = gateway.ask("POST", "/api/habit/", headers=bearer("hab_away"))

    assert answer.status_code == 503
    assert gateway.upstreams["habits"].requests == []


def test_the_exchange_cannot_be_reached_from_outside(gateway: Gateway) -> None:
    for path in ("/internal/token-exchange/", "/_exchange", "/api/internal/token-exchange/"):
        answer = gateway.ask("GET", path, headers=bearer("hab_good"))
        assert "X-Access-Token" not in answer.headers
        assert "jwt-of" not in answer.text

    assert [upstream.requests for upstream in gateway.upstreams.values() if upstream.requests] == []


def test_no_log_tells_a_token(gateway: Gateway) -> None:
    gateway.ask("GET", "/api/habit/", headers=bearer("hab_good"))
    gateway.ask("GET", "/api/habit/", headers=bearer("hab_bad"))

    for log in (gateway.log, gateway.error_log):
        assert "hab_" not in log.read_text(encoding="utf-8")
