"""Repeating `POST /api/tg/link/` with an `Idempotency-Key`: the first answer again, for 24 hours.

The code of such a request is made from the client's key and a random salt. So the same key gets
the same code again, while the database holds no code that could be used: it keeps the salt and a
hash of the key. A repetition does nothing, whatever has become of the request meanwhile.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.notifier.linking.link_requests import VALID_FOR, OpenRequest, code_of, new_code
from shared.http.idempotency import RequestKey, use_key
from shared.instants import from_json, to_json

_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class FirstTime:
    """The request is to be opened, with this code."""

    code: str


@dataclass(frozen=True, slots=True)
class Repetition:
    """The request was opened before, and this is what the asker was told."""

    request: OpenRequest


def first_or_again(
    connection: Connection, account_id: str, key: RequestKey | None, at: datetime
) -> FirstTime | Repetition:
    """Remember a key with the request it stands for, unless it came before. Raises KeyReused."""
    if key is None:
        return FirstTime(new_code())
    salt = secrets.token_hex(_SALT_BYTES)
    made = {"salt": salt, "expires_at": to_json(at + VALID_FOR)}
    earlier = use_key(connection, account_id, key, made, at)
    if earlier is None:
        return FirstTime(_code(key, salt))
    code = _code(key, earlier["salt"])
    return Repetition(OpenRequest(code, from_json(earlier["expires_at"])))


def _code(key: RequestKey, salt: str) -> str:
    return code_of(hmac.digest(key.text.encode(), bytes.fromhex(salt), "sha256"))
