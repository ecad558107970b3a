"""The one place where auth's parts are put together. Nothing connects before the first request."""

from functools import partial
from typing import Any

import jwt
from flask import Flask, Response
from sqlalchemy.exc import SQLAlchemyError

from services.auth import (
    jwks_api,
    me_api,
    personal_tokens_api,
    registration_api,
    sessions_api,
    token_api,
    token_exchange,
)
from services.auth.access_token_signing import init_signing
from services.auth.key_ring import KeyRing, NoSigningKey
from services.auth.parts import Parts, install_parts
from services.auth.passwords import HashingBusy, PasswordHasher
from services.auth.rate_limits import FAILED_LOGINS_SPAN_SECONDS, FailedLogins
from services.auth.rate_windows import LimitReached, RateWindow
from services.auth.scopes import needed_scope
from services.auth.sealing import private_key_sealer
from services.auth.service import SERVICE
from services.auth.settings import Settings
from shared.database import is_reachable, new_engine
from shared.http.access_tokens import UnknownKey, init_access_tokens
from shared.http.app import create_http_app
from shared.http.problem_details import RETRY_AFTER_SECONDS, Problem, too_many_requests
from shared.http.server import serve as serve_http
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)


def create_app(settings: Settings) -> Flask:
    """Build the HTTP app."""
    parts = build_parts(settings)

    def configure(app: Flask) -> None:
        install_parts(app, parts)
        find_key = partial(_verification_key, parts.key_ring)
        init_signing(app, init_access_tokens(app, find_key, needed_scope))
        app.register_blueprint(token_exchange.blueprint)
        _register_refusals(app)

    return create_http_app(
        SERVICE.name,
        configure=configure,
        blueprints=lambda: (
            registration_api.blueprint,
            token_api.blueprint,
            me_api.blueprint,
            sessions_api.blueprint,
            personal_tokens_api.blueprint,
            jwks_api.blueprint,
        ),
        checks={
            "database": lambda: is_reachable(parts.engine),
            "signing_key": lambda: _can_sign(parts.key_ring),
        },
    )


def build_parts(settings: Settings) -> Parts:
    """Build what requests share."""
    engine = new_engine(settings.database_url)

    def window(name: str, limit: int, span_seconds: int) -> RateWindow:
        return RateWindow(engine, name, limit=limit, span_seconds=span_seconds)

    failed = window("failed-logins", settings.failed_logins, FAILED_LOGINS_SPAN_SECONDS)
    return Parts(
        engine=engine,
        passwords=PasswordHasher(),
        key_ring=KeyRing(engine, private_key_sealer(settings.signing_keys_secret)),
        registrations=window("register", settings.registrations_per_minute, 60),
        token_requests=window("token", settings.token_requests_per_minute, 60),
        failed_logins=FailedLogins(failed),
    )


def serve(settings: Settings) -> None:
    """Answer HTTP requests."""
    serve_http(lambda: create_app(settings), settings.http_host, settings.http_port)


def _verification_key(key_ring: KeyRing, kid: str) -> Any:
    jwk = key_ring.public_jwk(kid)
    if jwk is None:
        raise UnknownKey("the token was signed with an unknown key")
    return jwt.PyJWK(jwk).key


def _can_sign(key_ring: KeyRing) -> bool:
    try:
        key_ring.signer()
    except (NoSigningKey, SQLAlchemyError) as error:
        _log.warning("cannot sign access tokens", reason=str(error))
        return False
    return True


def _register_refusals(app: Flask) -> None:
    @app.errorhandler(LimitReached)
    def _limit_reached(error: LimitReached) -> Response:
        return too_many_requests(error.retry_after_seconds).response()

    @app.errorhandler(HashingBusy)
    def _hashing_busy(error: HashingBusy) -> Response:
        return _try_again(error.retry_after_seconds)

    @app.errorhandler(NoSigningKey)
    def _no_signing_key(error: NoSigningKey) -> Response:
        _log.error("cannot sign access tokens", reason=str(error))
        return _try_again(RETRY_AFTER_SECONDS)


def _try_again(seconds: int) -> Response:
    return Problem(
        503,
        "service_unavailable",
        "The service cannot answer right now; try again shortly.",
        headers={"Retry-After": str(seconds)},
    ).response()
