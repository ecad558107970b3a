"""`GET /api/health/` as a program of its own, asking real HTTP servers."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from deploy.gateway.service_health import ServiceHealth
from deploy.gateway.status import create_app
from tests.integration.gateway.conftest import REPOSITORY, free_port, wait_until


class _Process(ThreadingHTTPServer):
    """A process whose readiness the test sets; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ReadyHandler)
        self.status = 200
        self.delay = threading.Event()
        self.delay.set()
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _ReadyHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        process = self.server
        assert isinstance(process, _Process)
        process.asked += 1
        process.delay.wait(20)
        self.send_response(process.status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def processes() -> Iterator[list[_Process]]:
    started = [_Process() for _ in range(3)]
    for process in started:
        threading.Thread(target=process.serve_forever, args=(0.05,), daemon=True).start()
    yield started
    for process in started:
        process.delay.set()
        process.shutdown()
        process.server_close()


def _health(processes: list[_Process]) -> ServiceHealth:
    one, two, three = (process.url for process in processes)
    return ServiceHealth({"auth": (one,), "habits": (two, three)})


def test_all_ready_is_ok(processes: list[_Process]) -> None:
    answer = create_app(_health(processes)).test_client().get("/api/health/")

    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "services": {"auth": "ok", "habits": "ok"}}


def test_one_process_that_is_not_ready_makes_its_service_unavailable(
    processes: list[_Process],
) -> None:
    processes[2].status = 503

    answer = create_app(_health(processes)).test_client().get("/api/health/")

    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.json
    assert answer.json["services"] == {"auth": "ok", "habits": "unavailable"}
    assert answer.json["status"] == 503
    assert answer.json["code"] == "service_unavailable"
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]


def test_a_process_that_hangs_or_is_gone_is_unavailable_within_seconds(
    processes: list[_Process],
) -> None:
    processes[0].delay.clear()
    health = ServiceHealth(
        {
            "hanging": (processes[0].url,),
            "gone": (f"http://127.0.0.1:{free_port()}",),
            "nameless": ("http://no-such-host.invalid:80",),
            "well": (processes[1].url,),
        }
    )

    started = time.monotonic()
    summary = health.summary()

    assert summary == {"hanging": False, "gone": False, "nameless": False, "well": True}
    assert time.monotonic() - started < 6


def test_a_crowd_of_callers_costs_the_services_one_question(processes: list[_Process]) -> None:
    health = _health(processes)
    callers = [threading.Thread(target=health.summary) for _ in range(10)]

    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert [process.asked for process in processes] == [1, 1, 1]


def test_the_program_serves_and_ends_on_sigterm(processes: list[_Process]) -> None:
    port = free_port()
    environment = os.environ | {
        "HTTP_PORT": str(port),
        "STATUS_TARGETS": f"auth={processes[0].url};habits={processes[1].url}",
    }
    program = subprocess.Popen(
        [sys.executable, "-m", "deploy.gateway.status"], cwd=REPOSITORY, env=environment
    )
    try:
        url = f"http://127.0.0.1:{port}/api/health/"
        wait_until(lambda: _answers_ok(url), limit_seconds=20)
    finally:
        program.terminate()
        assert program.wait(timeout=20) == 0


def _answers_ok(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def test_a_wrong_target_stops_the_start_with_the_name_of_the_setting() -> None:
    environment = os.environ | {"STATUS_TARGETS": "auth=ftp://somewhere"}

    finished = subprocess.run(
        [sys.executable, "-m", "deploy.gateway.status"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert finished.returncode != 0
    assert "STATUS_TARGETS" in finished.stderr
