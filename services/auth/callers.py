"""Who asks: what every route for an account's owner reads out of a request's token."""

import uuid
from collections.abc import Callable

from flask_jwt_extended import get_jwt
from sqlalchemy import Connection

from services.auth.accounts import Account, UnknownAccount, account_by_id
from shared.http.access_tokens import current_account_id, invalid_token

PRIVATE = {"Cache-Control": "no-store"}
BEARER: list[dict[str, list[str]]] = [{"bearerAuth": []}]


def current_account(
    connection: Connection, read: Callable[[Connection, uuid.UUID], Account] = account_by_id
) -> Account:
    """Return the account of the request's token. Raises Problem 401.

    One that was erased or disabled since the token was issued is a 401.
    """
    try:
        account = read(connection, uuid.UUID(current_account_id()))
    except (UnknownAccount, ValueError) as error:
        raise invalid_token() from error
    if not account.is_active:
        raise invalid_token()
    return account


def current_session_id() -> str | None:
    """Return the session that the request's token came of; None for a token from before ids."""
    session_id: str | None = get_jwt().get("sid")
    return session_id
