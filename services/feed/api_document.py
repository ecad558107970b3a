"""What the feed says of itself in OpenAPI 3.1; its framework does not write that by itself."""

from typing import Any

from services.feed.event_queries import (
    LARGEST_PAGE,
    LONGEST_WAIT_MILLISECONDS,
    PAGE_SIZE,
)
from services.feed.http_api import BATCH_CONTENT_TYPE, STREAM_CONTENT_TYPE
from services.feed.webhooks.api_document import webhook_paths, webhook_schemas

Document = dict[str, Any]

_EXAMPLE = {
    "specversion": "1.0",
    "id": "5d0f3c1a-9a54-4f0e-8f6b-2f4f7d9c1b3e",
    "type": "account.registered.v1",
    "source": "/services/auth",
    "subject": "0b0a6a52-54a5-4a4f-9d8a-3c1e6f2b7d10",
    "time": "2026-12-01T04:30:00.250000Z",
    "datacontenttype": "application/json",
    "data": {"id": "0b0a6a52-54a5-4a4f-9d8a-3c1e6f2b7d10", "version": 1, "deleted": False},
}

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def api_document() -> Document:
    """Return paths, components and tags of the feed."""
    return {
        "paths": {
            "/api/events/": {"get": _all_events()},
            "/api/me/events/": {"get": _own_events()},
            **webhook_paths(),
        },
        "components": {
            "schemas": {"CloudEvent": _cloud_event(), **webhook_schemas()},
            "parameters": {each["name"]: each for each in _parameters()},
        },
        "tags": [
            {"name": "Events", "description": "Everything that has happened, and what happens"},
            {"name": "Webhooks", "description": "Events that come to you (Standard Webhooks)"},
        ],
    }


def _all_events() -> Document:
    return {
        "tags": ["Events"],
        "summary": "Events of everybody, oldest first",
        "description": (
            "An HTTP feed (http-feeds.org) for other services: ask for what comes after the last"
            " event that was read, until the page is empty; then go on with a `timeout`. Every"
            " reader gets the same order, and sees no event before all that come before it."
            " Needs a service token with the scope `events:read:all`."
        ),
        "operationId": "getEvents",
        "security": [{"bearerAuth": []}],
        "parameters": [_reference(each["name"]) for each in _parameters()],
        "responses": {"200": _pages({}), **_problems("401", "403", "410", "429")},
    }


def _own_events() -> Document:
    last_event_id = {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "As `lastEventId`; sent by a client whose stream broke off",
        "schema": {"type": "string", "maxLength": 500},
    }
    stream = {STREAM_CONTENT_TYPE: {"schema": {"type": "string"}}}
    return {
        "tags": ["Events"],
        "summary": "The caller's own events, oldest first",
        "description": (
            "The same for one account. With `Accept: text/event-stream` a stream: each event with"
            " its `id`, then `event: caught-up` at the end of what was there, then what comes."
            " It ends with the access token; come back with a new one and `Last-Event-ID`."
        ),
        "operationId": "getMyEvents",
        "security": [{"bearerAuth": []}],
        "parameters": [*(_reference(each["name"]) for each in _parameters()), last_event_id],
        "responses": {"200": _pages(stream), **_problems("401", "403", "410", "429")},
    }


def _reference(parameter: str) -> Document:
    return {"$ref": f"#/components/parameters/{parameter}"}


def _parameters() -> list[Document]:
    return [
        _parameter(
            "lastEventId",
            "The last event that was read: the answer begins after it. None: at the beginning",
            {"type": "string", "maxLength": 500},
        ),
        _parameter(
            "timeout",
            "How many milliseconds to wait for an event when there is none yet",
            {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_MILLISECONDS, "default": 0},
        ),
        _parameter(
            "types",
            "Only these, separated by commas; `*` stands for anything: `habit.*,account.*`",
            {"type": "string"},
        ),
        _parameter(
            "compacted",
            "Of each subject only the newest event that is asked for",
            {"type": "boolean", "default": False},
        ),
        _parameter(
            "limit",
            "How many events a page has at most",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE},
        ),
    ]


def _parameter(name: str, description: str, schema: Document) -> Document:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _pages(more_content: Document) -> Document:
    events = {"type": "array", "items": {"$ref": "#/components/schemas/CloudEvent"}}
    return {
        "description": "Events in their order; an empty page is the end",
        "content": {BATCH_CONTENT_TYPE: {"schema": events, "example": [_EXAMPLE]}, **more_content},
    }


def _problems(*statuses: str) -> Document:
    described = {
        "401": "No access token, or not a valid one",
        "403": "The token does not have the scope",
        "410": "No event of this feed has that id (`position_unknown`)",
        "429": "Too many requests wait at a time",
    }
    return {status: {"description": described[status], "content": _PROBLEM} for status in statuses}


def _cloud_event() -> Document:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "An event in CloudEvents' JSON format; `data` is as on the AsyncAPI page",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "type": text,
            "source": text,
            "subject": text,
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "requestid": text,
            "traceparent": text,
            "data": {},
        },
        "required": ["specversion", "id", "type", "source", "time", "datacontenttype", "data"],
    }
