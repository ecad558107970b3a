"""The header `Idempotency-Key`: what it may be, how it is documented, how its misuse is refused.

A client whose answer got lost repeats its POST with the same key and gets the first answer again.
Each service remembers its keys itself, in the transaction of what the request brought about:
neither is stored without the other.
"""

import re
from datetime import timedelta

from shared.http.problem_details import Problem, invalid_input

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)

# How the API document describes the header.
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$", "example": "b7e1f0c2"},
    "description": "Any new key makes repeating safe for 24 hours: the same key with the same body"
    " gets the first answer again and creates nothing; with another body it is a 409.",
}


class KeyReused(Problem):
    """The key came before, with another body; only another key can help."""

    def __init__(self) -> None:
        super().__init__(
            409,
            "idempotency_key_reused",
            f"This {HEADER} came before with another body; a new request needs a new key.",
        )


def checked_key(header: str | None) -> str | None:
    """Return the key of a request, None without one. Raises Problem 400 for a key that is none."""
    if header is not None and not _KEY.fullmatch(header):
        raise invalid_input({HEADER: ["Must be 1 to 255 visible ASCII characters."]})
    return header
