"""The one OpenAPI 3.1 document: what the services say of themselves, and what the gateway adds.

The gateway's part is the same for every operation: its limits (413, 429, 503), the shape of its
errors, and the request id in every answer.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.api_docs.openapi_merge import Document, merge

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_DESCRIPTION = """\
Habits with a place and a time, and reminders that come once each through Telegram.

**How to begin.** Register (`POST /api/register/`), ask for tokens (`POST /api/token/`), press
*Authorize* and paste the `access` token. An access token lives for minutes; `POST
/api/token/refresh/` gives a new pair, and each refresh token works once.

**Errors.** Every 4xx and 5xx is `application/problem+json` (RFC 9457) with a stable `code`, and for
invalid input `errors` by field. Quote `request_id` when you ask about one.

**Times.** Instants are UTC and end in `Z`. A habit's `time` is what the owner's clock shows.

**Versions.** A habit's `ETag` is its version: send it in `If-None-Match` to save a transfer, in
`If-Match` to change only what you have seen.
"""

_TAG_ORDER = (
    "Accounts",
    "Tokens",
    "Me",
    "Sessions",
    "Personal tokens",
    "Keys",
    "Habits",
    "Telegram",
    "Events",
    "Webhooks",
    "Health",
    "Documentation",
)

_PROBLEM = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
}

_RETRY_AFTER = {
    "description": "Seconds to wait before trying again",
    "schema": {"type": "integer", "minimum": 1},
    "example": 60,
}


def build_openapi(services: Mapping[str, Document], *, server_url: str = "/") -> Document:
    """Return the whole document. Raises MergeConflict when the services contradict each other."""
    merged = merge({**services, "documentation pages": _pages_document()})
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Habit tracker",
            "version": "1.0.0",
            "summary": "Habits, and their reminders through Telegram",
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server_url, "description": "This gateway"}],
        "tags": _in_reading_order(merged["tags"]),
        "paths": dict(sorted(merged["paths"].items())),
        "components": merged["components"],
    }
    for path, method, operation in operations(document):
        operation.setdefault("operationId", operation_id(method, path))
        # An operation that asks for no token says so: a client generator cannot tell otherwise.
        operation.setdefault("security", [])
        operation["summary"] = operation["summary"].rstrip(".")
        operation["tags"] = [tag.capitalize() for tag in operation["tags"]]
        _add_gateway_responses(method, operation)
    return _without_unused_components(document)


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield path, method and operation of everything the document describes."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def operation_id(method: str, path: str) -> str:
    """Return a name for an operation that has none: GET /api/habit/{id}/ is `getHabitById`."""
    words: list[str] = []
    for part in path.removeprefix("/api").strip("/").split("/"):
        inner = part.strip("{}")
        words += ["by"] * (inner != part) + re.findall(r"[A-Za-z0-9]+", inner)
    return method + "".join(word[:1].upper() + word[1:] for word in words)


def _add_gateway_responses(method: str, operation: Document) -> None:
    """Add what the gateway, or any service, may answer to any request of this kind."""
    responses = operation["responses"]
    added = {
        "400": "The request is not valid",
        "500": "Something went wrong on our side",
        "503": "The service cannot answer now",
    }
    if "requestBody" in operation or method in {"post", "put", "patch"}:
        added["413"] = "The body is larger than 64 KiB"
        added["415"] = "The body is not application/json"
    if operation["security"]:
        added["403"] = "The token may not do this"
    for status, description in added.items():
        responses.setdefault(status, {"description": description, "content": _PROBLEM})
    for status, response in responses.items():
        if "$ref" in response:
            continue
        headers = response.setdefault("headers", {})
        headers.setdefault("X-Request-ID", {"$ref": "#/components/headers/RequestId"})
        if status in {"429", "503"}:
            headers.setdefault("Retry-After", {"$ref": "#/components/headers/RetryAfter"})
    operation["responses"] = dict(sorted(responses.items()))


def _pages_document() -> Document:
    def get(summary: str, name: str, content: Document) -> Document:
        operation = {
            "tags": ["Documentation"],
            "summary": summary,
            "operationId": name,
            "security": [],
            "responses": {"200": {"description": summary, "content": content}},
        }
        return {"get": operation}

    html: Document = {"text/html": {"schema": {"type": "string"}}}
    json: Document = {"application/json": {"schema": {"type": "object"}}}
    return {
        "paths": {
            "/api/swagger/": get("This API, to try out", "getSwaggerPage", html),
            "/api/redoc/": get("This API, to read", "getRedocPage", html),
            "/api/asyncapi/": get("The events, to read", "getAsyncapiPage", html),
            "/api/openapi.json": get("The OpenAPI document", "getOpenapi", json),
            "/api/asyncapi.json": get("The AsyncAPI document", "getAsyncapi", json),
        },
        "components": {
            "headers": {
                "RequestId": {
                    "description": "The id of the request: the client's own, or a new one",
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
                    "example": "5f2b7c0e9d6a4c1f8b3a2d1e0c9b8a7f",
                },
                "RetryAfter": _RETRY_AFTER,
            }
        },
        "tags": [{"name": "Documentation", "description": "These pages, and what they show"}],
    }


def _in_reading_order(tags: list[Document]) -> list[Document]:
    order = {name: place for place, name in enumerate(_TAG_ORDER)}
    named = [tag | {"name": tag["name"].capitalize()} for tag in tags]
    return sorted(named, key=lambda tag: (order.get(tag["name"], len(order)), tag["name"]))


def _without_unused_components(document: Document) -> Document:
    """Drop components that nothing refers to, such as a framework's default responses."""
    while True:
        used = set(_references(document))
        unused = [
            (kind, name)
            for kind, named in document["components"].items()
            for name in named
            if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in used
        ]
        if not unused:
            return document
        for kind, name in unused:
            del document["components"][kind][name]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
