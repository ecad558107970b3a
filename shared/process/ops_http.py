"""`/healthz`, `/readyz`, `/metrics`: every process answers them on its own port.

`healthz` says the process runs and is not stuck; `readyz` that it can do its work, naming what is
missing. Neither is reachable through the gateway. The server here is the standard library's: a
process that serves nothing else would otherwise load a web framework, which takes half of its
start.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

ReadinessChecks = Mapping[str, Callable[[], bool]]
Liveness = Callable[[], bool]

_IDLE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class OpsAnswer:
    """What one of the three routes answers, whichever server sends it."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "application/json"


def ops_routes(
    checks: ReadinessChecks, is_alive: Liveness = lambda: True
) -> dict[str, Callable[[], OpsAnswer]]:
    """Return the three routes.

    `checks` are asked, by name, on every `/readyz`. Where `is_alive` says no, the process cannot
    help itself any more and should be killed.
    """

    def healthz() -> OpsAnswer:
        if is_alive():
            return OpsAnswer(_json(status="ok"))
        return OpsAnswer(_json(status="stuck"), HTTPStatus.SERVICE_UNAVAILABLE)

    def readyz() -> OpsAnswer:
        answers = {name: "ok" if check() else "unavailable" for name, check in checks.items()}
        if all(answer == "ok" for answer in answers.values()):
            return OpsAnswer(_json(status="ok", checks=answers))
        return OpsAnswer(
            _json(status="unavailable", checks=answers), HTTPStatus.SERVICE_UNAVAILABLE
        )

    def metrics() -> OpsAnswer:
        return OpsAnswer(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


class OpsServer:
    """Serves the three routes from a thread, for processes that serve nothing else."""

    def __init__(self, host: str, port: int, checks: ReadinessChecks, is_alive: Liveness) -> None:
        self._server = _Server((host, port), _handler(ops_routes(checks, is_alive)))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; frees the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    # A probe that hangs does not hold up the end of the process.
    daemon_threads = True
    block_on_close = False


def _handler(routes: Mapping[str, Callable[[], OpsAnswer]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _IDLE_SECONDS

        def do_GET(self) -> None:
            route = routes.get(self.path.partition("?")[0])
            answer = _NOT_FOUND if route is None else route()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

        def log_message(self, *_arguments: object) -> None:
            """Probes every few seconds are not worth a line."""

    return Handler


def _json(**members: object) -> bytes:
    return json.dumps(members).encode()


_NOT_FOUND = OpsAnswer(
    _json(
        type="about:blank",
        title="Not Found",
        status=HTTPStatus.NOT_FOUND,
        code="not_found",
        detail="There is nothing at this address.",
    ),
    HTTPStatus.NOT_FOUND,
    "application/problem+json",
)
