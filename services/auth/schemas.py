"""The JSON that goes in and out, as checked and as documented."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import marshmallow as ma

from services.auth.accounts import LOCALES
from services.auth.email_addresses import LONGEST_EMAIL, canonical_email
from services.auth.passwords import LONGEST_PASSWORD, SHORTEST_PASSWORD, has_good_length
from services.auth.time_zones import TIME_ZONES
from shared.http.strict_fields import (
    StrictBoolean,
    StrictInteger,
    StrictSchema,
    StrictString,
    WallClockMinute,
)
from shared.instants import to_json

_EXAMPLE_PHRASE = "correct horse battery staple"
_EXAMPLE_REFRESH = "Q3n8u0Wc1vJ5m2K9x7R4t6Y0bHsLdFgAzEiOpUyNwVk"

# Far above any password that can be set: it only keeps the work per request small.
_LONGEST_TEXT = 1024

_NO_NUL = r"^[^\u0000]*$"


class EmailField(StrictString):
    """An e-mail address, in its canonical spelling once loaded."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if len(text) > LONGEST_EMAIL:
            raise ma.ValidationError(f"Longer than maximum length {LONGEST_EMAIL}.")
        try:
            return canonical_email(text)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from error


def _email() -> EmailField:
    return EmailField(
        required=True,
        metadata={"format": "email", "maxLength": LONGEST_EMAIL, "example": "grace@example.com"},
    )


def _new_password() -> StrictString:
    return StrictString(
        required=True,
        validate=_has_good_length,
        metadata={
            "format": "password",
            "minLength": SHORTEST_PASSWORD,
            "maxLength": LONGEST_PASSWORD,
            "pattern": _NO_NUL,
            "description": "8 to 128 characters, counted in Unicode's composed form (NFKC).",
            "example": _EXAMPLE_PHRASE,
        },
    )


def _password() -> StrictString:
    return StrictString(
        required=True,
        validate=ma.validate.Length(min=1, max=_LONGEST_TEXT),
        metadata={"format": "password", "pattern": _NO_NUL, "example": _EXAMPLE_PHRASE},
    )


def _refresh_token() -> StrictString:
    return StrictString(
        validate=ma.validate.Length(min=1, max=_LONGEST_TEXT),
        metadata={
            "description": "An opaque string.",
            "pattern": _NO_NUL,
            "example": _EXAMPLE_REFRESH,
        },
    )


def _cookie(description: str) -> StrictBoolean:
    return StrictBoolean(load_default=False, metadata={"description": description})


def _time_zone(**options: Any) -> StrictString:
    return StrictString(
        validate=ma.validate.OneOf(
            TIME_ZONES, error="Must be the name of an IANA time zone, such as Europe/Berlin."
        ),
        metadata={"description": "An IANA time zone.", "example": "Europe/Berlin"},
        **options,
    )


def _locale(description: str) -> StrictString:
    return StrictString(
        validate=ma.validate.OneOf(LOCALES, error="Must be one of: en, ru."),
        metadata={"description": description, "example": "en"},
    )


def _quiet_hour(example: str) -> WallClockMinute:
    return WallClockMinute(
        allow_none=True,
        metadata={
            "description": "From `quiet_from` to `quiet_to`, local times, past midnight if need"
            " be, reminders wait. Both or neither, and never the same.",
            "example": example,
        },
    )


def _day_starts_at() -> StrictInteger:
    return StrictInteger(
        validate=ma.validate.Range(min=0, max=6),
        metadata={
            "description": "How many hours after midnight the account's day begins.",
            "example": 3,
        },
    )


def _weekly_digest() -> StrictBoolean:
    return StrictBoolean(
        metadata={"description": "Whether to send a summary of the week on Sundays."}
    )


def _has_good_length(password: str) -> None:
    if not has_good_length(password):
        raise ma.ValidationError(f"Must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")


class RegistrationSchema(StrictSchema):
    """What it takes to register."""

    email = _email()
    password = _new_password()
    time_zone = _time_zone(load_default="UTC")
    locale = _locale("The language of reminders; by default taken from `Accept-Language`.")


class CredentialsSchema(StrictSchema):
    """What it takes to sign in."""

    email = _email()
    password = _password()
    cookie = _cookie("Whether to hand out the refresh token in a cookie, not in the answer.")


