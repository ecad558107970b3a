"""The JSON of habits, as the API document describes it.

Bodies are read strictly: the right JSON types, no unknown fields, and so no read-only ones either.
Ranges are checked here to be documented and told early; `habit.py` has the last word on all rules.
"""

from typing import Any

import marshmallow as ma
from marshmallow import fields
from marshmallow.validate import Length, Range

from services.habits.date_field import DateField
from services.habits.habit import NOT_YOUR_PLEASANT_HABIT
from services.habits.habit_details import (
    BLANK,
    LONGEST_DURATION_SECONDS,
    LONGEST_FOLLOW_UP_MINUTES,
    LONGEST_PERIOD_DAYS,
    LONGEST_TEXT_CHARACTERS,
    LONGEST_UNIT_CHARACTERS,
    SHORTEST_DURATION_SECONDS,
    SHORTEST_FOLLOW_UP_MINUTES,
    SHORTEST_PERIOD_DAYS,
    TOO_LONG,
    UNIT_TOO_LONG,
    WRONG_DURATION,
    WRONG_FOLLOW_UP,
    WRONG_PERIOD,
    is_blank,
)
from services.habits.habit_ids import parse_habit_id
from services.habits.quantity_field import QuantityField
from services.habits.schedule_fields import ScheduleField, TimesField
from shared import instants
from shared.http.strict_fields import (
    StrictBoolean,
    StrictInteger,
    StrictSchema,
    StrictString,
    WallClockTime,
)

EXAMPLE_ID = "0b8f2a44-7c1d-4e5a-9a53-2f6f1f0c9d11"


class HabitIdField(StrictString):
    """The id of a habit; text that is no id is answered like an id of nobody's habit."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        habit_id = parse_habit_id(super()._deserialize(value, attr, data, **kwargs))
        if habit_id is None:
            raise ma.ValidationError(NOT_YOUR_PLEASANT_HABIT)
        return habit_id


class InstantField(fields.Field[Any]):
    """A point in time, written in UTC with `Z`."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else instants.to_json(value)


def not_blank(text: str | None) -> None:
    """Refuse text of which a reader sees nothing."""
    if text is not None and is_blank(text):
        raise ma.ValidationError(BLANK)


def _text(example: str, **presence: Any) -> StrictString:
    length = Length(min=1, max=LONGEST_TEXT_CHARACTERS, error="Must have 1 to 255 characters.")
    return StrictString(
        validate=[length, not_blank],
        metadata={"example": example, "pattern": r"\S", "description": "Not blank."},
        **presence,
    )


def _action(**presence: Any) -> StrictString:
    return _text("Drink a glass of water", **presence)


def _place(**presence: Any) -> StrictString:
    return _text("Kitchen", **presence)


def wall_clock_time(**presence: Any) -> WallClockTime:
    return WallClockTime(
        metadata={
            "type": "string",
            "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$",
            "example": "07:30:00",
            "description": "The owner's local wall-clock time, without an offset: the first of the"
            " times.",
        },
        **presence,
    )


def _duration_seconds(**presence: Any) -> StrictInteger:
    return StrictInteger(
        validate=Range(SHORTEST_DURATION_SECONDS, LONGEST_DURATION_SECONDS, error=WRONG_DURATION),
        metadata={"example": 60},
        **presence,
    )


def _period_days(described: dict[str, Any] | None = None, **presence: Any) -> StrictInteger:
    return StrictInteger(
        allow_none=True,
        validate=Range(SHORTEST_PERIOD_DAYS, LONGEST_PERIOD_DAYS, error=WRONG_PERIOD),
        metadata={
            "example": 1,
            "description": "Every so many days, in the owner's local dates, from `start_date` on;"
            " null for the other kinds of schedules.",
            **(described or {}),
        },
        **presence,
    )


def _start_date(**presence: Any) -> DateField:
    return DateField(
        metadata={
            "example": "2026-01-05",
            "description": "The first date that counts, by default the owner's local date of"
            " creation; within 10 years.",
        },
        **presence,
    )


def _end_date(**presence: Any) -> DateField:
    return DateField(
        allow_none=True,
        metadata={
            "example": None,
            "description": "The last date that counts, or null; not before `start_date`.",
        },
        **presence,
    )


def _paused_until(**presence: Any) -> DateField:
    return DateField(
        allow_none=True,
        metadata={
            "example": None,
            "description": "The first date that counts again, or null; nothing is due before it.",
        },
        **presence,
    )


def _follow_up_minutes(**presence: Any) -> StrictInteger:
    return StrictInteger(
        allow_none=True,
        validate=Range(
            SHORTEST_FOLLOW_UP_MINUTES, LONGEST_FOLLOW_UP_MINUTES, error=WRONG_FOLLOW_UP
        ),
        metadata={
            "example": None,
            "description": "So long after a reminder without an answer there is one more; null for"
            " none.",
        },
        **presence,
    )


