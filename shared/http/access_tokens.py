"""Access tokens: JWTs signed by auth alone (EdDSA), verified by everybody with its public keys.

A token is accepted only with a known `kid`, our issuer and audience, type `access`, and an expiry;
`alg: none` and every other algorithm are refused. Verifiers fetch the keys from auth's JWKS,
never in answer to an address inside a token.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import requests
from flask import Flask, Response
from flask_jwt_extended import JWTManager, get_jwt_identity

from shared.http.problem_details import RETRY_AFTER_SECONDS, Problem, unauthorized
from shared.process.structured_logs import get_logger

ALGORITHM = "EdDSA"
ISSUER = "habit-tracker"
AUDIENCE = "habit-tracker-api"
LIFETIME = timedelta(minutes=15)

CACHE_SECONDS = 600
REFETCH_SECONDS = 30
_FETCH_TIMEOUT_SECONDS = 3

KeyLookup = Callable[[str], Any]

_log = get_logger(__name__)


class UnknownKey(jwt.InvalidTokenError):
    """The token names a key that auth does not publish."""


def init_access_tokens(app: Flask, find_key: KeyLookup) -> JWTManager:
    """Have an app verify access tokens; `find_key` returns the public key of a `kid`.

    `find_key` raises UnknownKey for a kid it does not know.
    """
    app.config.update(
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_ACCESS_TOKEN_EXPIRES=LIFETIME,
        JWT_TOKEN_LOCATION=["headers"],
        # The library wants static keys at start; the loader below is what is used.
        JWT_PUBLIC_KEY="unused",
    )
    manager = JWTManager(app)

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
    def _expires(_header: dict[str, Any], claims: dict[str, Any]) -> bool:
        return "exp" in claims

    manager.unauthorized_loader(_missing)
    manager.invalid_token_loader(_invalid)
    manager.token_verification_failed_loader(lambda _header, _claims: _invalid(""))
    manager.expired_token_loader(lambda _header, _claims: _expired())
    return manager


def current_account_id() -> str:
    """Return the account the request's token was issued to."""
    return str(get_jwt_identity())


class JwksClient:
    """The public keys of auth, kept for `CACHE_SECONDS`.

    An unknown `kid` asks again, at most every `REFETCH_SECONDS`. When auth does not answer, the
    last good set stays in use; without any set, tokens cannot be judged and the answer is 503.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None

    def find_key(self, kid: str) -> Any:
        """Return the public key of a kid. Raises UnknownKey, or Problem 503 without any keys."""
        with self._lock:
            if self._is_older_than(self._fetched_at, CACHE_SECONDS) or kid not in self._keys:
                self._fetch()
            if not self._keys:
                raise Problem(
                    503,
                    "service_unavailable",
                    "Tokens cannot be checked right now; try again shortly.",
                    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
                )
            if kid not in self._keys:
                raise UnknownKey("the token was signed with an unknown key")
            return self._keys[kid]

    def _is_older_than(self, instant: float | None, seconds: float) -> bool:
        return instant is None or self._clock() - instant > seconds

    def _fetch(self) -> None:
        pause = REFETCH_SECONDS if self._keys else 1
        if not self._is_older_than(self._asked_at, pause):
            return
        self._asked_at = self._clock()
        try:
            answer = requests.get(self._url, timeout=_FETCH_TIMEOUT_SECONDS)
            answer.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(answer.json())
        except (requests.RequestException, jwt.PyJWTError, ValueError) as error:
            _log.warning("public keys not fetched", reason=repr(error), have=len(self._keys))
            return
        self._keys = {key.key_id: key.key for key in keys.keys if key.key_id}
        self._fetched_at = self._asked_at


def _missing(_reason: str) -> Response:
    return unauthorized("not_authenticated", "An access token is needed.").response()


def _invalid(_reason: str) -> Response:
    return unauthorized("invalid_token", "The access token is not valid.").response()


def _expired() -> Response:
    return unauthorized("token_expired", "The access token has expired.").response()