class RefreshSchema(StrictSchema):
    """A refresh token to be used or revoked: in the body or, if `cookie` is true, in its cookie."""

    refresh = _refresh_token()
    cookie = _cookie("Whether the refresh token is in the cookie; the next one goes there, too.")

    @ma.validates_schema
    def _has_one(self, data: dict[str, Any], **_: Any) -> None:
        if data["cookie"] == ("refresh" in data):
            raise ma.ValidationError("Needed unless `cookie` is true, and only then.", "refresh")


class ProfileChangesSchema(StrictSchema):
    """The fields to change; the others stay."""

    time_zone = _time_zone()
    locale = _locale("The language of reminders.")
    quiet_from = _quiet_hour("22:00")
    quiet_to = _quiet_hour("07:00")
    day_starts_at = _day_starts_at()
    weekly_digest = _weekly_digest()


class ErasureSchema(StrictSchema):
    """The password, to be sure that the owner asks."""

    password = _password()


class PasswordChangeSchema(StrictSchema):
    """The password so far and the new one."""

    current_password = _password()
    new_password = _new_password()


class AccountSchema(ma.Schema):
    """An account as its owner sees it."""

    id = ma.fields.String(
        required=True, metadata={"example": "0b9c1d52-7f7e-4c5b-9a43-0d8f1e6a2b37"}
    )
    email = ma.fields.String(
        required=True, metadata={"format": "email", "example": "grace@example.com"}
    )
    time_zone = ma.fields.String(required=True, metadata={"example": "Europe/Berlin"})
    locale = ma.fields.String(required=True, metadata={"enum": list(LOCALES), "example": "en"})
    created_at = ma.fields.Function(
        lambda account: to_json(account.created_at),
        required=True,
        metadata={"type": "string", "format": "date-time", "example": "2026-01-31T07:30:00.5Z"},
    )


class ProfileSchema(AccountSchema):
    """An account with what its owner has chosen."""

    quiet_from = WallClockMinute(required=True, allow_none=True, metadata={"example": "22:00"})
    quiet_to = WallClockMinute(required=True, allow_none=True, metadata={"example": "07:00"})
    day_starts_at = ma.fields.Integer(required=True, metadata={"example": 3})
    weekly_digest = ma.fields.Boolean(required=True, metadata={"example": False})


class TokenPairSchema(ma.Schema):
    """An access token for `Authorization: Bearer`, and the token that renews it."""

    access = ma.fields.String(
        required=True, metadata={"description": "A JWT, valid for 15 minutes."}
    )
    refresh = ma.fields.String(
        metadata={
            "description": "Valid once, for 14 days; missing if it is in the cookie.",
            "example": _EXAMPLE_REFRESH,
        },
    )


def _instant(of: Callable[[Any], datetime]) -> ma.fields.Function:
    return ma.fields.Function(
        lambda shown: to_json(of(shown)),
        required=True,
        metadata={"type": "string", "format": "date-time", "example": "2026-01-31T07:30:00.5Z"},
    )


class SessionSchema(ma.Schema):
    """A place where the account is signed in; `is_current` is the one that asks."""

    id = ma.fields.String(required=True, attribute="session.id")
    created_at = _instant(lambda shown: shown["session"].created_at)
    last_used_at = _instant(lambda shown: shown["session"].last_used_at)
    expires_at = _instant(lambda shown: shown["session"].expires_at)
    user_agent = ma.fields.String(
        required=True,
        allow_none=True,
        attribute="session.user_agent",
        metadata={"description": "What the program called itself at the sign-in."},
    )
    is_current = ma.fields.Boolean(required=True)


class SessionListSchema(ma.Schema):
    """All sessions of an account."""

    results = ma.fields.List(ma.fields.Nested(SessionSchema), required=True)


class JwkSchema(ma.Schema):
    """A public key (RFC 8037)."""

    kty = ma.fields.String(required=True, metadata={"example": "OKP"})
    crv = ma.fields.String(required=True, metadata={"example": "Ed25519"})
    x = ma.fields.String(
        required=True, metadata={"example": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    )
    kid = ma.fields.String(
        required=True, metadata={"example": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}
    )
    alg = ma.fields.String(required=True, metadata={"example": "EdDSA"})
    use = ma.fields.String(required=True, metadata={"example": "sig"})


class JwkSetSchema(ma.Schema):
    """The keys that access tokens may be signed with at the moment."""

    keys = ma.fields.List(ma.fields.Nested(JwkSchema), required=True)
