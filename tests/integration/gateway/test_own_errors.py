"""Every error that nginx itself answers is a problem document like the services' own."""

import json
import time

import pytest
import requests

from tests.integration.gateway.conftest import Gateway, StartGateway, wait_until

_FIELDS = {"type", "title", "status", "detail", "code", "request_id"}


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        pytest.param(b"NONSENSE\r\n\r\n", 400, "bad_request", id="no request line"),
        pytest.param(b"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request", id="bad path"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, "bad_request", id="no host"),
        pytest.param(
            b"POST /api/habit/ HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
            400,
            "bad_request",
            id="bad length",
        ),
        pytest.param(
            b"GET /api/nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            404,
            "not_found",
            id="unknown path",
        ),
        pytest.param(
            b"GET /api/swagger/images/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            404,
            "not_found",
            id="folder",
        ),
        pytest.param(
            b"TRACE /api/habit/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            405,
            "method_not_allowed",
            id="trace",
        ),
        pytest.param(
            b"PUT /api/redoc/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
            b"Connection: close\r\n\r\n",
            405,
            "method_not_allowed",
            id="put on a page",
        ),
        pytest.param(
            b"POST /api/openapi.json HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
            b"Connection: close\r\n\r\n",
            405,
            "method_not_allowed",
            id="post on a document",
        ),
        pytest.param(
            b'GET /api/openapi.json HTTP/1.1\r\nHost: h\r\nIf-Match: "x"\r\n'
            b"Connection: close\r\n\r\n",
            412,
            "precondition_failed",
            id="stale page",
        ),
        pytest.param(
            b"POST /api/habit/ HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n"
            b"Connection: close\r\n\r\n",
            413,
            "body_too_large",
            id="announced large body",
        ),
        pytest.param(
            b"POST /api/habit/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\n10001\r\n" + b"x" * 0x10001 + b"\r\n0\r\n\r\n",
            413,
            "body_too_large",
            id="chunked large body",
        ),
        pytest.param(
            b"GET /api/" + b"x" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
            414,
            "uri_too_long",
            id="long address",
        ),
        pytest.param(
            b"GET /api/openapi.json HTTP/1.1\r\nHost: h\r\nRange: bytes=999999-\r\n"
            b"Connection: close\r\n\r\n",
            416,
            "range_not_satisfiable",
            id="range",
        ),
        pytest.param(
            b"GET /api/habit/ HTTP/1.1\r\nHost: h\r\nX-Large: " + b"x" * 9000 + b"\r\n\r\n",
            431,
            "headers_too_large",
            id="large header",
        ),
        pytest.param(
            b"POST /api/habit/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
            "not_implemented",
            id="unknown transfer encoding",
        ),
        pytest.param(
            b"GET /api/habit/ HTTP/3.7\r\nHost: h\r\n\r\n",
            505,
            "http_version_not_supported",
            id="unknown version",
        ),
    ],
)
def test_an_error_of_the_gateway_is_a_problem_document(
    gateway: Gateway, request_bytes: bytes, status: int, code: str
) -> None:
    status_line, headers, body = gateway.send_raw(request_bytes)

    problem = json.loads(body)
    assert status_line.split()[1] == str(status)
    assert headers["content-type"] == "application/problem+json"
    assert set(problem) == _FIELDS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"
    assert ("allow" in headers) == (status == 405)


def test_a_large_body_is_refused_before_it_reaches_the_service(gateway: Gateway) -> None:
    before = len(gateway.upstreams["habits"].requests)

    answer = gateway.ask("POST", "/api/habit/", data=b"x" * 65537)

    assert answer.status_code == 413
    assert len(gateway.upstreams["habits"].requests) == before


def test_an_error_never_repeats_what_the_client_sent(gateway: Gateway) -> None:
    answer = gateway.ask("GET", '/api/"><script>', headers={"X-Request-ID": '"},{"x":"'})

    assert "script" not in answer.text
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_errors_to_an_allowed_origin_can_be_read_by_its_page(gateway: Gateway) -> None:
    answer = gateway.ask("GET", "/api/none/", headers={"Origin": "https://app.example"})

    assert answer.status_code == 404
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 502, 503, 504])
def test_errors_of_a_service_pass_untouched(gateway: Gateway, status: int) -> None:
    answer = gateway.ask("GET", f"/api/habit/?status={status}")

    assert answer.status_code == status
    assert answer.json()["upstream"] == "habits"
    assert answer.headers.get("Retry-After") == ("17" if status == 429 else None)


