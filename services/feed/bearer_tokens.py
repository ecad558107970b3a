"""Who asks, and what they may: read from the access token, as every other service does.

A token with a `scope` may do what it names (RFC 9068, section 2.2.3); one without, which an account
got by signing in, may do everything with what is the account's own.
"""

from dataclasses import dataclass
from typing import Any

import jwt

from shared.http.access_tokens import (
    ALGORITHM,
    AUDIENCE,
    ISSUER,
    LEEWAY,
    KeyLookup,
    invalid_token,
    not_authenticated,
    token_expired,
)
from shared.http.scopes import insufficient_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """`expires_at`: seconds since the epoch. `scopes` is None where the token names none."""

    account_id: str
    expires_at: float
    scopes: frozenset[str] | None

    def require(self, scope: str) -> None:
        """Raise Problem 403 unless the caller may do what a scope names with what is its own."""
        if self.scopes is not None and scope not in self.scopes:
            raise insufficient_scope(scope)

    def require_named(self, scope: str) -> None:
        """Raise Problem 403 unless the token names the scope itself: it reaches beyond its own."""
        if self.scopes is None or scope not in self.scopes:
            raise insufficient_scope(scope)


def read_caller(authorization: str, find_key: KeyLookup) -> Caller:
    """Read the header `Authorization`. Raises Problem 401, or 503 without keys to judge with."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise not_authenticated()
    try:
        claims = _verified(token.strip(), find_key)
    except jwt.ExpiredSignatureError:
        raise token_expired() from None
    except jwt.PyJWTError:
        raise invalid_token() from None
    scope = claims.get("scope")
    return Caller(
        account_id=str(claims["sub"]),
        expires_at=float(claims["exp"]),
        scopes=None if scope is None else frozenset(str(scope).split()),
    )


def _verified(token: str, find_key: KeyLookup) -> dict[str, Any]:
    kid = jwt.get_unverified_header(token).get("kid")
    if not isinstance(kid, str):
        raise jwt.InvalidTokenError("the token names no key")
    claims: dict[str, Any] = jwt.decode(
        token,
        find_key(kid),
        algorithms=[ALGORITHM],
        audience=AUDIENCE,
        issuer=ISSUER,
        leeway=LEEWAY,
        options={"require": ["exp", "sub"]},
    )
    if claims.get("type") != "access":
        raise jwt.InvalidTokenError("not an access token")
    return claims
