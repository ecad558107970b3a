"""How the API document describes the headers, the path parameter and the token of the routes.

`Idempotency-Key` is in `shared.http.idempotency`: other services have it too.
"""

from services.habits.schemas import EXAMPLE_ID

BEARER: list[dict[str, list[str]]] = [{"bearerAuth": []}]
ETAG = {"ETag": {"schema": {"type": "string"}, "description": "The habit's version, quoted."}}
LOCATION = {
    "Location": {
        "schema": {"type": "string", "format": "uri"},
        "description": "Address of the new habit.",
    }
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string", "example": '"1"'},
    "description": "The ETag of the version the change is meant for; 412 if the habit has moved"
    " on.",
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string", "example": '"1"'},
    "description": "ETags the client already has; 304 if the habit is still one of them.",
}
DAY_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "The day's version, quoted."}}
DAY_IF_MATCH = {
    **IF_MATCH,
    "description": "The ETag of the day's version the change is meant for; 412 if the day has"
    " moved on or is empty.",
}
DAY_IF_NONE_MATCH = {
    **IF_NONE_MATCH,
    "schema": {"type": "string", "example": "*"},
    "description": "`*`: only if nothing is recorded yet; 412 otherwise.",
}
DAY_DATE = {
    "in": "path",
    "name": "date",
    "required": True,
    "schema": {"type": "string", "format": "date", "example": "2026-01-06"},
    "description": "The owner's local date.",
}
HABIT_ID = {
    "in": "path",
    "name": "habit_id",
    "required": True,
    "schema": {"type": "string", "example": EXAMPLE_ID},
}
