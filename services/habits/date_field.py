"""The JSON of calendar dates."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import fields

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class DateField(fields.Field[dt.date]):
    """A calendar date, `YYYY-MM-DD`."""

    default_error_messages = {"invalid": "Must be a date, YYYY-MM-DD."}  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        described = {"type": "string", "format": "date", "example": "2026-01-06"}
        super().__init__(metadata={**described, **kwargs.pop("metadata", {})}, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.isoformat()

    def _deserialize(
        self,
        value: Any,
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,
    ) -> dt.date:
        date = parse_date(value)
        if date is None:
            raise self.make_error("invalid")
        return date


def parse_date(text: object) -> dt.date | None:
    """Return the date that the text is, None for text that is none."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
