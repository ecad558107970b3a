"""The JSON of days, as the API document describes it."""

from typing import Any

import marshmallow as ma
from marshmallow import fields
from marshmallow.validate import Length, OneOf

from services.habits.date_field import DateField
from services.habits.days.day import LONGEST_NOTE_CHARACTERS
from services.habits.days.day_events import Channel, DayStatus
from services.habits.quantity_field import QuantityField
from services.habits.schemas import (
    EXAMPLE_ID,
    HabitRepresentation,
    InstantField,
    wall_clock_time,
)
from shared.http.strict_fields import StrictSchema, StrictString

MOST_DAYS_OF_A_HABIT = 366
MOST_DAYS_OF_A_GRID = 62
MOST_DAYS_AT_ONCE = 100

ONE_OF_THEM = "Either `status` or `value`, not both and not neither."
BACKWARDS = "Must not be before `from`."


def _note(**presence: Any) -> StrictString:
    return StrictString(
        allow_none=True,
        validate=Length(
            max=LONGEST_NOTE_CHARACTERS,
            error=f"Must not be longer than {LONGEST_NOTE_CHARACTERS:,} characters.",
        ),
        metadata={"example": None, "description": "Blank text is taken for null."},
        **presence,
    )


def _status(**presence: Any) -> StrictString:
    return StrictString(
        validate=OneOf([DayStatus.DONE.value, DayStatus.SKIPPED.value]),
        metadata={"example": "done"},
        **presence,
    )


class DayBody(StrictSchema):
    """What is answered for a day: `status` or `value`; a note that is left out is removed."""

    status = _status()
    value = QuantityField()
    note = _note(load_default=None)

    @ma.validates_schema
    def _one_of_them(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if ("status" in data) == ("value" in data):
            raise ma.ValidationError({"status": [ONE_OF_THEM], "value": [ONE_OF_THEM]})


class DayAmountBody(StrictSchema):
    """How much more was done."""

    amount = QuantityField(required=True, metadata={"example": 1})


class DayOfBatch(DayBody):
    """One day of a batch."""

    habit_id = StrictString(required=True, metadata={"example": EXAMPLE_ID})
    date = DateField(required=True)


class DayBatchBody(StrictSchema):
    """Up to 100 days, all of which are recorded, or none."""

    days = fields.List(
        fields.Nested(DayOfBatch),
        required=True,
        validate=Length(min=1, max=MOST_DAYS_AT_ONCE, error="Must be 1 to 100 days."),
        metadata={
            "example": [{"habit_id": EXAMPLE_ID, "date": "2026-01-06", "status": "done"}],
        },
    )


class _DatesQuery(StrictSchema):
    first = DateField(required=True, data_key="from")
    last = DateField(required=True, data_key="to", metadata={"example": "2026-01-12"})

    most_days: int

    @ma.validates_schema
    def _not_too_many(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["last"] < data["first"]:
            raise ma.ValidationError({"to": [BACKWARDS]})
        if (data["last"] - data["first"]).days >= self.most_days:
            message = f"Must not be more than {self.most_days} days."
            raise ma.ValidationError({"from": [message], "to": [message]})


class HabitDaysQuery(_DatesQuery):
    """Up to 366 days, both ends included."""

    most_days = MOST_DAYS_OF_A_HABIT


class GridQuery(_DatesQuery):
    """Up to 62 days, both ends included."""

    most_days = MOST_DAYS_OF_A_GRID


class SlotRepresentation(ma.Schema):
    """One of the habit's times on that day."""

    time = wall_clock_time(required=True)
    done = fields.Boolean(required=True, metadata={"example": True})


class DayRepresentation(ma.Schema):
    """What is recorded of a habit's day; target, unit and times are the habit's of that moment."""

    habit_id = fields.String(required=True, metadata={"example": EXAMPLE_ID})
    date = DateField(required=True)
    status = fields.String(
        required=True,
        validate=OneOf([status.value for status in DayStatus]),
        metadata={"example": "done", "description": "`partial`: less than the target."},
    )
    value = QuantityField(required=True, allow_none=True, metadata={"example": None})
    target_value = QuantityField(required=True, allow_none=True, metadata={"example": None})
    unit = fields.String(required=True, allow_none=True, metadata={"example": None})
    slots = fields.List(fields.Nested(SlotRepresentation), required=True)
    note = fields.String(required=True, allow_none=True, metadata={"example": None})
    channel = fields.String(
        required=True,
        validate=OneOf([channel.value for channel in Channel]),
        metadata={"example": "api", "description": "By which way the last answer came."},
    )
    recorded_at = InstantField(
        required=True,
        metadata={"type": "string", "format": "date-time", "example": "2026-01-06T08:00:00Z"},
    )
    version = fields.Integer(
        required=True,
        metadata={"example": 1, "description": "The day's own; the habit's does not move."},
    )


class DayList(ma.Schema):
    """Days, oldest first."""

    results = fields.List(fields.Nested(DayRepresentation), required=True)


class GridRowRepresentation(ma.Schema):
    """A habit, the dates it is due on, and what is recorded."""

    habit = fields.Nested(HabitRepresentation, required=True)
    scheduled = fields.List(DateField(), required=True)
    days = fields.List(fields.Nested(DayRepresentation), required=True)


class GridRepresentation(ma.Schema):
    """All habits with their days, oldest habit first."""

    first = DateField(required=True, data_key="from")
    last = DateField(required=True, data_key="to")
    results = fields.List(fields.Nested(GridRowRepresentation), required=True)


class DueRepresentation(ma.Schema):
    """A habit that is due today."""

    habit = fields.Nested(HabitRepresentation, required=True)
    day = fields.Nested(DayRepresentation, required=True, allow_none=True)
    times = fields.List(wall_clock_time(), required=True)


class TodayRepresentation(ma.Schema):
    """What is due on the account's date of today, by time."""

    date = DateField(required=True)
    results = fields.List(fields.Nested(DueRepresentation), required=True)
