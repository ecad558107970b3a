"""`GET /api/health/`: 200 when all services can serve, else a 503 problem naming those that cannot.

A program of its own because nginx cannot ask several servers in one request. STATUS_TARGETS names
the processes: `auth=http://127.0.0.1:8001,http://127.0.0.1:9001;habits=...`.
"""

from dataclasses import dataclass

import marshmallow as ma
from environs import FileAwareEnv
from flask import Flask, Response, jsonify
from flask.views import MethodView

from deploy.gateway.service_health import ServiceHealth, Targets, parse_targets
from shared.http.app import ApiBlueprint, create_http_app
from shared.http.problem_details import Problem, ProblemSchema
from shared.http.server import serve
from shared.process.environment import PORT, load_settings
from shared.process.structured_logs import LOG_LEVELS, configure_logs

_RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSettings:
    targets: Targets
    http_host: str
    http_port: int
    log_level: str


class HealthSchema(ma.Schema):
    """Whether each service can serve."""

    status = ma.fields.String(
        required=True, validate=ma.validate.OneOf(["ok"]), metadata={"example": "ok"}
    )
    services = ma.fields.Dict(
        required=True,
        keys=ma.fields.String(),
        values=ma.fields.String(validate=ma.validate.OneOf(["ok", "unavailable"])),
        metadata={
            "example": {"auth": "ok", "habits": "ok", "notifier": "ok", "scheduler": "ok"},
        },
    )


class UnhealthySchema(ProblemSchema):
    """A problem that also says which services cannot serve."""

    services = ma.fields.Dict(
        required=True,
        keys=ma.fields.String(),
        values=ma.fields.String(validate=ma.validate.OneOf(["ok", "unavailable"])),
        metadata={"example": {"auth": "ok", "habits": "unavailable"}},
    )


def create_app(health: ServiceHealth) -> Flask:
    """Build the app around whoever knows the services' health."""
    return create_http_app(
        "gateway-status",
        configure=lambda _app: None,
        blueprints=lambda: [_health_blueprint(health)],
        checks={},
    )


def _health_blueprint(health: ServiceHealth) -> ApiBlueprint:
    blueprint = ApiBlueprint(
        "Health", __name__, url_prefix="/api/health", description="Can the system serve?"
    )

    @blueprint.route("/")
    class Health(MethodView):
        @blueprint.doc(operationId="getHealth", summary="Ask whether all services can serve")
        @blueprint.response(200, HealthSchema)
        @blueprint.alt_response(
            503, schema=UnhealthySchema, description="At least one service cannot serve"
        )
        def get(self) -> Response:
            """Every process of every service is asked; the answer is at most a second old."""
            summary = health.summary()
            services = {name: "ok" if well else "unavailable" for name, well in summary.items()}
            return _answer(services)

    return blueprint


def _answer(services: dict[str, str]) -> Response:
    ill = sorted(name for name, state in services.items() if state != "ok")
    if not ill:
        return jsonify(status="ok", services=services)
    problem = Problem(503, "service_unavailable", f"Cannot serve: {', '.join(ill)}.")
    response = jsonify(problem.body() | {"services": services})
    response.status_code = 503
    response.content_type = "application/problem+json"
    response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return response


def main() -> None:
    def read(environment: FileAwareEnv) -> StatusSettings:
        return StatusSettings(
            targets=_targets(environment),
            http_host=environment.str("HTTP_HOST", "127.0.0.1"),
            http_port=environment.int("HTTP_PORT", 8000, **PORT),
            log_level=environment.str("LOG_LEVEL", "INFO", validate=ma.validate.OneOf(LOG_LEVELS)),
        )

    settings = load_settings(read)
    configure_logs("gateway", "status", settings.log_level)
    serve(
        lambda: create_app(ServiceHealth(settings.targets)), settings.http_host, settings.http_port
    )


def _targets(environment: FileAwareEnv) -> Targets:
    try:
        return parse_targets(environment.str("STATUS_TARGETS"))
    except ValueError as error:
        raise ValueError(f"STATUS_TARGETS: {error}") from error


if __name__ == "__main__":
    main()
