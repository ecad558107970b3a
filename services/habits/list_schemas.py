"""The JSON of lists: pages of habits and pages of a habit's history."""

import marshmallow as ma
from marshmallow import fields

from services.habits.pagination import PageQuery
from services.habits.schemas import HabitRepresentation, InstantField


class HistoryEntry(ma.Schema):
    """One event of a habit."""

    version = fields.Integer(required=True, metadata={"example": 2})
    type = fields.String(
        required=True,
        validate=ma.validate.OneOf(
            [
                "created",
                "changed",
                "link_cleared",
                "archived",
                "unarchived",
                "deleted",
                "restored",
            ]
        ),
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
            " for `created`.",
            "example": {"place": "Office"},
        },
    )


class OwnHabitsQuery(PageQuery):
    """Which page of one's own habits, or of the archive."""

    archived = fields.String(
        load_default="false",
        validate=ma.validate.OneOf(["true", "false"]),
        metadata={"example": "false", "description": "`true`: the archived ones, and no others."},
    )


class Page(ma.Schema):
    """One page of a list."""

    count = fields.Integer(
        required=True, metadata={"example": 1, "description": "Length of the whole list."}
    )
    next = fields.String(
        required=True, allow_none=True, metadata={"example": None, "format": "uri"}
    )
    previous = fields.String(
        required=True, allow_none=True, metadata={"example": None, "format": "uri"}
    )


class HabitPage(Page):
    """One page of habits, oldest first."""

    results = fields.List(fields.Nested(HabitRepresentation), required=True)


class HistoryPage(Page):
    """One page of a habit's events, oldest first."""

    results = fields.List(fields.Nested(HistoryEntry), required=True)
