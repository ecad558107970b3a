"""The routes that undo what was changed, under `/api/habit/`."""

# mypy: disable-error-code="untyped-decorator"
# flask-smorest is not typed, so each of its decorators would be an error.

import json
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import marshmallow as ma
from flask import current_app, request
from flask.views import MethodView
from flask_jwt_extended import jwt_required
from marshmallow import fields
from marshmallow.validate import OneOf

from services.habits.callers import current_account, habit_id_of
from services.habits.date_field import DateField
from services.habits.documented_parameters import BEARER, HABIT_ID
from services.habits.history.told_changes import TYPES
from services.habits.schemas import EXAMPLE_ID, InstantField
from shared.http.app import ApiBlueprint
from shared.http.idempotency import IDEMPOTENCY_KEY, read_key
from shared.http.problem_details import Problem

if TYPE_CHECKING:
    from services.habits.undo.undo_commands import UndoCommands

UNDO_COMMANDS = "undo_commands"

blueprint = ApiBlueprint(
    "undo",
    __name__,
    url_prefix="/api/habit",
    description="Taking back what was changed.",
)


class UndoneChange(ma.Schema):
    """The change that was undone."""

    type = fields.String(required=True, validate=OneOf(TYPES), metadata={"example": "day_recorded"})
    habit_id = fields.String(required=True, metadata={"example": EXAMPLE_ID})
    date = DateField(
        required=True,
        allow_none=True,
        metadata={"description": "Of which day it was a change; null for one of the habit."},
    )
    at = InstantField(
        required=True,
        metadata={
            "type": "string",
            "format": "date-time",
            "example": "2026-01-06T08:00:00Z",
            "description": "When the change had been made.",
        },
    )


class UndoAnswer(ma.Schema):
    """What was undone."""

    undone = fields.Nested(UndoneChange, required=True)


@blueprint.route("/undo/")
class UndoLast(MethodView):
    """The account's last change."""

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    @blueprint.response(200, UndoAnswer)
    @blueprint.problems(400, 401, 409, 413, 415)
    def post(self) -> dict[str, Any]:
        """Undo my last change, of a habit or of a day, by whichever channel.

        Up to 24 hours back. Undoing again undoes the change before; an undo itself is not undone.
        Nothing left is a 409 with the code `nothing_to_undo`; what would break a rule is a 409 with
        the code `undo_breaks_rule`, whose `errors` name it. With an `Idempotency-Key` the request
        can be repeated when its answer was lost.
        """
        return _undo(None)


@blueprint.route("/<string(length=36):habit_id>/undo/", parameters=[HABIT_ID])
class UndoLastOfHabit(MethodView):
    """A habit's last change."""

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    @blueprint.response(200, UndoAnswer)
    @blueprint.problems(400, 401, 403, 404, 409, 413, 415)
    def post(self, habit_id: str) -> dict[str, Any]:
        """Undo the last change of one of my habits, or of one of its days.

        As `/api/habit/undo/` does; of a habit that was deleted, the deletion.
        """
        return _undo(habit_id_of(habit_id))


def _undo(habit_id: UUID | None) -> dict[str, Any]:
    _require_no_body()
    commands = cast("UndoCommands", current_app.extensions[UNDO_COMMANDS])
    return {"undone": commands.undo_last(current_account(), habit_id, read_key(request))}


def _require_no_body() -> None:
    data = request.get_data(cache=True)
    try:
        is_empty = not data or json.loads(data) == {}
    except ValueError as error:
        raise Problem(400, "malformed_json", "The body is not well-formed JSON.") from error
    if not is_empty:
        raise Problem(400, "invalid_input", "Nothing can be said here: the body must be empty.")
