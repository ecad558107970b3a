"""What webhooks say of themselves in OpenAPI 3.1."""

from typing import Any

Document = dict[str, Any]

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ID = {
    "name": "webhook_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
_TEXTS = {
    "400": "The input is not valid",
    "401": "No access token, or not a valid one",
    "403": "The token does not have the scope `webhooks`",
    "404": "There is no such webhook",
    "410": "No event of this feed has that id (`position_unknown`)",
}
_TYPES = {
    "type": "array",
    "items": {"type": "string", "pattern": r"^[a-z0-9_*]+(\.[a-z0-9_*]+)*$", "maxLength": 100},
    "maxItems": 50,
    "description": "Only these types of events; `*` stands for anything; none: all",
    "example": ["habit.*"],
}
_URL = {
    "type": "string",
    "format": "uri",
    "maxLength": 2000,
    "description": "`https`, and a public address unless `WEBHOOKS_ALLOW_PRIVATE` is set",
    "example": "https://example.org/habits",
}


def webhook_paths() -> Document:
    """Return the paths of webhooks."""
    one = "/api/webhooks/{webhook_id}/"
    return {
        "/api/webhooks/": {
            "get": _operation("The caller's webhooks", "Webhooks"),
            "post": _operation(
                "Have events posted to a URL",
                "CreatedWebhook",
                status="201",
                body="NewWebhook",
                description=(
                    "From now on each event of the account is posted there, one after another, in"
                    " CloudEvents' JSON format and signed after Standard Webhooks; with `batch` up"
                    " to 100 at a time. What is not answered with 2xx is tried again, ten times"
                    " in about three days, and then left out. An endpoint that answers 410, or"
                    " only fails for five days, is switched off. The `secret` is shown here alone."
                ),
            ),
        },
        one: {
            "get": _operation("One webhook", "Webhook", path=True),
            "patch": _operation("Change a webhook", "Webhook", path=True, body="ChangedWebhook"),
            "delete": _operation("Delete a webhook", None, path=True, status="204"),
        },
        f"{one}deliveries/": {"get": _operation("The latest tries", "Deliveries", path=True)},
        f"{one}test/": {"post": _operation("Try it with a test event", "TestTry", path=True)},
        f"{one}rewind/": {
            "post": _operation(
                "Deliver again what comes after an event", "Webhook", path=True, body="Rewind"
            )
        },
        f"{one}secret/": {
            "post": _operation("A new secret; for a day both sign", "NewSecret", path=True)
        },
    }


def _operation(
    summary: str,
    answer: str | None,
    *,
    path: bool = False,
    status: str = "200",
    body: str | None = None,
    description: str = "",
) -> Document:
    problems = ["400", "401", "403", *(["404"] if path else [])]
    if body == "Rewind":
        problems.append("410")
    success: Document = {"description": summary}
    if answer is not None:
        success["content"] = {"application/json": {"schema": _schema(answer)}}
    operation: Document = {
        "tags": ["Webhooks"],
        "summary": summary,
        "security": [{"bearerAuth": []}],
        "responses": {
            status: success,
            **{each: {"description": _TEXTS[each], "content": _PROBLEM} for each in problems},
        },
    }
    if description:
        operation["description"] = description
    if path:
        operation["parameters"] = [_ID]
    if body is not None:
        content = {"application/json": {"schema": _schema(body)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _schema(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def webhook_schemas() -> Document:
    """Return the schemas of webhooks."""
    instant = {"type": "string", "format": "date-time"}
    boolean = {"type": "boolean"}
    shown = {
        "id": {"type": "string", "format": "uuid"},
        "url": _URL,
        "types": _TYPES,
        "batch": boolean,
        "is_enabled": boolean,
        "disabled_reason": {"enum": [None, "gone", "failing"]},
        "failing_since": {"type": ["string", "null"], "format": "date-time"},
        "created_at": instant,
    }
    secret = {"type": "string", "pattern": "^whsec_"}
    a_try = {
        "event_id": {"type": "string"},
        "outcome": {
            "enum": ["delivered", "refused", "timeout", "unreachable", "forbidden_address"]
        },
        "status": {"type": ["integer", "null"]},
        "milliseconds": {"type": "integer"},
    }
    delivery = {
        "id": {"type": "integer"},
        **a_try,
        "attempt": {"type": "integer"},
        "attempted_at": instant,
    }
    return {
        "Webhook": _object(shown),
        "Webhooks": _object({"results": {"type": "array", "items": _schema("Webhook")}}),
        "CreatedWebhook": _object({**shown, "secret": secret}),
        "NewWebhook": _object(
            {"url": _URL, "types": _TYPES, "batch": {**boolean, "default": False}}, ["url"]
        ),
        "ChangedWebhook": _object(
            {"url": _URL, "types": _TYPES, "batch": boolean, "is_enabled": boolean}, []
        ),
        "Deliveries": _object(
            {"results": {"type": "array", "items": _object(delivery)}},
        ),
        "TestTry": _object(a_try),
        "Rewind": _object(
            {
                "lastEventId": {
                    "type": ["string", "null"],
                    "maxLength": 500,
                    "description": "The last event that is not to come again; null: all are to",
                    "example": None,
                }
            }
        ),
        "NewSecret": _object({"secret": secret, "previous_signs_until": instant}),
    }


def _object(properties: Document, required: list[str] | None = None) -> Document:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }
