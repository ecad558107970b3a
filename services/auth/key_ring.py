"""The signing keys as a running process sees them: read from the database every few seconds.

All replicas follow a rotation within `cache_seconds`, without a restart.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from services.auth.signing_keys import SigningKey, signing_key_at, stored_keys, unsealed
from shared.instants import now


class NoSigningKey(Exception):
    """No usable key is stored: `setup` has not run, or SIGNING_KEYS_SECRET is another one."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and its id, always taken together: a rotation may come between two looks."""

    kid: str
    private_key: Ed25519PrivateKey


class KeyRing:
    """The keys to sign and to verify with; safe for use by many threads."""

    def __init__(self, engine: Engine, sealer: Fernet, *, cache_seconds: float = 5.0) -> None:
        self._engine = engine
        self._sealer = sealer
        self._cache_seconds = cache_seconds
        self._keys: tuple[SigningKey, ...] = ()
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def signer(self) -> Signer:
        """Return the key to sign with. Raises NoSigningKey."""
        key = signing_key_at(self._fresh_keys(), now())
        if key is None:
            raise NoSigningKey("no signing key is stored: run `python -m services.auth setup`")
        try:
            return Signer(key.kid, unsealed(key, self._sealer))
        except InvalidToken:
            message = f"SIGNING_KEYS_SECRET does not open signing key {key.kid}"
            raise NoSigningKey(message) from None

    def public_jwk(self, kid: str) -> dict[str, Any] | None:
        """Return the published key of that id."""
        return next((jwk for jwk in self.public_jwks() if jwk["kid"] == kid), None)

    def public_jwks(self) -> list[dict[str, Any]]:
        """Return all published keys, oldest first."""
        instant = now()
        return [key.public_jwk for key in self._fresh_keys() if key.is_published(instant)]

    def _fresh_keys(self) -> tuple[SigningKey, ...]:
        with self._lock:
            if time.monotonic() - self._read_at >= self._cache_seconds:
                with self._engine.connect() as connection:
                    self._keys = stored_keys(connection)
                self._read_at = time.monotonic()
            return self._keys
