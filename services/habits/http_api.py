"""The routes under `/api/habit/`.

The token is checked before anything else, so that a stranger learns nothing of what is wrong with
a request. Everybody's published habits can be read without one.
"""

# mypy: disable-error-code="untyped-decorator"
# flask-smorest is not typed, so each of its decorators would be an error.

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from flask import Response, current_app, request, url_for
from flask.views import MethodView
from flask_jwt_extended import jwt_required

from services.habits import etags
from services.habits.callers import current_account, habit_id_of
from services.habits.command_handling import HabitCommands
from services.habits.documented_parameters import (
    BEARER,
    ETAG,
    HABIT_ID,
    IF_MATCH,
    IF_NONE_MATCH,
    LOCATION,
)
from services.habits.habit_details import all_details
from services.habits.habit_events import ActiveHabit
from services.habits.habit_queries import HabitQueries
from services.habits.history.history_queries import HistoryQueries
from services.habits.history.history_schemas import AsOfQuery, HistoryPage
from services.habits.history.told_changes import told
from services.habits.list_schemas import HabitPage, OwnHabitsQuery
from services.habits.pagination import PageQuery, PageRequest, envelope
from services.habits.representations import public_representation, representation
from services.habits.schemas import HabitBody, HabitPatch, HabitRepresentation
from services.habits.written_details import HabitChanges, WrittenDetails, whole_habit
from shared.http.app import ApiBlueprint
from shared.http.idempotency import IDEMPOTENCY_KEY, read_key

COMMANDS = "habit_commands"
QUERIES = "habit_queries"
HISTORY = "history_queries"

# No other path has this length, so none is taken for an id: `PUT /public/` is a 405, not a 404.
_ONE = "/<string(length=36):habit_id>"

blueprint = ApiBlueprint(
    "habits",
    __name__,
    url_prefix="/api/habit",
    description="Habits, their rules and their history.",
)


