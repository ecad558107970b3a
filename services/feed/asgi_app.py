"""What is the same for every request to the feed: its id, its record, its errors as problems.

The feed is served by an event loop: a long poll or a stream would hold a thread for its whole life.
"""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import psycopg
import structlog
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problem_details import CONTENT_TYPE, RETRY_AFTER_SECONDS, Problem
from shared.http.request_records import (
    REQUEST_ID_HEADER,
    count_request,
    log_request,
    request_id_from,
)
from shared.process.ops_http import OpsAnswer, ReadinessChecks, ops_routes
from shared.process.structured_logs import get_logger

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]

_PROBLEMS = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not know the method."),
}

_log = get_logger(__name__)


def create_asgi_app(
    routes: Sequence[BaseRoute], checks: ReadinessChecks, lifespan: Lifespan
) -> Starlette:
    """Build an app of these routes, and of `/healthz`, `/readyz` and `/metrics`."""
    ops = [Route(path, _endpoint(answer)) for path, answer in ops_routes(checks).items()]
    app = Starlette(
        routes=[*routes, *ops],
        middleware=[Middleware(_Records, unlogged={route.path for route in ops})],
        exception_handlers={
            Problem: _problem,
            HTTPException: _from_http_exception,
            psycopg.Error: _from_missing_server,
            PoolTimeout: _from_missing_server,
            Exception: _from_bug,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Records:
    """Names each request, writes its log line and counts it."""

    def __init__(self, app: ASGIApp, unlogged: set[str]) -> None:
        self._app = app
        self._unlogged = unlogged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = request_id_from(Headers(scope=scope).get(REQUEST_ID_HEADER, ""))
        status = 500

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_named)
            finally:
                self._record(scope, status, time.perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        pattern = route.path if isinstance(route, Route) else "unknown"
        count_request(scope["method"], pattern, status, seconds)
        if scope["path"] not in self._unlogged:
            log_request(scope["method"], scope["path"], status, seconds)


def _endpoint(answer: Callable[[], OpsAnswer]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_request: Request) -> Response:
        found = await run_in_threadpool(answer)
        return Response(found.body, found.status, media_type=found.content_type)

    return endpoint


async def _problem(_request: Request, problem: Exception) -> Response:
    if not isinstance(problem, Problem):
        raise problem
    return Response(
        json.dumps(problem.body()) + "\n",
        problem.status,
        headers=problem.headers,
        media_type=CONTENT_TYPE,
    )


async def _from_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code, detail = _PROBLEMS.get(error.status_code, ("bad_request", error.detail))
    headers = dict(error.headers or {})
    return await _problem(request, Problem(error.status_code, code, detail, headers=headers))


async def _from_missing_server(request: Request, error: Exception) -> Response:
    _log.warning("a server is away", reason=repr(error))
    away = Problem(
        503,
        "service_unavailable",
        "The service cannot answer right now; try again shortly.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
    return await _problem(request, away)


async def _from_bug(request: Request, error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error)
    bug = Problem(500, "internal_error", "Something went wrong on our side.")
    return await _problem(request, bug)
