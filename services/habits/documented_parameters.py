"""How the API document describes the headers, the path parameter and the token of the routes."""

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
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$", "example": "b7e1f0c2"},
    "description": "Any new key makes repeating safe for 24 hours: the same key with the same body"
    " gets the first answer again and creates nothing; with another body it is a 409.",
}
HABIT_ID = {
    "in": "path",
    "name": "habit_id",
    "required": True,
    "schema": {"type": "string", "example": EXAMPLE_ID},
}
