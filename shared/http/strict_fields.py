"""marshmallow fields that take exactly what the API document says and nothing near it.

The library's own fields turn 1.9 into 1 and "yes" into true, and let NUL through, which PostgreSQL
refuses. JSON types are taken at their word here.
"""

import datetime as dt
import re
from typing import Any

import marshmallow as ma


class StrictSchema(ma.Schema):
    """A request body: unknown fields are refused."""

    class Meta:
        unknown = ma.RAISE


class StrictString(ma.fields.String):
    """Text that UTF-8 and PostgreSQL can hold: no NUL, no lone surrogates."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text:
            raise ma.ValidationError("Must not contain the NUL character.")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ma.ValidationError("Must be valid Unicode text.") from error
        return text


class StrictInteger(ma.fields.Integer):
    """A JSON integer; neither 1.0 nor "1" nor true."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _validated(self, value: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class StrictBoolean(ma.fields.Boolean):
    """A JSON boolean; neither "yes" nor 1."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class WallClockTime(ma.fields.String):
    """A local time of day, `HH:MM` or `HH:MM:SS`, without offset or fraction.

    In the API document it is a string with a pattern: JSON Schema's format `time` wants an offset.
    """

    default_error_messages = {"invalid": "Must be a local time, HH:MM or HH:MM:SS."}  # noqa: RUF012
    pattern = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", re.ASCII)
    form = "%H:%M:%S"

    def __init__(self, **kwargs: Any) -> None:
        described = {"pattern": f"^{self.pattern.pattern}$", "example": "07:30:00"}
        super().__init__(metadata={**described, **kwargs.pop("metadata", {})}, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.strftime(self.form)

    def _deserialize(  # type: ignore[override]
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> dt.time:
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise self.make_error("invalid")
        return dt.time.fromisoformat(value)


class WallClockMinute(WallClockTime):
    """A local time of day to the minute, `HH:MM`."""

    default_error_messages = {"invalid": "Must be a local time, HH:MM."}  # noqa: RUF012
    pattern = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
    form = "%H:%M"


def not_blank(text: str) -> None:
    """Refuse text of nothing but white space."""
    if not text.strip():
        raise ma.ValidationError("Must not be blank.")
