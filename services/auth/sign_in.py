"""Signing in and whatever else asks for the password.

Passwords are checked outside of transactions, so that no connection is held while hashing; the
transaction that follows looks again, under the account's lock, whether the check still holds.
"""

import uuid
from datetime import datetime

from sqlalchemy import Connection

from services.auth import refresh_tokens
from services.auth.accounts import (
    Account,
    UnknownAccount,
    account_by_email,
    change_password,
    erase,
    locked_account,
    rehash_password,
)
from services.auth.api_tokens import revoke_personal_tokens
from services.auth.parts import Parts
from services.auth.rate_limits import WrongPassword
from services.auth.refresh_tokens import Issued
from shared.database import transaction


def sign_in(
    parts: Parts, email: str, password: str, now: datetime, user_agent: str | None = None
) -> tuple[uuid.UUID, Issued]:
    """Start a session; return the account's id and the first refresh token.

    Unknown, disabled and mistyped look and cost the same. Raises WrongPassword, LimitReached and
    HashingBusy.
    """
    with parts.engine.connect() as connection:
        account = account_by_email(connection, email)
    account = prove_password(parts, email, account, password)
    today = None
    if parts.passwords.needs_rehash(account.password_hash):
        today = parts.passwords.hash(password)
    with transaction(parts.engine) as connection:
        _still_proven(connection, account)
        if today is not None:
            rehash_password(connection, account.id, today)
        return account.id, refresh_tokens.start_family(connection, account.id, now, user_agent)


def prove_password(parts: Parts, email: str, account: Account | None, password: str) -> Account:
    """Check a password; return the account it belongs to.

    Raises WrongPassword, which counts as a failed login, LimitReached and HashingBusy.
    """
    with parts.failed_logins.attempt(email):
        password_hash = None if account is None else account.password_hash
        matches = parts.passwords.matches(password_hash, password)
        if account is None or not matches or not account.is_active:
            raise WrongPassword
        return account


def replace_password(parts: Parts, account: Account, current: str, new: str, now: datetime) -> None:
    """Set a new password; end all sessions and tokens.

    Raises like `prove_password`, and UnknownAccount.
    """
    prove_password(parts, account.email, account, current)
    password_hash = parts.passwords.hash(new)
    with transaction(parts.engine) as connection:
        _still_proven(connection, account)
        change_password(connection, account.id, password_hash, now)
        refresh_tokens.revoke_all(connection, account.id)
        revoke_personal_tokens(connection, account.id)


def erase_account(parts: Parts, account: Account, password: str, now: datetime) -> None:
    """Erase an account for good. Raises like `prove_password`, and UnknownAccount."""
    prove_password(parts, account.email, account, password)
    with transaction(parts.engine) as connection:
        _still_proven(connection, account)
        erase(connection, account.id, now)


def _still_proven(connection: Connection, proven: Account) -> None:
    """Lock the account; refuse if it was disabled, erased or given a new password meanwhile."""
    try:
        account = locked_account(connection, proven.id)
    except UnknownAccount:
        raise WrongPassword from None
    if not account.is_active or account.password_changed_at != proven.password_changed_at:
        raise WrongPassword
