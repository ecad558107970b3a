"""Access tokens: JWTs signed by auth alone (EdDSA), verified by everybody with its public keys.

A token is accepted only with a known `kid`, our issuer and audience, type `access`, and an expiry;
`alg: none` and every other algorithm are refused. Verifiers fetch the keys from auth's JWKS,
never in answer to an address inside a token.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
import requests
from flask import Flask, request
from flask_jwt_extended import JWTManager, get_jwt_identity

from shared.http.problem_details import RETRY_AFTER_SECONDS, Problem, unauthorized
from shared.http.scopes import NeededScope, check_scope, for_people
from shared.process.waiting import wait_for
from shared.refreshed import Refreshed

ALGORITHM = "EdDSA"
ISSUER = "habit-tracker"
AUDIENCE = "habit-tracker-api"
LIFETIME = timedelta(minutes=15)

# How far the clocks of two of our machines may be apart.
LEEWAY = timedelta(seconds=10)

# How old a copy of the key set may be, with a verifier and in any HTTP cache. The margins of a
# rotation follow from it, and so does how long a withdrawn key is still trusted.
KEY_SET_SECONDS = 60
# Shorter, because what auth answers with is some seconds old already.
_KEPT_SECONDS = KEY_SET_SECONDS - 10
ASKED_AGAIN_SECONDS = 5
_FETCH_TIMEOUT_SECONDS = 2
_FETCH_LIMIT_SECONDS = 3
WAITED_FOR_KEYS_SECONDS = 30
# About three kilobytes each.
_MOST_VERIFIED = 2000
_NO_KEYS = (requests.RequestException, jwt.PyJWTError, ValueError)

KeyLookup = Callable[[str], Any]

# Where an app keeps its NeededScope, for whoever describes it.
NEEDED_SCOPE = "needed_scope"


class UnknownKey(jwt.InvalidTokenError):
    """The token names a key that auth does not publish."""


def init_access_tokens(
    app: Flask, find_key: KeyLookup, needed_scope: NeededScope = for_people
) -> JWTManager:
    """Have an app verify access tokens; `find_key` returns the public key of a `kid`.

    `find_key` raises UnknownKey for a kid it does not know. A token that names scopes opens only
    the routes whose `needed_scope` is among them.
    """
    app.extensions[NEEDED_SCOPE] = needed_scope
    app.config.update(
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_ACCESS_TOKEN_EXPIRES=LIFETIME,
        JWT_DECODE_LEEWAY=LEEWAY,
        JWT_TOKEN_LOCATION=["headers"],
        # The library wants static keys at start; the loader below is what is used.
        JWT_PUBLIC_KEY="unused",
    )
    manager = _Manager(app, find_key)

    @manager.decode_key_loader
    def _key(header: dict[str, Any], claims: dict[str, Any]) -> Any:
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise UnknownKey("the token names no key")
        # Here, because later the library takes a token without a type for an access token.
        if claims.get("type") != "access":
            raise jwt.InvalidTokenError("not an access token")
        return find_key(kid)

    @manager.token_verification_loader
    def _expires_and_may(_header: dict[str, Any], claims: dict[str, Any]) -> bool:
        if request.url_rule is not None:
            check_scope(claims, needed_scope(request.method, request.url_rule.rule))
        return "exp" in claims

    manager.unauthorized_loader(lambda _reason: not_authenticated().response())
    manager.invalid_token_loader(lambda _reason: invalid_token().response())
    manager.token_verification_failed_loader(lambda _header, _claims: invalid_token().response())
    manager.expired_token_loader(lambda _header, _claims: token_expired().response())
    return manager


class _Manager(JWTManager):
    """Verifies the signature of a token once: a client sends the same one for minutes.

    A token that was verified is accepted again until it expires, as long as its key is still
    published and still the same. What is refused is judged anew each time.
    """

    def __init__(self, app: Flask, find_key: KeyLookup) -> None:
        self._find_key = find_key
        self._verified: dict[str, _Verified] = {}
        super().__init__(app)

    def _decode_jwt_from_config(
        self,
        encoded_token: str,
        csrf_value: Any = None,
        allow_expired: bool = False,  # noqa: FBT001, FBT002 - the library's signature
    ) -> dict[str, Any]:
        known = self._verified.get(encoded_token)
        if known is not None and self._is_still_good(known):
            return known.claims
        claims: dict[str, Any] = super()._decode_jwt_from_config(
            encoded_token, csrf_value, allow_expired
        )
        if "exp" in claims:
            self._remember(encoded_token, claims)
        return claims

    def _is_still_good(self, known: "_Verified") -> bool:
        is_alive = time.time() < int(known.claims["exp"]) + LEEWAY.total_seconds()
        return is_alive and bool(self._find_key(known.key_id) == known.key)

    def _remember(self, token: str, claims: dict[str, Any]) -> None:
        if len(self._verified) >= _MOST_VERIFIED:
            self._verified.clear()
        key_id = jwt.get_unverified_header(token)["kid"]
        self._verified[token] = _Verified(claims, key_id, self._find_key(key_id))


@dataclass(frozen=True, slots=True)
class _Verified:
    claims: dict[str, Any]
    key_id: str
    key: Any


def current_account_id() -> str:
    """Return the account the request's token was issued to."""
    return str(get_jwt_identity())


