"""The routes of statistics under `/api/habit/`: what was done, of what was to be done."""

# mypy: disable-error-code="untyped-decorator"
# flask-smorest is not typed, so each of its decorators would be an error.

import datetime as dt
from typing import Any, cast

from flask import current_app
from flask.views import MethodView
from flask_jwt_extended import jwt_required

from services.habits.callers import current_account, habit_id_of
from services.habits.documented_parameters import BEARER, HABIT_ID
from services.habits.quantities import number
from services.habits.statistics.statistics import Statistics
from services.habits.statistics.statistics_queries import StatisticsQueries
from services.habits.statistics.statistics_schemas import (
    AllStatisticsRepresentation,
    StatisticsQuery,
    StatisticsRepresentation,
)
from shared.http.app import ApiBlueprint

STATISTICS_QUERIES = "statistics_queries"

blueprint = ApiBlueprint(
    "statistics",
    __name__,
    url_prefix="/api/habit",
    description="What the days of habits come to.",
)


@blueprint.route("/<string(length=36):habit_id>/stats/", parameters=[HABIT_ID])
class HabitStatistics(MethodView):
    """The statistics of one habit."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.arguments(StatisticsQuery, location="query")
    @blueprint.response(200, StatisticsRepresentation)
    @blueprint.problems(401, 403, 404)
    def get(self, query: dict[str, dt.date | None], habit_id: str) -> dict[str, Any]:
        """Read streaks, rates, totals, score and the last year of a habit.

        Only scheduled dates count, by the schedule of then. What is skipped, archived or before
        the first date is neutral, and so is today until it is done or over.
        """
        told = _queries().of_habit(habit_id_of(habit_id), current_account(), **query)
        [result] = told.results
        return {"as_of": told.as_of, **_figures(result)}


@blueprint.route("/stats/")
class AllStatistics(MethodView):
    """The statistics of all the caller's habits."""

    @jwt_required()
    @blueprint.doc(security=BEARER)
    @blueprint.arguments(StatisticsQuery, location="query")
    @blueprint.response(200, AllStatisticsRepresentation)
    @blueprint.problems(401)
    def get(self, query: dict[str, dt.date | None]) -> dict[str, Any]:
        """Read the statistics of all my habits that are not archived, oldest habit first."""
        told = _queries().of_all(current_account(), **query)
        results = [{"habit_id": str(each.habit_id), **_figures(each)} for each in told.results]
        return {"as_of": told.as_of, "results": results}


def _figures(statistics: Statistics) -> dict[str, Any]:
    return {
        "unit": "week" if statistics.counts_weeks else "day",
        "current_streak": statistics.streaks.current,
        "longest_streak": statistics.streaks.longest,
        "completion": {
            f"of_{last_days}_days": completion
            for last_days, completion in statistics.completion.items()
        },
        "total_done": statistics.total_done,
        "total_value": number(statistics.total_value),
        "score": statistics.score,
        "year": statistics.year,
    }


def _queries() -> StatisticsQueries:
    return cast("StatisticsQueries", current_app.extensions[STATISTICS_QUERIES])
