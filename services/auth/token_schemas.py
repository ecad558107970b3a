"""The JSON of personal tokens, as checked and as documented."""

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma

from shared.http.scopes import PERSONAL_SCOPES
from shared.http.strict_fields import StrictSchema, StrictString, not_blank
from shared.instants import now, to_json

_LONGEST_NAME = 100
_EXAMPLE_INSTANT = "2027-01-31T07:30:00Z"
_EXAMPLE_BEGINNING = "hab_Ab3d"


class FutureInstantField(ma.fields.AwareDateTime):
    """A point in time that is still to come, with an offset or `Z`."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's way to set them
        "invalid": "Must be an instant such as 2027-01-31T07:30:00Z.",
        "invalid_awareness": "Must have an offset, or Z.",
        "past": "Must be in the future.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str):
            raise self.make_error("invalid", input=value, obj_type="datetime")
        instant: datetime = super()._deserialize(value, attr, data, **kwargs)
        try:
            instant = instant.astimezone(UTC)
        except OverflowError as error:
            raise self.make_error("invalid", input=value, obj_type="datetime") from error
        if instant <= now():
            raise self.make_error("past")
        return instant


def _has_no_repeats(scopes: list[str]) -> None:
    if len(set(scopes)) < len(scopes):
        raise ma.ValidationError("Must not name a scope twice.")


class NewTokenSchema(StrictSchema):
    """What a new token is called, what it may do, and until when."""

    name = StrictString(
        required=True,
        validate=[ma.validate.Length(min=1, max=_LONGEST_NAME), not_blank],
        metadata={"example": "Home Assistant", "pattern": r"^[^\u0000]*\S[^\u0000]*$"},
    )
    scopes = ma.fields.List(
        StrictString(validate=ma.validate.OneOf(PERSONAL_SCOPES, error="Must be a known scope.")),
        required=True,
        validate=[ma.validate.Length(min=1), _has_no_repeats],
        metadata={
            "uniqueItems": True,
            "description": "What the token may do; each operation names the scope it needs.",
            "example": ["habits:read", "days:write"],
        },
    )
    expires_at = FutureInstantField(
        allow_none=True,
        load_default=None,
        metadata={"description": "Null: never.", "example": _EXAMPLE_INSTANT},
    )


def _instant(name: str, *, allow_none: bool = False) -> ma.fields.Function:
    def shown(token: Any) -> str | None:
        instant: datetime | None = ma.utils.get_value(token, name)
        return None if instant is None else to_json(instant)

    return ma.fields.Function(
        shown,
        required=True,
        metadata={
            "type": ["string", "null"] if allow_none else "string",
            "format": "date-time",
            "example": _EXAMPLE_INSTANT,
        },
    )


class TokenSchema(ma.Schema):
    """A personal token as its owner sees it from then on."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True, metadata={"example": "Home Assistant"})
    scopes = ma.fields.List(
        ma.fields.String(metadata={"enum": list(PERSONAL_SCOPES)}), required=True
    )
    starts_with = ma.fields.String(
        required=True,
        metadata={"description": "Its first characters.", "example": _EXAMPLE_BEGINNING},
    )
    created_at = _instant("created_at")
    expires_at = _instant("expires_at", allow_none=True)
    last_used_at = ma.fields.Date(
        attribute="last_used_on",
        required=True,
        allow_none=True,
        metadata={"description": "The date (UTC) it was last used on; null: never."},
    )


class ShownTokenSchema(TokenSchema):
    """A token that has just been made."""

    token = ma.fields.String(
        required=True,
        metadata={"description": "The token itself. It is shown here only."},
    )


class TokenListSchema(ma.Schema):
    """All personal tokens of an account."""

    results = ma.fields.List(ma.fields.Nested(TokenSchema), required=True)