class JwksClient:
    """The public keys of auth, at most `KEY_SET_SECONDS` old while auth answers.

    An unknown `kid` asks again, at most every `ASKED_AGAIN_SECONDS`. When auth does not answer, the
    last good set stays in use; without any set, tokens cannot be judged and the answer is 503.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = Refreshed(
            "public keys",
            lambda: _fetch_keys(url),
            kept_seconds=_KEPT_SECONDS,
            retry_seconds=ASKED_AGAIN_SECONDS,
            limit_seconds=_FETCH_LIMIT_SECONDS,
            clock=clock,
        )

    def wait_for_keys(self, limit_seconds: float = WAITED_FOR_KEYS_SECONDS) -> None:
        """Wait for auth's first answer: who takes requests should be able to judge tokens.

        Gives up quietly after `limit_seconds`: what needs no token can be served without auth.
        """
        with contextlib.suppress(*_NO_KEYS):
            wait_for("auth", self._keys.read_now, _NO_KEYS, limit_seconds=limit_seconds)

    def has_keys(self) -> bool:
        """Whether tokens can be judged."""
        return bool(self._keys.current())

    def find_key(self, kid: str) -> Any:
        """Return the public key of a kid. Raises UnknownKey, or Problem 503 without any keys."""
        keys = self._keys.current()
        if keys and kid not in keys:
            keys = self._keys.newer()
        if not keys:
            raise Problem(
                503,
                "service_unavailable",
                "Tokens cannot be checked right now; try again shortly.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        if kid not in keys:
            raise UnknownKey("the token was signed with an unknown key")
        return keys[kid]


def _fetch_keys(url: str) -> dict[str, Any]:
    answer = requests.get(
        url, headers={"Cache-Control": "no-cache"}, timeout=_FETCH_TIMEOUT_SECONDS
    )
    answer.raise_for_status()
    key_set = jwt.PyJWKSet.from_dict(answer.json())
    return {key.key_id: key.key for key in key_set.keys if key.key_id}


def not_authenticated() -> Problem:
    """Return the 401 for a request without a token."""
    return unauthorized("not_authenticated", "An access token is needed.")


def invalid_token() -> Problem:
    """Return the 401 for a token that does not hold, or holds no longer."""
    return unauthorized("invalid_token", "The access token is not valid.")


def token_expired() -> Problem:
    """Return the 401 for a token whose time is over."""
    return unauthorized("token_expired", "The access token has expired.")
