"""The routes of `ops_http` on the port of a process that serves HTTP anyway."""

from collections.abc import Callable

from flask import Blueprint, Response

from shared.process.ops_http import OpsAnswer, ReadinessChecks, ops_routes


def ops_blueprint(checks: ReadinessChecks) -> Blueprint:
    """Return the three routes; `checks` are asked, by name, on every `/readyz`."""
    blueprint = Blueprint("ops", __name__)
    for path, route in ops_routes(checks).items():
        blueprint.add_url_rule(path, path.strip("/"), _view(route))
    return blueprint


def _view(route: Callable[[], OpsAnswer]) -> Callable[[], Response]:
    def view() -> Response:
        answer = route()
        return Response(answer.body, answer.status, content_type=answer.content_type)

    return view
