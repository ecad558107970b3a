"""What is kept of each request, whichever framework answers it: its id, a log line, metrics."""

import re
import uuid

from prometheus_client import Counter, Histogram

from shared.process.structured_logs import get_logger

REQUEST_ID_HEADER = "X-Request-ID"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}", re.ASCII)

_requests = Counter("http_requests_total", "Requests", ["method", "route", "status"])
_seconds = Histogram("http_request_seconds", "Time to answer", ["method", "route"])

_log = get_logger("shared.http.app")


def request_id_from(claimed: str) -> str:
    """Return the id that a client claims for its request if it is a sane one, or a new one."""
    return claimed if _REQUEST_ID.fullmatch(claimed) else uuid.uuid4().hex


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request that has been answered; `route` is a pattern, never an address."""
    _requests.labels(method, route, status).inc()
    _seconds.labels(method, route).observe(seconds)


def log_request(method: str, path: str, status: int, seconds: float) -> None:
    """Write the line of a request that has been answered."""
    _log.info(
        "answered",
        method=method,
        path=path,
        status=status,
        milliseconds=round(seconds * 1000, 1),
    )
