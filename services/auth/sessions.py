"""Sessions after the sign-in: keeping one going, and ending it."""

import uuid
from datetime import datetime
from typing import assert_never

from prometheus_client import Counter
from sqlalchemy import Connection, Engine

from services.auth import refresh_tokens
from services.auth.accounts import UnknownAccount, locked_account
from services.auth.refresh_tokens import Issued, Refused, Reused
from shared.database import transaction
from shared.process.structured_logs import get_logger

_reused = Counter("refresh_tokens_reused_total", "Sessions ended because a token was used twice")

_log = get_logger(__name__)


class BadRefreshToken(Exception):
    """The token is unknown, expired, revoked or used before, or its account is disabled."""


def refresh(engine: Engine, token: str, now: datetime) -> tuple[uuid.UUID, Issued]:
    """Exchange a refresh token; return the account's id and the successor.

    Raises BadRefreshToken; the end of a family that this may bring about is committed.
    """
    with transaction(engine) as connection:
        account_id = _locked_owner(connection, token)
        outcome = refresh_tokens.rotate(connection, token, now)
    match outcome:
        case Issued():
            return account_id, outcome
        case Reused(family_id):
            _reused.inc()
            _log.warning(
                "refresh token used twice: session ended",
                account_id=str(account_id),
                family_id=str(family_id),
            )
            raise BadRefreshToken
        case Refused():
            raise BadRefreshToken
        case _:
            assert_never(outcome)


def sign_out(engine: Engine, token: str) -> None:
    """End the session of a refresh token; a token that is not valid has none to end."""
    with transaction(engine) as connection:
        try:
            _locked_owner(connection, token)
        except BadRefreshToken:
            return
        refresh_tokens.revoke_family(connection, token)


def _locked_owner(connection: Connection, token: str) -> uuid.UUID:
    account_id = refresh_tokens.owner(connection, token)
    if account_id is None:
        raise BadRefreshToken
    try:
        account = locked_account(connection, account_id)
    except UnknownAccount:
        raise BadRefreshToken from None
    if not account.is_active:
        raise BadRefreshToken
    return account_id
