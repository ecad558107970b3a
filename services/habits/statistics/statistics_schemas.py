"""The JSON of statistics, as the API document describes it."""

import datetime as dt

import marshmallow as ma
from marshmallow import fields
from marshmallow.validate import OneOf, Range

from services.habits.date_field import DateField
from services.habits.days.day_events import DayStatus
from services.habits.quantity_field import QuantityField
from services.habits.schemas import EXAMPLE_ID
from shared import instants
from shared.http.strict_fields import StrictSchema
from shared.recurrence.local_dates import latest_date_at

IN_THE_FUTURE = "Must not be in the future: nowhere is it later than {}."

_EXAMPLE_DATE = "2026-01-11"
_SHARE = Range(min=0, max=1)


class StatisticsQuery(StrictSchema):
    """As of which date."""

    as_of = DateField(
        load_default=None,
        metadata={
            "example": _EXAMPLE_DATE,
            "description": "The last date that counts: by default the account's today, at the"
            " latest today where it is furthest ahead. Before a habit's first date all is zero.",
        },
    )

    @ma.validates("as_of")
    def _not_in_the_future(self, as_of: dt.date | None, data_key: str) -> None:
        latest = latest_date_at(instants.now())
        if as_of is not None and as_of > latest:
            raise ma.ValidationError(IN_THE_FUTURE.format(latest))


class CompletionRepresentation(ma.Schema):
    """How many scheduled dates were done; skipped ones and today undone are not among them."""

    done = fields.Integer(required=True, metadata={"example": 5})
    scheduled = fields.Integer(required=True, metadata={"example": 6})
    rate = fields.Float(
        required=True,
        allow_none=True,
        validate=_SHARE,
        metadata={"example": 5 / 6, "description": "Null if nothing was scheduled."},
    )


class CompletionsRepresentation(ma.Schema):
    """Of the last 7, 30 and 365 days."""

    of_7_days = fields.Nested(CompletionRepresentation, required=True, data_key="7")
    of_30_days = fields.Nested(CompletionRepresentation, required=True, data_key="30")
    of_365_days = fields.Nested(CompletionRepresentation, required=True, data_key="365")


class YearDayRepresentation(ma.Schema):
    """A date, whether the schedule of then meant it, and what is recorded."""

    date = DateField(required=True, metadata={"example": _EXAMPLE_DATE})
    scheduled = fields.Boolean(required=True, metadata={"example": True})
    status = fields.String(
        required=True,
        allow_none=True,
        validate=OneOf([status.value for status in DayStatus]),
        metadata={"example": "done"},
    )
    value = QuantityField(required=True, allow_none=True, metadata={"example": None})


class _Figures(ma.Schema):
    unit = fields.String(
        required=True,
        validate=OneOf(["day", "week"]),
        metadata={
            "example": "day",
            "description": "What streaks count; `day` for every habit that is due on dates.",
        },
    )
    current_streak = fields.Integer(
        required=True,
        metadata={"example": 5, "description": "Today undone does not end it before it is over."},
    )
    longest_streak = fields.Integer(required=True, metadata={"example": 5})
    completion = fields.Nested(CompletionsRepresentation, required=True)
    total_done = fields.Integer(
        required=True, metadata={"example": 5, "description": "All dates, extra ones too."}
    )
    total_value = fields.Float(
        required=True, metadata={"example": 0, "description": "The sum of all values."}
    )
    score = fields.Float(
        required=True,
        validate=_SHARE,
        metadata={"example": 0.20556, "description": "The habit's strength, from 0 to 1."},
    )
    year = fields.List(
        fields.Nested(YearDayRepresentation),
        required=True,
        metadata={"description": "The 365 dates that end with `as_of`, oldest first."},
    )


class StatisticsRepresentation(_Figures):
    """What a habit's days come to, judged by the schedule of then."""

    as_of = DateField(required=True, metadata={"example": _EXAMPLE_DATE})


class HabitStatisticsRepresentation(_Figures):
    """The statistics of one habit among all."""

    habit_id = fields.String(required=True, metadata={"example": EXAMPLE_ID})


class AllStatisticsRepresentation(ma.Schema):
    """The statistics of all habits that are not archived, oldest habit first."""

    as_of = DateField(required=True, metadata={"example": _EXAMPLE_DATE})
    results = fields.List(fields.Nested(HabitStatisticsRepresentation), required=True)
