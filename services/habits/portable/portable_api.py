"""The routes by which an account's habits leave as a file and come in from one."""

# mypy: disable-error-code="untyped-decorator"
# flask-smorest is not typed, so each of its decorators would be an error.

from typing import Any

import marshmallow as ma
from flask import Response, current_app, request, url_for
from flask.views import MethodView
from flask_jwt_extended import jwt_required
from marshmallow import fields
from marshmallow.validate import Length, OneOf
from sqlalchemy import Engine

from services.habits.callers import current_account
from services.habits.documented_parameters import BEARER
from services.habits.habit_ids import parse_habit_id
from services.habits.portable.exported_lines import exported_lines
from services.habits.portable.import_jobs import (
    DONE,
    FAILED,
    PENDING,
    RUNNING,
    ImportNotFound,
    Upload,
    begin_import,
    report_of,
)
from services.habits.portable.import_work import check_file
from services.habits.schemas import EXAMPLE_ID, not_blank, wall_clock_time
from shared import instants
from shared.http.app import ApiBlueprint
from shared.http.problem_details import Problem
from shared.http.strict_fields import StrictSchema, StrictString

PORTABLE_ENGINE = "portable_engine"

NDJSON = "application/x-ndjson"
LARGEST_FILE_BYTES = 16 * 1024 * 1024
# The parts of a form around the file.
LARGEST_BODY_BYTES = LARGEST_FILE_BYTES + 64 * 1024
FILE_TYPES = (
    *(NDJSON, "application/json", "application/zip", "application/x-zip-compressed"),
    *("application/vnd.sqlite3", "application/x-sqlite3", "application/octet-stream"),
    "multipart/form-data",
)
_BINARY = {"schema": {"type": "string", "format": "binary"}}

blueprint = ApiBlueprint(
    "portable",
    __name__,
    url_prefix="/api/habit",
    description="An account's habits as a file.",
)


class ImportQuery(StrictSchema):
    """What habits get that name neither a time nor a place, as those of Loop Habit Tracker."""

    default_time = wall_clock_time(load_default=None)
    default_place = StrictString(
        load_default="Anywhere",
        validate=[Length(max=255, error="Must not be longer than 255 characters."), not_blank],
        metadata={"example": "Anywhere"},
    )


class ImportStatus(ma.Schema):
    """Where an import stands."""

    id = fields.String(required=True, metadata={"example": EXAMPLE_ID})
    status = fields.String(
        required=True,
        validate=OneOf([PENDING, RUNNING, DONE, FAILED]),
        metadata={"example": DONE, "description": "`failed`: the file could not be read."},
    )


class RejectedPart(ma.Schema):
    """What was not taken."""

    what = fields.String(required=True, metadata={"example": "Read, 2026-01-06"})
    reason = fields.String(required=True, metadata={"example": "It is in the future."})


class ImportReport(ImportStatus):
    """What came of an import by now."""

    imported = fields.Integer(
        required=True, metadata={"example": 12, "description": "Habits and days taken over."}
    )
    rejected = fields.List(fields.Nested(RejectedPart), required=True)


@blueprint.route("/export/")
class Export(MethodView):
    """Everything of an account's habits."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.response(200, {"type": "string"}, content_type=NDJSON)
    @blueprint.problems(401)
    def get(self) -> Response:
        """Export my habits with their history and their days, one JSON object a line.

        The first line names the format, the last one the number of events; a file without it was
        cut off. `POST /api/habit/import/` takes the file in, in any account.
        """
        lines = exported_lines(_engine(), current_account(), instants.now())
        # What is refused is refused before the answer begins.
        first = next(lines)

        def whole() -> Any:
            yield first
            yield from lines

        named = {"Content-Disposition": 'attachment; filename="habits.ndjson"'}
        return Response(whole(), content_type=NDJSON, headers=named)


@blueprint.route("/import/")
class Imports(MethodView):
    """Files to be taken in."""

    largest_body_bytes = LARGEST_BODY_BYTES
    media_types = FILE_TYPES

    @jwt_required()
    @blueprint.doc(
        security=BEARER,
        requestBody={
            "required": True,
            "content": {
                NDJSON: _BINARY,
                "application/zip": _BINARY,
                "application/vnd.sqlite3": _BINARY,
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                },
            },
        },
    )
    @blueprint.arguments(ImportQuery, location="query")
    @blueprint.response(202, ImportStatus)
    @blueprint.problems(401, 409, 413, 415)
    def post(self, query: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Take in a file: an export of ours, or Loop Habit Tracker's CSV export or backup.

        Up to 16 MiB, as the body or as the file of a form. It is taken in behind the answer; habits
        are added to those that are there, with their days, and nothing is reminded of that was due
        before. One import at a time (409, `import_under_way`).
        """
        payload = _file()
        check_file(payload)
        time = query["default_time"]
        upload = Upload(
            payload=payload,
            default_time="09:00:00" if time is None else time.isoformat(),
            default_place=query["default_place"],
        )
        import_id = begin_import(_engine(), current_account(), upload, instants.now())
        location = url_for("portable.OneImport", import_id=import_id, _external=True)
        return {"id": str(import_id), "status": PENDING}, 202, {"Location": location}


@blueprint.route(
    "/import/<string(length=36):import_id>/",
    parameters=[
        {
            "in": "path",
            "name": "import_id",
            "required": True,
            "schema": {"type": "string", "example": EXAMPLE_ID},
        }
    ],
)
class OneImport(MethodView):
    """An import."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.response(200, ImportReport)
    @blueprint.problems(401, 404)
    def get(self, import_id: str) -> Any:
        """Read how far an import is, and what was not taken, with the reason."""
        known = parse_habit_id(import_id)
        if known is None:
            raise ImportNotFound
        return report_of(_engine(), current_account(), known)


def _file() -> bytes:
    if request.mimetype == "multipart/form-data":
        sent = next(iter(request.files.values()), None)
        payload = b"" if sent is None else sent.read()
    else:
        payload = request.get_data(cache=False)
    if not payload:
        raise Problem(400, "unreadable_file", "There is no file in the request.")
    if len(payload) > LARGEST_FILE_BYTES:
        raise Problem(413, "body_too_large", "The file is larger than 16 MiB.")
    return payload


def _engine() -> Engine:
    engine: Engine = current_app.extensions[PORTABLE_ENGINE]
    return engine
