"""The header `Idempotency-Key`: a POST repeated with its key does nothing twice.

A client whose answer got lost repeats its request with the same key and gets the first answer
again. Each service remembers its keys in its own database, in the transaction of what the request
makes: neither is stored without the other. Kept is what the answer can be made from again, never
the answer itself, and of the key a hash only.
"""

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import flask
from sqlalchemy import ColumnElement, Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.http.idempotency_keys import ANSWERED_REQUESTS, KEPT
from shared.http.problem_details import Problem, invalid_input

HEADER = "Idempotency-Key"

# What an answer is made from again.
Made = dict[str, Any]

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
    """The key came before, with another request; only another key can help."""

    def __init__(self) -> None:
        super().__init__(
            409,
            "idempotency_key_reused",
            f"This {HEADER} came before with another body; a new request needs a new key.",
        )


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A client's key, and what tells its request from any other."""

    text: str = field(repr=False)
    fingerprint: bytes

    def hash(self) -> bytes:
        """Return what the key is found by."""
        return hashlib.sha256(self.text.encode()).digest()


def read_key(request: flask.Request, secret_fields: Collection[str] = ()) -> RequestKey | None:
    """Return the key of a request, None without one. Raises Problem 400 for a key that is none.

    `secret_fields` of the body are left out of the fingerprint, which would help guessing them.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise invalid_input({HEADER: ["Must be 1 to 255 visible ASCII characters."]})
    return RequestKey(key, _fingerprint(request, secret_fields))


def _fingerprint(request: flask.Request, secret_fields: Collection[str]) -> bytes:
    # What the client sent, not what we make of it: that changes with our code.
    data = request.get_data(cache=True)
    body = json.loads(data) if data else None
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in secret_fields}
    asked = [request.method, request.path, body]
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def use_key(
    connection: Connection, owner: str, key: RequestKey, made: Made, at: datetime
) -> Made | None:
    """Remember what is about to be made under a key; return what was, if the key came before.

    `owner` is whose key it is: two owners may use the same. Of repetitions in parallel one is the
    first; the others wait until its transaction ends. Raises KeyReused.
    """
    columns = ANSWERED_REQUESTS.c
    values = {"fingerprint": key.fingerprint, "made": made, "used_at": at}
    # The row of an earlier use is locked, whether it is too old and replaced or not.
    remember = (
        insert(ANSWERED_REQUESTS)
        .values(owner=owner, key_hash=key.hash(), **values)
        .on_conflict_do_update(
            index_elements=[columns.owner, columns.key_hash],
            set_=values,
            where=columns.used_at <= at - KEPT,
        )
        .returning(columns.used_at)
    )
    if connection.execute(remember).first() is not None:
        return None
    query = select(columns.fingerprint, columns.made).where(_is(owner, key))
    earlier = connection.execute(query).one()
    if earlier.fingerprint != key.fingerprint:
        raise KeyReused
    return dict(earlier.made)


def set_made(connection: Connection, owner: str, key: RequestKey, made: Made) -> None:
    """Say what was made under a key, where it is only known afterwards; in the same transaction."""
    connection.execute(update(ANSWERED_REQUESTS).where(_is(owner, key)).values(made=made))


def _is(owner: str, key: RequestKey) -> ColumnElement[bool]:
    columns = ANSWERED_REQUESTS.c
    return (columns.owner == owner) & (columns.key_hash == key.hash())
