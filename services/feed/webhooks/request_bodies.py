"""The bodies of requests about webhooks, read strictly."""

import json
from typing import Any
from urllib.parse import urlsplit

import marshmallow as ma
from starlette.requests import Request

from services.feed.event_queries import MOST_TYPES, TYPE_PATTERN
from services.feed.webhooks.safe_addresses import ForbiddenAddress, refuse_private_literal
from shared.http.problem_details import Problem, invalid_input
from shared.http.strict_fields import StrictBoolean, StrictSchema, StrictString

_LONGEST_URL = 2000
_LONGEST_ID = 500
_MOST_BYTES = 64 * 1024


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError as error:
        raise ma.ValidationError("Must be a URL.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_good:
        raise ma.ValidationError("Must be a URL that begins with https://.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ma.ValidationError("Must have neither a user's name nor a fragment.")
    if any(not "!" <= character <= "~" for character in url):
        raise ma.ValidationError("Must be written in ASCII, without spaces.")


def _check_type(pattern: str) -> None:
    if not TYPE_PATTERN.fullmatch(pattern):
        raise ma.ValidationError("Must be a type of events; * stands for anything.")


def _url(**options: Any) -> StrictString:
    return StrictString(validate=[ma.validate.Length(max=_LONGEST_URL), _check_url], **options)


def _types(**options: Any) -> "ma.fields.List[Any]":
    one = StrictString(validate=[ma.validate.Length(max=100), _check_type])
    return ma.fields.List(one, validate=ma.validate.Length(max=MOST_TYPES), **options)


class WebhookSchema(StrictSchema):
    """A new webhook."""

    url = _url(required=True)
    types = _types(load_default=list)
    batch = StrictBoolean(load_default=False)


class ChangedWebhookSchema(StrictSchema):
    """What is to be changed of a webhook."""

    url = _url()
    types = _types()
    batch = StrictBoolean()
    is_enabled = StrictBoolean()


class RewindSchema(StrictSchema):
    """The last event that is not to be delivered again; null: all are."""

    last_event_id = StrictString(
        data_key="lastEventId",
        attribute="lastEventId",
        required=True,
        allow_none=True,
        validate=ma.validate.Length(max=_LONGEST_ID),
    )


async def read_body(request: Request, schema: ma.Schema) -> dict[str, Any]:
    """Read a JSON body. Raises Problem 400, 413 or 415."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
        raise Problem(415, "unsupported_media_type", "The body must be application/json.")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _MOST_BYTES:
            raise Problem(413, "body_too_large", "The body is larger than 64 KiB.")
    try:
        loaded: dict[str, Any] = schema.load(json.loads(raw, parse_constant=_refuse))
    except ma.ValidationError as error:
        raise invalid_input(_by_field(error.messages)) from error
    except (ValueError, RecursionError) as error:
        raise Problem(400, "malformed_json", "The body is not well-formed JSON.") from error
    return loaded


def require_public(url: str, *, allow_private: bool) -> None:
    """Raise Problem 400 for a URL that no webhook may lead to."""
    if allow_private:
        return
    if urlsplit(url).scheme != "https":
        raise invalid_input({"url": ["Must begin with https://."]})
    try:
        refuse_private_literal(url)
    except ForbiddenAddress:
        raise invalid_input({"url": ["Must lead to a public address."]}) from None


def _by_field(messages: Any) -> dict[str, list[str]]:
    return {
        "body" if name == "_schema" else str(name): _texts(found)
        for name, found in messages.items()
    }


def _texts(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [text for each in found.values() for text in _texts(each)]
    return [str(text) for text in found]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
