"""`/healthz`, `/readyz`, `/metrics`: every process answers them on its own port.

`healthz` says the process runs; `readyz` that it can do its work, naming what is missing. Neither
is reachable through the gateway.
"""

import threading
from collections.abc import Callable, Mapping

from flask import Blueprint, Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.serving import WSGIRequestHandler, make_server

from shared.problem_details import register_problem_handlers

ReadinessChecks = Mapping[str, Callable[[], bool]]


def ops_blueprint(checks: ReadinessChecks) -> Blueprint:
    """Return the three routes; `checks` are asked, by name, on every `/readyz`."""
    blueprint = Blueprint("ops", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        answers = {name: "ok" if check() else "unavailable" for name, check in checks.items()}
        ready = all(answer == "ok" for answer in answers.values())
        status = "ok" if ready else "unavailable"
        return jsonify(status=status, checks=answers), 200 if ready else 503

    @blueprint.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return blueprint


class OpsServer:
    """Serves the three routes from a thread, for processes that serve nothing else."""

    def __init__(self, host: str, port: int, checks: ReadinessChecks) -> None:
        app = Flask("ops")
        app.register_blueprint(ops_blueprint(checks))
        register_problem_handlers(app)
        self._server = make_server(
            host, port, app, threaded=True, request_handler=_SilentRequestHandler
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; frees the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _SilentRequestHandler(WSGIRequestHandler):
    def log_request(self, *_args: object, **_kwargs: object) -> None:
        """Probes every few seconds are not worth a line."""
