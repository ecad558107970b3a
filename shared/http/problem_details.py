"""Errors as RFC 9457 problem details: one shape for every 4xx and 5xx.

`code` is stable and meant for programs; `detail` is meant for people and never shows internals.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import marshmallow as ma
import redis
import structlog
from flask import Flask, Response, json
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from shared.process.structured_logs import get_logger

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

Errors = Mapping[str, Sequence[str]]

_SERVER_AWAY = (OperationalError, InterfaceError, PoolTimeout, redis.RedisError)

_CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "precondition_failed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "too_many_requests",
    500: "internal_error",
    503: "service_unavailable",
}

_log = get_logger(__name__)


class Problem(Exception):
    """A refusal to be answered as problem details.

    `errors` names the fields at fault, each with its messages.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Errors | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the members of the problem object."""
        members: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": structlog.contextvars.get_contextvars().get("request_id"),
        }
        if self.errors is not None:
            members["errors"] = {field: list(messages) for field, messages in self.errors.items()}
        return members

    def response(self) -> Response:
        """Return the problem as an HTTP response."""
        response = Response(
            json.dumps(self.body()) + "\n", status=self.status, content_type=CONTENT_TYPE
        )
        response.headers.update(self.headers)
        return response


def invalid_input(errors: Errors, detail: str = "The input is not valid.") -> Problem:
    """Return the 400 for input that breaks a rule; `errors` names the fields."""
    return Problem(400, "invalid_input", detail, errors=errors)


def unauthorized(code: str, detail: str) -> Problem:
    """Return the 401 with the challenge RFC 6750 asks for."""
    return Problem(401, code, detail, headers={"WWW-Authenticate": "Bearer"})


def too_many_requests(retry_after_seconds: int) -> Problem:
    """Return the 429; `Retry-After` is at least one second."""
    return Problem(
        429,
        "too_many_requests",
        "Too many requests; try again later.",
        headers={"Retry-After": str(max(1, retry_after_seconds))},
    )


class ProblemSchema(ma.Schema):
    """RFC 9457 problem details, with a stable `code` and the request's id."""

    type = ma.fields.String(required=True, metadata={"example": "about:blank"})
    title = ma.fields.String(required=True, metadata={"example": "Bad Request"})
    status = ma.fields.Integer(required=True, metadata={"example": 400})
    detail = ma.fields.String(required=True, metadata={"example": "The input is not valid."})
    code = ma.fields.String(required=True, metadata={"example": "invalid_input"})
    request_id = ma.fields.String(required=True, metadata={"example": "5f2b7c0e9d6a4c1f"})
    errors = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.List(ma.fields.String()),
        metadata={"description": "For invalid input: the messages of each field at fault."},
    )


def register_problem_handlers(app: Flask) -> None:
    """Answer every exception of an app as problem details."""
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(HTTPException, _from_http_exception)
    for error in _SERVER_AWAY:
        app.register_error_handler(error, _from_missing_server)
    app.register_error_handler(Exception, _from_bug)


def _from_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # noqa: PLR2004 - a redirect to the canonical URL is no error
        return Response(status=status, headers=error.get_headers())
    data = getattr(error, "data", {})
    if "messages" in data:
        return invalid_input(_flat(data["messages"])).response()
    problem = Problem(
        status, _CODES.get(status, "error"), error.description or HTTPStatus(status).phrase
    )
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            problem.headers[name] = value
    return problem.response()


def _from_missing_server(error: Exception) -> Response:
    _log.warning("a server is away", reason=repr(error))
    return Problem(
        503,
        "service_unavailable",
        "The service cannot answer right now; try again shortly.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    ).response()


def _from_bug(error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error)
    return Problem(500, "internal_error", "Something went wrong on our side.").response()


def _flat(messages: Any) -> dict[str, list[str]]:
    """Turn webargs' nested messages, `{location: {field: ...}}`, into `{field: [message, ...]}`."""
    flat: dict[str, list[str]] = {}
    for location_messages in messages.values():
        _flatten(location_messages, "", flat)
    return flat


def _flatten(messages: Any, path: str, flat: dict[str, list[str]]) -> None:
    if isinstance(messages, Mapping):
        for key, value in messages.items():
            name = path if key == "_schema" else f"{path}.{key}" if path else str(key)
            _flatten(value, name, flat)
    else:
        texts = messages if isinstance(messages, list) else [messages]
        flat.setdefault(path or "body", []).extend(map(str, texts))