def _assert_unavailable(answer: requests.Response) -> None:
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["code"] == "service_unavailable"


def test_a_service_that_is_down_or_hangs_up_is_unavailable(start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    _assert_unavailable(gateway.ask("GET", "/api/habit/?hang_up"))
    _assert_unavailable(gateway.ask("POST", "/api/habit/?hang_up", data=b"{}"))

    gateway.upstreams["auth"].server.shutdown()
    gateway.upstreams["auth"].server.server_close()
    started = time.monotonic()
    _assert_unavailable(gateway.ask("GET", "/api/me/"))
    _assert_unavailable(gateway.ask("POST", "/api/token/", data=b"{}"))
    assert time.monotonic() - started < 5
    assert gateway.ask("GET", "/api/habit/").status_code == 200


def _asked(gateway: Gateway) -> list[tuple[str, str]]:
    return gateway.upstreams["habits"].requests + gateway.upstreams["habits-2"].requests


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_what_may_have_been_done_is_never_sent_to_another_replica(
    start_gateway: StartGateway, method: str
) -> None:
    gateway = start_gateway(second_habits=True)

    _assert_unavailable(gateway.ask(method, "/api/habit/?hang_up", data=b"{}"))

    assert _asked(gateway) == [(method, "/api/habit/?hang_up")]


def test_what_may_be_repeated_is_asked_of_every_replica_once(start_gateway: StartGateway) -> None:
    gateway = start_gateway(second_habits=True)

    _assert_unavailable(gateway.ask("GET", "/api/habit/?hang_up"))

    assert _asked(gateway) == [("GET", "/api/habit/?hang_up")] * 2


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
def test_a_replica_that_is_gone_costs_no_request(start_gateway: StartGateway, method: str) -> None:
    gateway = start_gateway(second_habits=True)
    gateway.upstreams["habits"].stop()

    statuses = {gateway.ask(method, "/api/habit/", data=b"{}").status_code for _ in range(6)}

    assert statuses == {200}


def test_a_replica_that_has_just_come_back_is_asked_at_once(start_gateway: StartGateway) -> None:
    gateway = start_gateway(second_habits=True)
    first, second = gateway.upstreams["habits"], gateway.upstreams["habits-2"]
    port = first.server.server_port
    first.stop()
    statuses = [gateway.ask("POST", "/api/habit/", data=b"{}").status_code for _ in range(4)]
    first.start(port)
    second.stop()

    statuses += [gateway.ask("POST", "/api/habit/", data=b"{}").status_code for _ in range(4)]

    assert set(statuses) == {200}


def test_what_was_sent_after_a_try_that_never_connected_is_not_sent_again(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway(second_habits=True)
    gateway.upstreams["habits"].stop()

    for method in ("PUT", "DELETE"):
        for _ in range(2):
            _assert_unavailable(gateway.ask(method, "/api/habit/1/?hang_up", data=b"{}"))

    sent = [("PUT", "/api/habit/1/?hang_up")] * 2 + [("DELETE", "/api/habit/1/?hang_up")] * 2
    assert _asked(gateway) == sent


def test_an_empty_delete_and_a_full_put_arrive_whole(start_gateway: StartGateway) -> None:
    gateway = start_gateway()

    answers = [
        gateway.ask("DELETE", "/api/habit/1/").json(),
        gateway.ask("PUT", "/api/habit/1/?a=b", data=b"x" * 65536).json(),
        gateway.ask("PUT", "/api/habit/1/", data=iter([b"x" * 1000] * 3)).json(),
    ]

    assert [(each["method"], each["path"], each["body_bytes"]) for each in answers] == [
        ("DELETE", "/api/habit/1/", 0),
        ("PUT", "/api/habit/1/?a=b", 65536),
        ("PUT", "/api/habit/1/", 3000),
    ]
    too_large = gateway.ask("PUT", "/api/habit/1/", data=iter([b"x" * 40000] * 3))
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "tries"), [("GET", 2), ("POST", 2), ("PATCH", 2), ("PUT", 4), ("DELETE", 4)]
)
def test_a_connection_that_never_came_about_is_tried_again(
    start_gateway: StartGateway, method: str, tries: int
) -> None:
    gateway = start_gateway()
    gateway.upstreams["habits"].stop()

    _assert_unavailable(gateway.ask(method, "/api/habit/"))

    wait_until(lambda: bool(gateway.log_lines()))
    last = gateway.log_lines()[-1]
    assert (last["method"], last["upstream_status"]) == (method, " : ".join(["502"] * tries))
