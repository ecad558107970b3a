"""Repeating `POST /api/tg/link/` with an `Idempotency-Key`: the first answer again, for 24 hours.

The code of such a request is made from the client's key and a random salt. So the same key gets
the same code again, while the database holds no code that could be used: it keeps the salt and a
hash of the key. A repetition does nothing, whatever has become of the request meanwhile.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from services.notifier.linking.link_requests import VALID_FOR, OpenRequest, code_of, new_code
from services.notifier.tables import LINK_REQUEST_KEYS
from shared.http.idempotency_key import KEPT, KeyReused

_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class FirstTime:
    """The request is to be opened, with this code."""

    code: str


@dataclass(frozen=True, slots=True)
class Repetition:
    """The request was opened before, and this is what the asker was told."""

    request: OpenRequest


def use_key(
    connection: Connection, account_id: str, key: str | None, chat_id: int | None, at: datetime
) -> FirstTime | Repetition:
    """Remember a key with the request it stands for, unless it came before. Raises KeyReused.

    Of repetitions in parallel one is the first; the others wait until its transaction ends.
    """
    if key is None:
        return FirstTime(new_code())
    salt, key_hash = secrets.token_bytes(_SALT_BYTES), hashlib.sha256(key.encode()).digest()
    columns = LINK_REQUEST_KEYS.c
    mine = (columns.account_id == account_id) & (columns.key_hash == key_hash)
    connection.execute(delete(LINK_REQUEST_KEYS).where(mine, columns.used_at <= at - KEPT))
    new = insert(LINK_REQUEST_KEYS).values(
        account_id=account_id,
        key_hash=key_hash,
        salt=salt,
        chat_id=chat_id,
        expires_at=at + VALID_FOR,
        used_at=at,
    )
    if connection.scalar(new.on_conflict_do_nothing().returning(columns.salt)) is not None:
        return FirstTime(_code(key, salt))
    earlier = connection.execute(select(LINK_REQUEST_KEYS).where(mine)).one()
    if earlier.chat_id != chat_id:
        raise KeyReused
    return Repetition(OpenRequest(_code(key, earlier.salt), earlier.expires_at))


def erase_keys(connection: Connection, account_id: str) -> None:
    """Forget the keys of an account."""
    connection.execute(
        delete(LINK_REQUEST_KEYS).where(LINK_REQUEST_KEYS.c.account_id == account_id)
    )


def forget_old_keys(connection: Connection, at: datetime) -> None:
    """Forget the keys that have answered for long enough."""
    connection.execute(delete(LINK_REQUEST_KEYS).where(LINK_REQUEST_KEYS.c.used_at <= at - KEPT))


def _code(key: str, salt: bytes) -> str:
    return code_of(hmac.digest(key.encode(), salt, "sha256"))
