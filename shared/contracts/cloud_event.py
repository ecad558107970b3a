"""CloudEvents 1.0 in binary mode over AMQP 0-9-1: attributes in headers, the body plain JSON.

The CloudEvents AMQP binding is written for AMQP 1.0, where attributes are application properties
with the prefix `cloudEvents:`; message headers are their counterpart in 0-9-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from shared.contracts.events import EVENT_TYPES, EventBody
from shared.instants import from_json, to_json

CONTENT_TYPE = "application/json"
_PREFIX = "cloudEvents:"

Body = TypeVar("Body")

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


class UnreadableMessage(Exception):
    """A message that no retry can make readable; it belongs in the dead-letter queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What says of an event which it is and where it comes from, whatever its type."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    request_id: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One public event.

    `subject` is the id of the aggregate, and what orders events; `request_id` is an extension
    attribute that names the HTTP request or Telegram update the event came from.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    body: EventBody
    request_id: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the attributes as AMQP message headers."""
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": to_json(self.time),
        }
        if self.request_id:
            attributes["requestid"] = self.request_id
        return {_PREFIX + name: value for name, value in attributes.items()}

    def json_body(self) -> dict[str, Any]:
        """Return the body as JSON-ready values."""
        return body_to_json(self.body)


def body_to_json(body: EventBody) -> dict[str, Any]:
    """Return any event body as JSON-ready values; instants end in `Z`."""
    values: dict[str, Any] = _adapter(type(body)).dump_python(body, mode="json")
    return values


def read_event(headers: Mapping[str, Any], raw_body: bytes) -> CloudEvent:
    """Read an event of a known type.

    Raises UnreadableMessage when an attribute is missing, the type is unknown, or the body does
    not fit its type. Unknown headers and body fields are ignored.
    """
    attributes = read_attributes(headers)
    body_class = EVENT_TYPES.get(attributes.type)
    if body_class is None:
        raise UnreadableMessage(f"unknown event type {attributes.type!r}")
    return CloudEvent(
        id=attributes.id,
        type=attributes.type,
        source=attributes.source,
        subject=attributes.subject,
        time=attributes.time,
        body=read_body(body_class, raw_body),
        request_id=attributes.request_id,
    )


def read_attributes(headers: Mapping[str, Any]) -> Attributes:
    """Read the attributes of an event of any type. Raises UnreadableMessage when one is missing."""
    try:
        required = {
            name: str(headers[_PREFIX + name])
            for name in ("id", "type", "source", "subject", "time")
        }
        instant = from_json(required["time"])
    except KeyError as missing:
        raise UnreadableMessage(f"attribute {missing} is missing") from missing
    except ValueError as error:
        raise UnreadableMessage(f"attribute time: {error}") from error
    return Attributes(
        id=required["id"],
        type=required["type"],
        source=required["source"],
        subject=required["subject"],
        time=instant,
        request_id=_optional(headers.get(_PREFIX + "requestid")),
        traceparent=_optional(headers.get(_PREFIX + "traceparent")),
    )


def read_body(body_class: type[Body], raw_body: bytes) -> Body:
    """Read a JSON body into its dataclass. Raises UnreadableMessage when it does not fit."""
    try:
        adapter: TypeAdapter[Body] = _adapter(body_class)
        return adapter.validate_json(raw_body)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)[:5]
        )
        raise UnreadableMessage(problems) from None


def _optional(value: Any) -> str | None:
    return None if value is None else str(value)


def _adapter(body_class: type[Any]) -> TypeAdapter[Any]:
    adapter = _ADAPTERS.get(body_class)
    if adapter is None:
        adapter = _ADAPTERS[body_class] = TypeAdapter(body_class)
    return adapter
