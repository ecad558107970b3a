"""The JSON of a habit's history, and the instant a habit can be looked at as of."""

from datetime import datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields
from marshmallow.validate import OneOf

from services.habits.date_field import DateField
from services.habits.days.day_events import Channel
from services.habits.history.told_changes import TYPES
from services.habits.list_schemas import Page
from services.habits.schemas import InstantField
from shared import instants
from shared.http.strict_fields import StrictSchema

NO_INSTANT = "Must be an instant with a time zone, such as 2026-01-06T08:00:00Z."
IN_THE_FUTURE = "Must not be in the future."


class PastInstant(fields.Field[datetime]):
    """An instant in a query string (ISO 8601) that has been."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            # A plus sign that was not escaped has become a blank.
            instant = instants.from_json(str(value).replace(" ", "+"))
        except (ValueError, OverflowError) as error:
            raise ma.ValidationError(NO_INSTANT) from error
        if instant > instants.now():
            raise ma.ValidationError(IN_THE_FUTURE)
        return instant


class AsOfQuery(StrictSchema):
    """As of when to read a habit."""

    as_of = PastInstant(
        metadata={
            "type": "string",
            "format": "date-time",
            "example": "2026-01-06T08:00:00Z",
            "description": "How it was at this instant; how it is now by default.",
        }
    )


class HistoryEntry(ma.Schema):
    """One change of a habit or of one of its days."""

    version = fields.Integer(required=True, metadata={"example": 2})
    type = fields.String(
        required=True,
        validate=OneOf(TYPES),
        metadata={
            "example": "changed",
            "description": "`link_cleared`: the habit it was linked to has been deleted.",
        },
    )
    at = InstantField(
        required=True,
        metadata={"type": "string", "format": "date-time", "example": "2026-01-06T08:00:00Z"},
    )
    changes = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={
            "description": "The fields that the event changed, with their new values; all of them"
            " for `created` and `day_recorded`.",
            "example": {"place": "Office"},
        },
    )
    channel = fields.String(
        required=True,
        validate=OneOf([channel.value for channel in Channel]),
        metadata={"example": "api", "description": "By which way the change came."},
    )
    date = DateField(metadata={"description": "Which day it is about; only where it is about one."})
    undoes = fields.Integer(
        metadata={
            "example": 1,
            "description": "The version that was taken back; only where something was.",
        }
    )


class HistoryPage(Page):
    """One page of what happened to a habit, oldest first."""

    results = fields.List(fields.Nested(HistoryEntry), required=True)
