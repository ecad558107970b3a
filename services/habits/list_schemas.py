"""The JSON of lists: pages, and pages of habits."""

import marshmallow as ma
from marshmallow import fields

from services.habits.pagination import PageQuery
from services.habits.schemas import HabitRepresentation


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
