"""The routes of days under `/api/habit/`: what was done of a habit on a local date."""

# mypy: disable-error-code="untyped-decorator"
# flask-smorest is not typed, so each of its decorators would be an error.

import datetime as dt
from typing import Any, cast

from flask import current_app, request
from flask.views import MethodView
from flask_jwt_extended import jwt_required

from services.habits import etags
from services.habits.callers import current_account, habit_id_of
from services.habits.date_field import parse_date
from services.habits.days.day import AddValue, ClearDay, DayCommand, DayRefused, SetStatus, SetValue
from services.habits.days.day_commands import NOT_YOUR_HABIT, DayAnswer, DayCommands, DayRequest
from services.habits.days.day_events import DayStatus, RecordedDay
from services.habits.days.day_queries import DayQueries
from services.habits.days.day_schemas import (
    DayAmountBody,
    DayBatchBody,
    DayBody,
    DayList,
    DayRepresentation,
    GridQuery,
    GridRepresentation,
    HabitDaysQuery,
    TodayRepresentation,
)
from services.habits.documented_parameters import (
    BEARER,
    DAY_DATE,
    DAY_ETAG,
    DAY_IF_MATCH,
    DAY_IF_NONE_MATCH,
    HABIT_ID,
)
from services.habits.habit_ids import parse_habit_id
from services.habits.representations import representation
from shared.http.app import ApiBlueprint
from shared.http.idempotency import IDEMPOTENCY_KEY, read_key

DAY_COMMANDS = "day_commands"
DAY_QUERIES = "day_queries"

_OF_ONE = "/<string(length=36):habit_id>/days"

blueprint = ApiBlueprint(
    "days",
    __name__,
    url_prefix="/api/habit",
    description="What was done of a habit on a local date.",
)


@blueprint.route(f"{_OF_ONE}/", parameters=[HABIT_ID])
class HabitDays(MethodView):
    """The days of one habit."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.arguments(HabitDaysQuery, location="query")
    @blueprint.response(200, DayList)
    @blueprint.problems(401, 403, 404)
    def get(self, query: dict[str, dt.date], habit_id: str) -> dict[str, Any]:
        """List what is recorded of a habit, oldest first; up to 366 days."""
        days = _queries().of_habit(habit_id_of(habit_id), current_account(), **query)
        return {"results": [_day(day) for day in days]}


@blueprint.route(f"{_OF_ONE}/<string:date>/", parameters=[HABIT_ID, DAY_DATE])
class HabitDay(MethodView):
    """One day of a habit."""

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[DAY_IF_MATCH, DAY_IF_NONE_MATCH])
    @blueprint.arguments(DayBody)
    @blueprint.response(200, DayRepresentation, headers=DAY_ETAG)
    @blueprint.alt_response(201, schema=DayRepresentation, headers=DAY_ETAG, success=True)
    @blueprint.problems(401, 403, 404, 412, 413, 415)
    def put(self, body: dict[str, Any], habit_id: str, date: str) -> Any:
        """Record a day, or replace what is recorded: 201 if nothing was, else 200.

        The same again stores nothing. From the habit's first date to today, wherever today is
        furthest ahead. The habit's own version and ETag do not move.
        """
        answer = _answer(habit_id, date, _command(body))
        return _shown(answer, 200 if answer.was_recorded else 201)

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[DAY_IF_MATCH])
    @blueprint.response(204)
    @blueprint.problems(400, 401, 403, 404, 412, 413, 415)
    def delete(self, habit_id: str, date: str) -> None:
        """Clear a day; clearing it again changes nothing."""
        _answer(habit_id, date, ClearDay())


@blueprint.route(f"{_OF_ONE}/<string:date>/add/", parameters=[HABIT_ID, DAY_DATE])
class HabitDayAmount(MethodView):
    """More of one day."""

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY, DAY_IF_MATCH])
    @blueprint.arguments(DayAmountBody)
    @blueprint.response(200, DayRepresentation, headers=DAY_ETAG)
    @blueprint.problems(401, 403, 404, 409, 412, 413, 415)
    def post(self, body: dict[str, Any], habit_id: str, date: str) -> Any:
        """Add to the value of a day.

        With an `Idempotency-Key` the request can be repeated when its answer was lost.
        """
        return _shown(_answer(habit_id, date, AddValue(body["amount"]), keyed=True), 200)


@blueprint.route("/days/")
class OwnDays(MethodView):
    """The days of all the caller's habits."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.arguments(GridQuery, location="query")
    @blueprint.response(200, GridRepresentation)
    @blueprint.problems(401)
    def get(self, query: dict[str, dt.date]) -> dict[str, Any]:
        """Read a grid of all my habits: when each is due and what is recorded; up to 62 days."""
        rows = _queries().grid(current_account(), **query)
        results = [
            {
                "habit": representation(row.habit),
                "scheduled": row.scheduled,
                "days": [_day(day) for day in row.days],
            }
            for row in rows
        ]
        return {**query, "results": results}

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    @blueprint.arguments(DayBatchBody)
    @blueprint.response(200, DayList)
    @blueprint.problems(401, 409, 413, 415)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Record up to 100 days, all or none.

        What is wrong with one of them is told as `days.<number>.<field>`, numbered from 0. With an
        `Idempotency-Key` the request can be repeated when its answer was lost.
        """
        requests = _requests(body["days"])
        answers = _commands().answer_all(current_account(), requests, key=read_key(request))
        return {"results": [_day(cast("RecordedDay", answer.day)) for answer in answers]}


@blueprint.route("/today/")
class Today(MethodView):
    """What is due today."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.response(200, TodayRepresentation)
    @blueprint.problems(401)
    def get(self) -> dict[str, Any]:
        """Read what is due today, on the account's local date, by time."""
        date, due = _queries().today(current_account())
        results = [
            {
                "habit": representation(item.habit),
                "day": None if item.day is None else _day(item.day),
                "times": item.times,
            }
            for item in due
        ]
        return {"date": date, "results": results}


