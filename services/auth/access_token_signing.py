"""Making access tokens: only this service can.

A session's token follows from the refresh token it is handed out with: repeating an answer that got
lost repeats the access token too.
"""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Flask, g
from flask_jwt_extended import JWTManager, create_access_token

from services.auth.key_ring import KeyRing
from services.auth.refresh_tokens import Issued
from shared.http.access_tokens import LIFETIME


def init_signing(app: Flask, manager: JWTManager) -> None:
    """Sign with the key that `access_token` chose for this request."""
    app.config.update(
        # The clocks of other services may be behind ours.
        JWT_ENCODE_NBF=False,
        # Access tokens are never in a cookie, so none needs a random claim against forged requests;
        # what guards the refresh token's cookie is in `session_cookie`.
        JWT_COOKIE_CSRF_PROTECT=False,
    )

    @manager.encode_key_loader
    def _key(_identity: str) -> Any:
        return g.signer.private_key

    @manager.additional_headers_loader
    def _headers(_identity: str) -> dict[str, str]:
        return {"kid": g.signer.kid}


def access_token(key_ring: KeyRing, account_id: uuid.UUID, refresh: Issued) -> str:
    """Return a signed access token for an account. Raises NoSigningKey."""
    digest = hashlib.sha256(b"access token " + refresh.token.encode()).digest()
    claims = {
        "iat": refresh.at,
        "exp": refresh.at + LIFETIME,
        "sid": str(refresh.family_id),
        "jti": str(uuid.UUID(bytes=digest[:16], version=4)),
    }
    return _signed(key_ring, str(account_id), claims)


def scoped_access_token(
    key_ring: KeyRing, subject: str, scopes: Iterable[str], begins: datetime, ends: datetime
) -> str:
    """Return a signed access token that may do what its scopes say (RFC 9068, section 2.2.3).

    Raises NoSigningKey.
    """
    claims = {
        "iat": begins,
        "exp": ends,
        "scope": " ".join(scopes),
        "jti": str(uuid.uuid4()),
    }
    return _signed(key_ring, subject, claims)


def _signed(key_ring: KeyRing, subject: str, claims: dict[str, Any]) -> str:
    g.signer = key_ring.signer()
    token: str = create_access_token(identity=subject, additional_claims=claims)
    return token
