"""The keys that access tokens are signed with, and their rotation.

A key is published before it signs, for longer than any verifier may keep its copy of the key set;
it stays published after its successor took over until the last token it signed has expired. So a
rotation never makes a good token bad. Private keys are stored sealed; only auth can sign.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, insert, select, text, update

from services.auth.tables import SIGNING_KEYS
from shared.http.access_tokens import KEY_SET_SECONDS, LIFETIME

# Clocks may differ, and every process reads the keys anew only every few seconds.
_MARGIN = timedelta(minutes=1)
# A verifier may get its copy from an HTTP cache that has had it for as long as it may keep one.
PUBLISHED_BEFORE_SIGNING = timedelta(seconds=2 * KEY_SET_SECONDS) + _MARGIN
PUBLISHED_AFTER_SIGNING = LIFETIME + _MARGIN


class NextKeyAlreadyPublished(Exception):
    """A key that waits for its time is there already; rotating again would cut its wait short."""

    def __init__(self, signs_from: datetime) -> None:
        super().__init__(f"a new key is published already; it signs from {signs_from:%H:%M:%S} UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One key pair; the private part stays sealed until it is used."""

    kid: str
    public_jwk: dict[str, Any]
    sealed_private_key: bytes
    signs_from: datetime
    retired_at: datetime | None

    def is_published(self, now: datetime) -> bool:
        """Whether verifiers are to trust this key."""
        return self.retired_at is None or now < self.retired_at


def signing_key_at(keys: Iterable[SigningKey], now: datetime) -> SigningKey | None:
    """Return the key to sign with: of those whose time has come, the newest."""
    ready = [key for key in keys if key.signs_from <= now and key.is_published(now)]
    return max(ready, key=lambda key: key.signs_from, default=None)


def stored_keys(connection: Connection) -> tuple[SigningKey, ...]:
    """Return all keys, oldest first."""
    rows = connection.execute(
        select(
            SIGNING_KEYS.c.kid,
            SIGNING_KEYS.c.public_jwk,
            SIGNING_KEYS.c.sealed_private_key,
            SIGNING_KEYS.c.signs_from,
            SIGNING_KEYS.c.retired_at,
        ).order_by(SIGNING_KEYS.c.signs_from)
    )
    return tuple(SigningKey(**row) for row in rows.mappings())


def create_first_key(connection: Connection, sealer: Fernet, now: datetime) -> bool:
    """Create a key that signs at once, if there is none at all; whether it did."""
    _one_rotation_at_a_time(connection)
    if stored_keys(connection):
        return False
    _add_key(connection, sealer, created_at=now, signs_from=now)
    return True


def publish_next_key(connection: Connection, sealer: Fernet, now: datetime) -> datetime:
    """Publish a new key, retire the others in its wake; return when it begins to sign.

    Raises NextKeyAlreadyPublished when the last rotation has not come into force yet.
    """
    _one_rotation_at_a_time(connection)
    connection.execute(delete(SIGNING_KEYS).where(SIGNING_KEYS.c.retired_at <= now))
    waiting = [key.signs_from for key in stored_keys(connection) if key.signs_from > now]
    if waiting:
        raise NextKeyAlreadyPublished(waiting[0])
    signs_from = now + PUBLISHED_BEFORE_SIGNING
    connection.execute(
        update(SIGNING_KEYS)
        .where(SIGNING_KEYS.c.retired_at.is_(None))
        .values(retired_at=signs_from + PUBLISHED_AFTER_SIGNING)
    )
    _add_key(connection, sealer, created_at=now, signs_from=signs_from)
    return signs_from


def replace_keys_now(connection: Connection, sealer: Fernet, now: datetime) -> None:
    """Withdraw every key and sign with a new one at once: for a key that may have leaked.

    Every access token that is out becomes worthless; clients get a new one by refreshing.
    """
    _one_rotation_at_a_time(connection)
    connection.execute(delete(SIGNING_KEYS))
    _add_key(connection, sealer, created_at=now, signs_from=now)


def unsealed(key: SigningKey, sealer: Fernet) -> Ed25519PrivateKey:
    """Return the private key. Raises cryptography.fernet.InvalidToken for another secret."""
    return Ed25519PrivateKey.from_private_bytes(sealer.decrypt(key.sealed_private_key))


def _one_rotation_at_a_time(connection: Connection) -> None:
    connection.execute(text("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE"))


def _add_key(
    connection: Connection, sealer: Fernet, *, created_at: datetime, signs_from: datetime
) -> None:
    private_key = Ed25519PrivateKey.generate()
    public_jwk = _public_jwk(private_key)
    connection.execute(
        insert(SIGNING_KEYS).values(
            kid=public_jwk["kid"],
            public_jwk=public_jwk,
            sealed_private_key=sealer.encrypt(private_key.private_bytes_raw()),
            created_at=created_at,
            signs_from=signs_from,
        )
    )


def _public_jwk(private_key: Ed25519PrivateKey) -> dict[str, str]:
    public = _base64url(private_key.public_key().public_bytes_raw())
    required = {"crv": "Ed25519", "kty": "OKP", "x": public}
    # The thumbprint of RFC 7638: the id follows from the key, two keys never share one.
    thumbprint = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
    return {**required, "kid": _base64url(thumbprint), "alg": "EdDSA", "use": "sig"}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
