"""`POST /api/tg/webhook/`: takes an update from Telegram, and answers 200 once it is in its queue.

Only Telegram knows the secret that it sends along. Without the broker's confirm the answer is 503
and Telegram sends the update again; the consumer knows its id.
"""

# mypy: disable-error-code="untyped-decorator"
# flask-smorest is not typed, so each of its decorators would be an error.

import hmac
import json
from typing import Any, Protocol

from flask import request
from flask.views import MethodView

from services.notifier.telegram.updates import update_id_of
from shared.http.app import ApiBlueprint
from shared.http.problem_details import RETRY_AFTER_SECONDS, Problem, unauthorized
from shared.messaging.publisher import PublishFailed, Unroutable

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name

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


class UpdateIntake(Protocol):
    """Stores an update in the queue, confirmed. Raises PublishFailed or Unroutable."""

    def store(self, update_id: int, update: bytes) -> None: ...


def add_webhook_route(blueprint: ApiBlueprint, intake: UpdateIntake, secret: str) -> None:
    """Add the route to a blueprint; with an empty secret nobody is let in."""

    @blueprint.route("/webhook/")
    class Webhook(MethodView):
        """Telegram's way in."""

        @blueprint.doc(**_DOCUMENTED)
        @blueprint.response(200, description="The update is in its queue.")
        @blueprint.problems(400, 401, 413, 415, 503)
        def post(self) -> dict[str, Any]:
            """Take an update from Telegram.

            Called by Telegram alone.
            """
            claimed = request.headers.get(SECRET_HEADER, "")
            if not secret or not hmac.compare_digest(claimed.encode(), secret.encode()):
                raise unauthorized("not_authenticated", "The secret token is missing or wrong.")
            raw = request.get_data()
            _store(intake, _read_update_id(raw), raw)
            return {}


def _read_update_id(raw: bytes) -> int:
    try:
        update = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "malformed_json", "The body is not well-formed JSON.") from error
    update_id = update_id_of(update)
    if update_id is None:
        raise Problem(400, "invalid_input", "The body is not an update.")
    return update_id


def _store(intake: UpdateIntake, update_id: int, raw: bytes) -> None:
    try:
        intake.store(update_id, raw)
    except (PublishFailed, Unroutable) as error:
        raise Problem(
            503,
            "service_unavailable",
            "The update could not be stored; send it again.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        ) from error
