"""A service's HTTP app: flask-smorest with strict input, request ids, problem details, metrics.

Each app can be built without any server and carries its OpenAPI 3.1 document.
"""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import flask
import marshmallow as ma
import structlog
from flask import Flask, Response, request
from flask_smorest import Api, Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.middleware.proxy_fix import ProxyFix

from shared.http.access_tokens import NEEDED_SCOPE
from shared.http.problem_details import (
    CONTENT_TYPE,
    Problem,
    ProblemSchema,
    register_problem_handlers,
)
from shared.http.request_records import (
    REQUEST_ID_HEADER,
    count_request,
    log_request,
    request_id_from,
)
from shared.http.scopes import NeededScope, for_people
from shared.process.ops_blueprint import ops_blueprint
from shared.process.ops_http import ReadinessChecks

MAX_BODY_BYTES = 64 * 1024

_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_BEARER = (
    "An access token of `/api/token/`, or a personal token of `/api/me/tokens/`. A personal token"
    " needs the scope that the operation names; without the scope, or where the operation names"
    " none, it is a 403 with the code `insufficient_scope`."
)

View = TypeVar("View", bound=Callable[..., Any])


class _StrictParser(FlaskParser):
    """Reads JSON bodies; whatever is not JSON is a 400, also what breaks the decoder."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - the library's way to set it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
    }

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        try:
            return json.loads(req.get_data(cache=True), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise Problem(400, "malformed_json", "The body is not well-formed JSON.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class ApiBlueprint(Blueprint):  # type: ignore[misc]
    """A blueprint whose `arguments` are parsed strictly."""

    ARGUMENTS_PARSER = _StrictParser()

    def arguments(self, schema: type[ma.Schema], **options: Any) -> Callable[[View], View]:
        """Parse what a request brings by a schema that is made once, not for each request."""
        decorate: Callable[[View], View] = super().arguments(schema(), **options)
        return decorate

    def problems(self, *statuses: int) -> Callable[[View], View]:
        """Document the problem details an operation may answer with."""

        def decorate(view: View) -> View:
            for status in statuses:
                view = self.alt_response(status, schema=ProblemSchema, content_type=CONTENT_TYPE)(
                    view
                )
            return view

        return decorate


class _ProblemApi(Api):  # type: ignore[misc]
    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        register_problem_handlers(self._app)


def create_http_app(
    name: str,
    *,
    configure: Callable[[Flask], None],
    blueprints: Callable[[], Iterable[ApiBlueprint]],
    checks: ReadinessChecks,
) -> Flask:
    """Build an app: `configure` adds extensions, `blueprints` the routes.

    `checks` say whether the service can serve (`/readyz`).
    """
    app = Flask(name)
    app.config.update(
        API_TITLE=name,
        API_VERSION="1.0.0",
        OPENAPI_VERSION="3.1.0",
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # Exactly one proxy, the gateway, stands before us; it replaces what a client claims.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.before_request(_require_known_body)
    app.after_request(_finish)
    app.teardown_request(_unbind)
    api = _ProblemApi(
        app,
        spec_kwargs={
            "components": {
                "securitySchemes": {
                    "bearerAuth": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": _BEARER,
                    }
                }
            }
        },
    )
    configure(app)
    app.register_blueprint(ops_blueprint(checks))
    for blueprint in blueprints():
        api.register_blueprint(blueprint)
    app.extensions["openapi"] = api.spec
    return app


def openapi_document(app: Flask) -> dict[str, Any]:
    """Return the app's OpenAPI document; error bodies are `application/problem+json`.

    An operation that needs a token names the scope that a personal one must have, if any is enough.
    """
    document: dict[str, Any] = app.extensions["openapi"].to_dict()
    _name_scopes(document, app.extensions.get(NEEDED_SCOPE, for_people))
    responses = [
        (status, response)
        for path in document.get("paths", {}).values()
        for operation in path.values()
        if isinstance(operation, dict)
        for status, response in operation.get("responses", {}).items()
    ]
    shared_responses = document.get("components", {}).get("responses", {})
    responses.extend(("default", response) for response in shared_responses.values())
    for status, response in responses:
        content = response.get("content", {})
        if (status == "default" or status >= "400") and "application/json" in content:
            response["content"] = {CONTENT_TYPE: content["application/json"]}
    return document


def _name_scopes(document: dict[str, Any], needed_scope: NeededScope) -> None:
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            if isinstance(operation, dict) and operation.get("security"):
                scope = needed_scope(method.upper(), path)
                operation["security"] = [{"bearerAuth": [scope] if scope else []}]


def _begin() -> None:
    flask.g.began = time.perf_counter()
    flask.g.request_id = request_id_from(request.headers.get(REQUEST_ID_HEADER, ""))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=flask.g.request_id)


def _require_known_body() -> None:
    """Refuse a body that does not say it is JSON, or what its view takes.

    A view that takes files says so by its attributes `media_types` and `largest_body_bytes`.
    """
    if request.method not in _METHODS_WITH_BODY:
        return
    view = getattr(flask.current_app.view_functions.get(request.endpoint or ""), "view_class", None)
    media_types = getattr(view, "media_types", ("application/json",))
    request.max_content_length = getattr(view, "largest_body_bytes", MAX_BODY_BYTES)
    has_body = bool(request.content_length) or request.headers.get("Transfer-Encoding") is not None
    if (has_body or request.content_type) and request.mimetype not in media_types:
        named = " or ".join(media_types)
        raise Problem(415, "unsupported_media_type", f"The body must be {named}.")


def _finish(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = flask.g.get("request_id", "")
    route = request.url_rule.rule if request.url_rule else "unknown"
    seconds = time.perf_counter() - flask.g.get("began", time.perf_counter())
    count_request(request.method, route, response.status_code, seconds)
    if request.blueprint != "ops":
        log_request(request.method, request.path, response.status_code, seconds)
    return response


def _unbind(_error: BaseException | None) -> None:
    structlog.contextvars.clear_contextvars()
