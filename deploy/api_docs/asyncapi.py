"""The AsyncAPI 3.0 document: every event that other services may rely on.

Made from the event types themselves, so a type that is added is described, or the build fails for
want of an example.
"""

import inspect
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from deploy.api_docs.event_examples import EVENT_EXAMPLES, EventExample
from shared.contracts.cloud_event import CONTENT_TYPE, CloudEvent
from shared.contracts.events import EVENT_TYPES
from shared.contracts.topology import EVENTS_EXCHANGE

Document = dict[str, Any]

_DESCRIPTION = f"""\
What happens in the habit tracker, for other services. Bind a queue of your own to the topic
exchange `{EVENTS_EXCHANGE}`; the routing key is the event's type.

Every body is the **full state** of what it is about, with its `version`. The attribute `subject`
says which aggregate that is. Keep the highest version you have seen of each `subject` and ignore
the rest: then neither duplicates nor reordering do harm. Delivery is at least once, and in order
for each `subject`. A published type never changes its
meaning; fields may be added, so ignore those you do not know.

The same events under the same ids, with all that was before, are in the feed: `GET /api/events/`
for programs with a service token, `GET /api/me/events/` for an account, as pages, long polls or a
stream. Bind your queue, read the feed to its end, then consume: that is the whole history without a
gap. Webhooks (`POST /api/webhooks/`) bring an account's events to a URL, one after another, signed
after Standard Webhooks.

Attributes are CloudEvents 1.0 in binary mode: message headers `cloudEvents:...`, the body plain
JSON. AMQP's `message_id` is the event's id.
"""

_EXAMPLE_EVENT_ID = "5d0f3c1a-9a54-4f0e-8f6b-2f4f7d9c1b3e"
_EXAMPLE_TIME = datetime(2026, 12, 1, 4, 30, 0, 250000, tzinfo=UTC)
# JSON Schema's `time` has an offset; the local times in our events have none.
_LOCAL_TIME = {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]:[0-5][0-9]$"}


def build_asyncapi() -> Document:
    """Return the document. Raises KeyError for an event type that has no example."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Habit tracker: events",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {_camel(name): _channel(name) for name in EVENT_TYPES},
        "operations": {f"publish{_pascal(name)}": _operation(name) for name in EVENT_TYPES},
        "components": {
            "messages": {_pascal(name): _message(name) for name in EVENT_TYPES},
            "schemas": _schemas(),
        },
    }


def _channel(event_type: str) -> Document:
    name = _pascal(event_type)
    return {
        "address": event_type,
        "description": EVENT_EXAMPLES[event_type].meaning,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": EVENTS_EXCHANGE,
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                },
            }
        },
    }


def _operation(event_type: str) -> Document:
    channel = _camel(event_type)
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_pascal(event_type)}"}],
        "tags": [{"name": EVENT_EXAMPLES[event_type].published_by}],
        "bindings": {"amqp": {"deliveryMode": 2}},
    }


def _message(event_type: str) -> Document:
    example = EVENT_EXAMPLES[event_type]
    event = _example_event(event_type, example)
    return {
        "name": event_type,
        "title": event_type,
        "summary": example.meaning,
        "contentType": CONTENT_TYPE,
        "headers": _headers_schema(event),
        "payload": {"$ref": f"#/components/schemas/{EVENT_TYPES[event_type].__name__}"},
        "examples": [
            {"summary": example.meaning, "headers": event.headers(), "payload": event.json_body()}
        ],
        "bindings": {"amqp": {"messageType": event_type}},
    }


def _example_event(event_type: str, example: EventExample) -> CloudEvent:
    return CloudEvent(
        id=_EXAMPLE_EVENT_ID,
        type=event_type,
        source=f"/services/{example.published_by}",
        subject=example.subject,
        time=_EXAMPLE_TIME,
        body=example.body,
        request_id="c0ffee",
    )


def _headers_schema(event: CloudEvent) -> Document:
    """Describe the attributes; the names are those that an event really has."""
    fixed = {"cloudEvents:specversion": "1.0", "cloudEvents:type": event.type}
    optional = "cloudEvents:requestid"
    properties: Document = {}
    for name in event.headers():
        properties[name] = {"const": fixed[name]} if name in fixed else {"type": "string"}
    properties["cloudEvents:time"]["format"] = "date-time"
    properties["cloudEvents:subject"]["description"] = "The aggregate; each has its own versions"
    properties[optional]["description"] = "The request or update the event came from"
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name != optional],
    }


def _schemas() -> Document:
    schemas: Document = {}
    for body in EVENT_TYPES.values():
        schema = TypeAdapter(body).json_schema(
            mode="serialization", ref_template="#/components/schemas/{model}"
        )
        schema["description"] = inspect.getdoc(body)
        parts = schema.pop("$defs", {})
        schemas |= {name: _as_sent(part) for name, part in {**parts, body.__name__: schema}.items()}
    return schemas


def _as_sent(schema: Document) -> Document:
    """Describe local times as they are, and that a message has all of its fields."""
    for field in schema["properties"].values():
        field.pop("title", None)
        for form in (field, field.get("items", {}), *field.get("anyOf", ())):
            if form.get("format") == "time":
                del form["format"]
                form.update(_LOCAL_TIME)
    # The dataclass has defaults for whoever makes an event; the message always has all fields.
    schema["required"] = list(schema["properties"])
    return schema


def _pascal(event_type: str) -> str:
    return "".join(part.capitalize() for part in event_type.split("."))


def _camel(event_type: str) -> str:
    name = _pascal(event_type)
    return name[0].lower() + name[1:]