def _answer(habit_id: str, date: str, command: DayCommand, *, keyed: bool = False) -> DayAnswer:
    asked = DayRequest(
        habit_id=habit_id_of(habit_id),
        date=_date(date),
        command=command,
        precondition=etags.Precondition.of(request.headers),
    )
    key = read_key(request) if keyed else None
    return _commands().answer(current_account(), asked, key=key)


def _requests(days: list[dict[str, Any]]) -> list[DayRequest]:
    requests: list[DayRequest] = []
    errors: dict[str, list[str]] = {}
    for number, day in enumerate(days):
        habit_id = parse_habit_id(day["habit_id"])
        if habit_id is None:
            errors[f"days.{number}.habit_id"] = [NOT_YOUR_HABIT]
        else:
            requests.append(DayRequest(habit_id=habit_id, date=day["date"], command=_command(day)))
    if errors:
        raise DayRefused(errors)
    return requests


def _command(body: dict[str, Any]) -> DayCommand:
    if "value" in body:
        return SetValue(body["value"], body["note"])
    return SetStatus(DayStatus(body["status"]), body["note"])


def _date(text: str) -> dt.date:
    date = parse_date(text)
    if date is None:
        raise DayRefused({"date": ["Must be a date, YYYY-MM-DD."]})
    return date


def _shown(answer: DayAnswer, status: int) -> tuple[dict[str, Any], int, dict[str, str]]:
    day = cast("RecordedDay", answer.day)
    return _day(day), status, {"ETag": etags.owner_etag(day.version)}


def _day(day: RecordedDay) -> dict[str, Any]:
    record = day.record
    return {
        "habit_id": str(day.habit_id),
        "date": day.date,
        "status": record.status.value,
        "value": record.value,
        "target_value": record.target_value,
        "unit": record.unit,
        "slots": record.slots,
        "note": record.note,
        "channel": day.channel.value,
        "recorded_at": day.recorded_at,
        "version": day.version,
    }


def _commands() -> DayCommands:
    return cast("DayCommands", current_app.extensions[DAY_COMMANDS])


def _queries() -> DayQueries:
    return cast("DayQueries", current_app.extensions[DAY_QUERIES])