@blueprint.route("/")
class OwnHabits(MethodView):
    """The caller's habits."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.arguments(OwnHabitsQuery, location="query")
    @blueprint.response(200, HabitPage)
    @blueprint.problems(401)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List my habits, oldest first; archived ones only where they are asked for."""
        archived = query.pop("archived") == "true"
        page = PageRequest(**query)
        count, habits = _queries().own_page(current_account(), page, archived=archived)
        return envelope(page, count, [representation(habit) for habit in habits])

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    @blueprint.arguments(HabitBody)
    @blueprint.response(201, HabitRepresentation, headers={**ETAG, **LOCATION})
    @blueprint.problems(401, 409, 413, 415)
    def post(self, body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Create a habit.

        An account has at most 1,000 habits; one more is a 400 with the code `too_many_habits`. A
        broken rule is a 400 whose `errors` name every field that takes part in it. With an
        `Idempotency-Key` the request can be repeated when its answer was lost.
        """
        details = whole_habit(cast("WrittenDetails", body))
        habit = _commands().create(current_account(), details, read_key(request))
        location = url_for("habits.OneHabit", habit_id=habit.id, _external=True)
        return (
            representation(habit),
            201,
            {"ETag": etags.owner_etag(habit.version), "Location": location},
        )


@blueprint.route(f"{_ONE}/", parameters=[HABIT_ID])
class OneHabit(MethodView):
    """One habit."""

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IF_NONE_MATCH])
    @blueprint.arguments(AsOfQuery, location="query")
    @blueprint.response(200, HabitRepresentation, headers=ETAG)
    @blueprint.alt_response(304, description="Not Modified", headers=ETAG, success=True)
    @blueprint.problems(401, 404)
    def get(self, query: dict[str, datetime], habit_id: str) -> Any:
        """Read a habit.

        One's own, or somebody else's published one as it is in the public list. With `as_of` one's
        own as it was then, also one that has been deleted since; 404 if it was not there.
        """
        reader = current_account()
        habit = _find(habit_id_of(habit_id), reader, query.get("as_of"))
        own = habit.owner_id == reader
        etag = (etags.owner_etag if own else etags.public_etag)(habit.version)
        if etags.is_known_to_client(request.headers.get("If-None-Match"), etag):
            return Response(status=304, headers={"ETag": etag})
        shown = representation(habit) if own else public_representation(habit)
        return shown, 200, {"ETag": etag}

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IF_MATCH])
    @blueprint.arguments(HabitBody)
    @blueprint.response(200, HabitRepresentation, headers=ETAG)
    @blueprint.problems(401, 403, 404, 409, 412, 413, 415)
    def put(
        self, body: dict[str, Any], habit_id: str
    ) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Replace a habit.

        Fields that are left out get their defaults; `time` and `period_days` alone are one time
        every so many days. The same values again change nothing: no new
        version, the same ETag.
        """
        details = whole_habit(cast("WrittenDetails", body))
        return _change(habit_id, all_details(details))

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IF_MATCH])
    @blueprint.arguments(HabitPatch)
    @blueprint.response(200, HabitRepresentation, headers=ETAG)
    @blueprint.problems(401, 403, 404, 409, 412, 413, 415)
    def patch(
        self, body: dict[str, Any], habit_id: str
    ) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Change some fields of a habit.

        The rules are checked on the resulting habit; a lone `time` moves the first of its times.
        The same values again change nothing: no new version, the same ETag.
        """
        return _change(habit_id, cast("WrittenDetails", body))

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IF_MATCH])
    @blueprint.response(204)
    @blueprint.problems(401, 403, 404, 409, 412, 413, 415)
    def delete(self, habit_id: str) -> None:
        """Delete a habit.

        Habits that were linked to it lose the link.
        """
        _commands().delete(habit_id_of(habit_id), current_account(), _if_match())


@blueprint.route(f"{_ONE}/archive/", parameters=[HABIT_ID])
class ArchivedHabit(MethodView):
    """A habit that is over for now."""

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IF_MATCH])
    @blueprint.response(200, HabitRepresentation, headers=ETAG)
    @blueprint.problems(401, 403, 404, 409, 412, 415)
    def post(self, habit_id: str) -> Any:
        """Archive a habit.

        It is not due, not reminded of, and out of the lists, until it is taken out of the archive;
        what is recorded of it stays. Archiving it again changes nothing.
        """
        return _shown(_commands().archive(habit_id_of(habit_id), current_account(), _if_match()))


@blueprint.route(f"{_ONE}/unarchive/", parameters=[HABIT_ID])
class UnarchivedHabit(MethodView):
    """A habit that goes on."""

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IF_MATCH])
    @blueprint.response(200, HabitRepresentation, headers=ETAG)
    @blueprint.problems(401, 403, 404, 409, 412, 415)
    def post(self, habit_id: str) -> Any:
        """Take a habit out of the archive. Doing it again changes nothing."""
        return _shown(_commands().unarchive(habit_id_of(habit_id), current_account(), _if_match()))


@blueprint.route(f"{_ONE}/restore/", parameters=[HABIT_ID])
class RestoredHabit(MethodView):
    """A habit that was deleted."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.response(200, HabitRepresentation, headers=ETAG)
    @blueprint.problems(400, 401, 403, 404, 409, 415)
    def post(self, habit_id: str) -> Any:
        """Bring back a habit that was deleted within the last 30 days.

        It is what it was, with what was recorded of its days; a link to a habit that has gone is
        not. Restoring it again changes nothing.
        """
        return _shown(_commands().restore(habit_id_of(habit_id), current_account()))


@blueprint.route(f"{_ONE}/history/", parameters=[HABIT_ID])
class HabitHistory(MethodView):
    """What happened to a habit."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, HistoryPage)
    @blueprint.problems(401, 404)
    def get(self, query: dict[str, int], habit_id: str) -> dict[str, Any]:
        """Read what happened to a habit and to its days, oldest first.

        For the owner only, as long as the habit is there. What happened to a day names its `date`
        and has the day's version; the versions of the others are the habit's.
        """
        page = PageRequest(**query)
        count, changes = _history().page(habit_id_of(habit_id), current_account(), page)
        return envelope(page, count, [told(change) for change in changes])


def _change(habit_id: str, changes: HabitChanges) -> tuple[dict[str, Any], int, dict[str, str]]:
    return _shown(
        _commands().change(habit_id_of(habit_id), current_account(), changes, _if_match())
    )


def _find(habit_id: UUID, reader: UUID, as_of: datetime | None) -> ActiveHabit:
    if as_of is None:
        return _queries().find(habit_id, reader)
    return _history().habit_at(habit_id, reader, as_of)


def _shown(habit: ActiveHabit) -> tuple[dict[str, Any], int, dict[str, str]]:
    return representation(habit), 200, {"ETag": etags.owner_etag(habit.version)}


def _if_match() -> frozenset[int] | None:
    return etags.versions_of_if_match(request.headers.get("If-Match"))


def _commands() -> HabitCommands:
    return cast("HabitCommands", current_app.extensions[COMMANDS])


def _history() -> HistoryQueries:
    return cast("HistoryQueries", current_app.extensions[HISTORY])


def _queries() -> HabitQueries:
    return cast("HabitQueries", current_app.extensions[QUERIES])
