"""The JSON of schedules and of the times of a day."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields

from services.habits.habit_details import (
    DAYS_OF_A_WEEK,
    LONGEST_PERIOD_DAYS,
    MOST_TIMES_OF_A_DAY,
    SHORTEST_PERIOD_DAYS,
    WRONG_TIMES,
)
from shared.http.strict_fields import WallClockTime
from shared.recurrence.schedules import Schedule, schedule_from_json

NO_SCHEDULE = (
    'Must be {"kind": "every_n_days", "n": 1..7}, {"kind": "weekdays", "weekdays": [1..7]} or'
    ' {"kind": "times_per_week", "times": 1..7}, with nothing else in it.'
)

_FIELDS = {"every_n_days": "n", "weekdays": "weekdays", "times_per_week": "times"}


def _kind(name: str, field: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["kind", field],
        "additionalProperties": False,
        "properties": {"kind": {"type": "string", "enum": [name]}, field: schema},
    }


_SCHEMA = {
    "oneOf": [
        _kind(
            "every_n_days",
            "n",
            {"type": "integer", "minimum": SHORTEST_PERIOD_DAYS, "maximum": LONGEST_PERIOD_DAYS},
        ),
        _kind(
            "weekdays",
            "weekdays",
            {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"type": "integer", "minimum": 1, "maximum": DAYS_OF_A_WEEK},
            },
        ),
        _kind(
            "times_per_week", "times", {"type": "integer", "minimum": 1, "maximum": DAYS_OF_A_WEEK}
        ),
    ],
    "description": "`every_n_days`: on `start_date` and every n-th date after it. `weekdays`: on"
    " these days of the week, 1 (Monday) to 7 (Sunday), ascending. `times_per_week`: so many times"
    " from Monday to Sunday, on whichever dates. `every_n_days` can be written as `period_days`;"
    " both together must agree.",
    "example": {"kind": "weekdays", "weekdays": [1, 3, 5]},
}


class ScheduleField(fields.Field[Schedule]):
    """A schedule, told apart by its `kind`; its numbers are judged by the rules of habits."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={**_SCHEMA, **kwargs.pop("metadata", {})}, **kwargs)

    def _deserialize(
        self,
        value: Any,
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,
    ) -> Schedule:
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            raise ma.ValidationError(NO_SCHEDULE)
        field = _FIELDS.get(value["kind"])
        if field is None or value.keys() != {"kind", field}:
            raise ma.ValidationError(NO_SCHEDULE)
        is_list = value["kind"] == "weekdays"
        numbers = value[field] if is_list else [value[field]]
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            raise ma.ValidationError(NO_SCHEDULE)
        return schedule_from_json(value)


class TimesField(fields.Field[Any]):
    """The times of a day at which a habit is due; their order is judged by the rules of habits."""

    def __init__(self, **kwargs: Any) -> None:
        self._time = WallClockTime()
        described = {
            "type": "array",
            "items": {"type": "string", "pattern": self._time.metadata["pattern"]},
            "minItems": 1,
            "maxItems": MOST_TIMES_OF_A_DAY,
            "uniqueItems": True,
            "example": ["07:30:00"],
            "description": "The owner's local wall-clock times, ascending and distinct, without an"
            " offset; each is a slot of the day. A single one can be written as `time` instead;"
            " both together must agree.",
        }
        super().__init__(metadata={**described, **kwargs.pop("metadata", {})}, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[str | None]:
        return [self._time._serialize(time, attr, obj) for time in value]  # noqa: SLF001

    def _deserialize(
        self,
        value: Any,
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,
    ) -> Any:
        if not isinstance(value, list):
            raise ma.ValidationError(WRONG_TIMES)
        return tuple(self._time.deserialize(time) for time in value)
