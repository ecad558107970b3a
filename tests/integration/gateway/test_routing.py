"""Where a request goes, and what the gateway tells the service about it."""

import pytest

from tests.integration.gateway.conftest import Gateway


@pytest.mark.parametrize(
    ("path", "upstream"),
    [
        ("/api/register/", "auth"),
        ("/api/token/", "auth"),
        ("/api/token/refresh/", "auth"),
        ("/api/token/revoke/", "auth"),
        ("/api/me/", "auth"),
        ("/api/me/password/", "auth"),
        ("/api/.well-known/jwks.json", "auth"),
        ("/api/habit/", "habits"),
        ("/api/habit", "habits"),
        ("/api/habit/public/", "habits"),
        ("/api/habit/42/history/", "habits"),
        ("/api/tg/link/", "notifier"),
        ("/api/tg/webhook/", "notifier"),
        ("/api/events/", "feed"),
        ("/api/me/events/", "feed"),
        ("/api/health/", "status"),
    ],
)
def test_a_path_goes_to_the_service_that_owns_it_unchanged(
    gateway: Gateway, path: str, upstream: str
) -> None:
    answer = gateway.ask("GET", path + "?page=2&q=a%20b").json()

    assert answer["upstream"] == upstream
    assert answer["path"] == path + "?page=2&q=a%20b"


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/readyz",
        "/metrics",
        "/api",
        "/api/",
        "/api/habits/",
        "/api/metrics",
        "/api/tokens/",
        "/api/habit/../../metrics",
        "/_problem/404",
    ],
)
def test_what_no_service_owns_is_not_found(gateway: Gateway, path: str) -> None:
    status_line, headers, _body = gateway.send_raw(
        f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()
    )

    assert status_line == "HTTP/1.1 404 Not Found"
    assert headers["content-type"] == "application/problem+json"


def test_every_method_and_the_body_reach_the_service(gateway: Gateway) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = gateway.ask(method, "/api/habit/1/", data=b"x" * 65536).json()
        assert (answer["method"], answer["body_bytes"]) == (method, 65536)


def test_the_client_cannot_forge_its_address_or_scheme(gateway: Gateway) -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=6.6.6.6",
    }

    seen = gateway.ask("GET", "/api/habit/", headers=forged).json()["headers"]

    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "http"
    assert seen["Host"] == f"127.0.0.1:{gateway.port}"
    assert not {"X-Forwarded-Host", "X-Forwarded-Prefix", "Forwarded"} & set(seen)


def test_a_sane_request_id_of_the_client_is_kept(gateway: Gateway) -> None:
    answer = gateway.ask("GET", "/api/habit/", headers={"X-Request-ID": "my-id_1.2-3"})

    assert answer.json()["headers"]["X-Request-ID"] == "my-id_1.2-3"
    assert answer.headers["X-Request-ID"] == "my-id_1.2-3"


@pytest.mark.parametrize(
    "given", [None, "a b", 'x"y', "x" * 129, "id;drop", "a:b", "ключ".encode()]
)
def test_a_missing_or_odd_request_id_is_replaced_by_a_new_one(
    gateway: Gateway, given: str | bytes | None
) -> None:
    headers = {} if given is None else {"X-Request-ID": given}

    answer = gateway.ask("GET", "/api/habit/", headers=headers)

    made = answer.headers["X-Request-ID"]
    assert len(made) == 32
    assert answer.json()["headers"]["X-Request-ID"] == made


def test_every_answer_carries_exactly_one_request_id(gateway: Gateway) -> None:
    for path in ("/", "/api/habit/", "/api/none/", "/api/swagger/", "/api/openapi.json"):
        answer = gateway.ask("GET", path, headers={"X-Request-ID": "one"})
        assert answer.headers["X-Request-ID"] == "one", path


def test_answers_of_the_services_are_not_compressed_and_keep_their_etag(gateway: Gateway) -> None:
    answer = gateway.ask("GET", "/api/habit/?padding", headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in answer.headers
    assert answer.headers["ETag"] == '"7"'


@pytest.mark.parametrize("page", ["swagger", "redoc", "asyncapi"])
def test_pages_are_served_with_a_policy_that_forbids_foreign_content(
    gateway: Gateway, page: str
) -> None:
    redirect = gateway.ask("GET", f"/api/{page}")
    answer = gateway.ask("GET", f"/api/{page}/")
    script = gateway.ask("GET", f"/api/{page}/page.js", headers={"Accept-Encoding": "gzip"})

    assert (redirect.status_code, redirect.headers["Location"]) == (301, f"/api/{page}/")
    assert answer.text == f"<title>{page}</title>"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert script.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("document", ["openapi.json", "asyncapi.json"])
def test_documents_are_json(gateway: Gateway, document: str) -> None:
    answer = gateway.ask("GET", f"/api/{document}")

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"document": document}


def test_the_log_names_the_request_and_never_its_query_string(gateway: Gateway) -> None:
    gateway.ask(
        "GET",
        "/api/habit/1/?token=very-secret",
        headers={"X-Request-ID": "logged-one", "Authorization": "Bearer very-secret"},
    )
    gateway.ask("GET", "/api/nowhere/?token=very-secret", headers={"X-Request-ID": "logged-two"})

    lines = {line["request_id"]: line for line in gateway.log_lines()}
    assert lines["logged-one"]["path"] == "/api/habit/1/"
    assert lines["logged-one"]["status"] == "200"
    assert float(lines["logged-one"]["upstream_seconds"]) >= 0
    assert lines["logged-two"]["path"] == "/api/nowhere/"
    assert lines["logged-two"]["status"] == "404"
    assert "very-secret" not in gateway.log.read_text(encoding="utf-8")


def test_not_even_a_failure_puts_a_query_string_into_a_log(gateway: Gateway) -> None:
    gateway.ask("GET", "/api/habit/?hang_up&token=very-secret")
    gateway.ask("POST", "/api/habit/?token=very-secret", data=b"x" * 65537)

    assert "very-secret" not in gateway.log.read_text(encoding="utf-8")
    assert "very-secret" not in gateway.error_log.read_text(encoding="utf-8")
