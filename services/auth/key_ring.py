"""The signing keys as a running process sees them: read from the database every few seconds.

All replicas follow a rotation within `KEPT_SECONDS`, without a restart; while the database does not
answer, they go on with the keys they know.
"""

from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from services.auth.signing_keys import SigningKey, signing_key_at, stored_keys, unsealed
from shared.instants import now
from shared.refreshed import Refreshed

KEPT_SECONDS = 5
_RETRY_SECONDS = 1
_LIMIT_SECONDS = 3


class NoSigningKey(Exception):
    """No usable key is stored: `setup` has not run, or SIGNING_KEYS_SECRET is another one."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and its id, always taken together: a rotation may come between two looks."""

    kid: str
    private_key: Ed25519PrivateKey


class KeyRing:
    """The keys to sign and to verify with; safe for use by many threads."""

    def __init__(
        self, engine: Engine, sealer: Fernet, *, kept_seconds: float = KEPT_SECONDS
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._keys = Refreshed(
            "signing keys",
            self._stored_keys,
            kept_seconds=kept_seconds,
            retry_seconds=_RETRY_SECONDS,
            limit_seconds=_LIMIT_SECONDS,
        )

    def signer(self) -> Signer:
        """Return the key to sign with. Raises NoSigningKey."""
        key = signing_key_at(self._known_keys(), now())
        if key is None:
            raise NoSigningKey("no signing key is stored: run `python -m services.auth setup`")
        try:
            return Signer(key.kid, unsealed(key, self._sealer))
        except InvalidToken:
            message = f"SIGNING_KEYS_SECRET does not open signing key {key.kid}"
            raise NoSigningKey(message) from None

    def public_jwk(self, kid: str) -> dict[str, Any] | None:
        """Return the published key of that id. Raises NoSigningKey without any keys."""
        return next((jwk for jwk in self.public_jwks() if jwk["kid"] == kid), None)

    def public_jwks(self) -> list[dict[str, Any]]:
        """Return all published keys, oldest first. Raises NoSigningKey like `signer`."""
        instant = now()
        return [key.public_jwk for key in self._known_keys() if key.is_published(instant)]

    def _known_keys(self) -> tuple[SigningKey, ...]:
        keys = self._keys.current()
        if keys is None:
            raise NoSigningKey("the signing keys cannot be read from the database")
        return keys

    def _stored_keys(self) -> tuple[SigningKey, ...]:
        with self._engine.connect() as connection:
            return stored_keys(connection)