def _is_pleasant(**presence: Any) -> StrictBoolean:
    return StrictBoolean(
        metadata={
            "example": False,
            "description": "A pleasant habit rewards others that link to it; it has neither a"
            " reward nor a link and cannot stop being pleasant while others link to it.",
        },
        **presence,
    )


def _reward(**presence: Any) -> StrictString:
    return StrictString(
        allow_none=True,
        validate=Length(max=LONGEST_TEXT_CHARACTERS, error=TOO_LONG),
        metadata={
            "example": None,
            "description": "Never together with a linked habit. Blank text is taken for null.",
        },
        **presence,
    )


def _linked_habit_id(**presence: Any) -> HabitIdField:
    return HabitIdField(
        allow_none=True,
        metadata={
            "example": None,
            "description": "One of the caller's own pleasant habits; never together with a reward.",
        },
        **presence,
    )


def _is_published(**presence: Any) -> StrictBoolean:
    return StrictBoolean(
        metadata={"example": False, "description": "Whether everybody may read the habit."},
        **presence,
    )


def _target_value(**presence: Any) -> QuantityField:
    return QuantityField(
        allow_none=True,
        metadata={
            "example": None,
            "description": "So much is to be done on each day, at most 3 decimals; with a unit.",
        },
        **presence,
    )


def _unit(**presence: Any) -> StrictString:
    return StrictString(
        allow_none=True,
        validate=[Length(min=1, max=LONGEST_UNIT_CHARACTERS, error=UNIT_TOO_LONG), not_blank],
        metadata={"example": None, "description": "What is counted. Not blank."},
        **presence,
    )


class HabitBody(StrictSchema):
    """A whole habit, for POST and PUT; what is left out gets its default.

    `time` or `times` is required.
    """

    action = _action(required=True)
    place = _place(required=True)
    time = wall_clock_time()
    times = TimesField()
    duration_seconds = _duration_seconds(required=True)
    period_days = _period_days({"default": 1})
    schedule = ScheduleField()
    start_date = _start_date(load_default=None, allow_none=True)
    end_date = _end_date(load_default=None)
    paused_until = _paused_until(load_default=None)
    follow_up_minutes = _follow_up_minutes(load_default=None)
    is_pleasant = _is_pleasant(load_default=False)
    reward = _reward(load_default=None)
    linked_habit_id = _linked_habit_id(load_default=None)
    is_published = _is_published(load_default=False)
    target_value = _target_value(load_default=None)
    unit = _unit(load_default=None)


class HabitPatch(StrictSchema):
    """Some fields of a habit; what is left out stays as it is."""

    action = _action()
    place = _place()
    time = wall_clock_time()
    times = TimesField()
    duration_seconds = _duration_seconds()
    period_days = _period_days()
    schedule = ScheduleField()
    start_date = _start_date(allow_none=True)
    end_date = _end_date()
    paused_until = _paused_until()
    follow_up_minutes = _follow_up_minutes()
    is_pleasant = _is_pleasant()
    reward = _reward()
    linked_habit_id = _linked_habit_id()
    is_published = _is_published()
    target_value = _target_value()
    unit = _unit()


class HabitRepresentation(ma.Schema):
    """A habit as it is now."""

    id = fields.String(required=True, metadata={"example": EXAMPLE_ID})
    action = _action(required=True)
    place = _place(required=True)
    time = wall_clock_time(required=True)
    times = TimesField(required=True)
    duration_seconds = _duration_seconds(required=True)
    period_days = _period_days(required=True)
    schedule = ScheduleField(required=True)
    start_date = _start_date(required=True)
    end_date = _end_date(required=True)
    paused_until = _paused_until(required=True)
    follow_up_minutes = _follow_up_minutes(required=True)
    is_pleasant = _is_pleasant(required=True)
    reward = _reward(required=True)
    linked_habit_id = _linked_habit_id(required=True)
    is_published = _is_published(required=True)
    target_value = _target_value(required=True)
    unit = _unit(required=True)
    archived_at = InstantField(
        required=True,
        allow_none=True,
        metadata={"type": "string", "format": "date-time", "example": None},
    )
    created_at = InstantField(
        required=True,
        metadata={"type": "string", "format": "date-time", "example": "2026-01-05T08:00:00Z"},
    )
    updated_at = InstantField(
        required=True,
        metadata={"type": "string", "format": "date-time", "example": "2026-01-05T08:00:00Z"},
    )
    version = fields.Integer(
        required=True, metadata={"example": 1, "description": "Grows by one with each change."}
    )
