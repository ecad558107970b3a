"""`POST /api/tg/webhook/`: handles an update of Telegram's, and answers 200 once that is committed.

Only Telegram knows the secret that it sends along. When the database is away the answer is 503 and
Telegram sends the update again; its id tells whether it has been handled. Telegram is told to have
one update under way at a time (`max_connections`), so more than a few at once are somebody's
mistake: they are put off, or a database that hangs would take every thread from the other requests.
"""

# mypy: disable-error-code="untyped-decorator"
# flask-smorest is not typed, so each of its decorators would be an error.

import hmac
import threading
from collections.abc import Callable
from typing import Any

from flask import request
from flask.views import MethodView

from services.notifier.telegram.updates import NotJson
from shared.contracts.cloud_event import UnreadableMessage
from shared.http.app import ApiBlueprint
from shared.http.problem_details import RETRY_AFTER_SECONDS, Problem, unauthorized

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
AT_ONCE = 2

HandleUpdate = Callable[[bytes], None]

_DOCUMENTED = {
    "security": [],
    "parameters": [
        {
            "in": "header",
            "name": SECRET_HEADER,
            "required": True,
            "schema": {"type": "string"},
            "description": "The secret that only Telegram was told.",
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["update_id"],
                    "properties": {
                        "update_id": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
                    },
                },
                "example": {"update_id": 10000},
            }
        },
    },
}


def add_webhook_route(blueprint: ApiBlueprint, handle: HandleUpdate, secret: str) -> None:
    """Add the route to a blueprint; with an empty secret nobody is let in.

    `handle` returns once the update may be forgotten, and raises UnreadableMessage for what is no
    update.
    """
    places = threading.BoundedSemaphore(AT_ONCE)

    @blueprint.route("/webhook/")
    class Webhook(MethodView):
        """Telegram's way in."""

        @blueprint.doc(**_DOCUMENTED)
        @blueprint.response(200, description="The update has been handled.")
        @blueprint.problems(400, 401, 413, 415, 503)
        def post(self) -> dict[str, Any]:
            """Take an update from Telegram.

            Called by Telegram alone.
            """
            claimed = request.headers.get(SECRET_HEADER, "")
            if not secret or not hmac.compare_digest(claimed.encode(), secret.encode()):
                raise unauthorized("not_authenticated", "The secret token is missing or wrong.")
            if not places.acquire(blocking=False):
                raise _busy()
            try:
                handle(request.get_data())
            except NotJson as error:
                raise Problem(400, "malformed_json", "The body is not well-formed JSON.") from error
            except UnreadableMessage as error:
                raise Problem(400, "invalid_input", "The body is not an update.") from error
            finally:
                places.release()
            return {}


def _busy() -> Problem:
    return Problem(
        503,
        "service_unavailable",
        "Other updates are being handled; send it again.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
