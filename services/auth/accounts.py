"""Accounts: each change and the event that tells of it are stored in the caller's transaction.

Whoever changes an account or its sessions holds the lock of the account's row first. That one lock
orders versions, and keeps a sign-in from slipping past a change of password or a disabling.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql

from services.auth.email_addresses import email_hash
from services.auth.tables import ACCOUNTS, ERASED_ACCOUNTS
from shared.contracts.events import (
    ACCOUNT_CHANGED,
    ACCOUNT_DELETED,
    ACCOUNT_REGISTERED,
    AccountStateV1,
)
from shared.http.idempotency_keys import forget_keys
from shared.outbox.table import add_event

LOCALES = ("en", "ru")

# What decides when an account is reminded, and whether it is.
_SETTINGS = frozenset({"time_zone", "is_active"})


class EmailTaken(Exception):
    """Another account has this e-mail address."""


class IncompleteQuietHours(Exception):
    """Quiet hours need a beginning and an end, and the two must differ."""


class UnknownAccount(Exception):
    """There is no such account, or no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as stored; `version` counts the changes that other services are told of.

    `settings_since`: since when the time zone and the activity are what they are.
    `password_changed_at` tells a new password from the same one hashed anew at another cost.
    """

    id: uuid.UUID
    email: str
    password_hash: str
    password_changed_at: datetime
    time_zone: str
    locale: str
    is_active: bool
    created_at: datetime
    updated_at: datetime
    settings_since: datetime
    quiet_from: time | None
    quiet_to: time | None
    day_starts_at: int
    weekly_digest: bool
    version: int


def register(
    connection: Connection,
    *,
    email: str,
    password_hash: str,
    time_zone: str,
    locale: str,
    now: datetime,
) -> Account:
    """Store a new account. Raises EmailTaken."""
    row = (
        connection.execute(
            postgresql.insert(ACCOUNTS)
            .values(
                id=uuid.uuid4(),
                email=email,
                password_hash=password_hash,
                password_changed_at=now,
                time_zone=time_zone,
                locale=locale,
                is_active=True,
                created_at=now,
                updated_at=now,
                settings_since=now,
                version=1,
            )
            # Waits for a parallel registration to end, then gives way to it.
            .on_conflict_do_nothing(index_elements=[ACCOUNTS.c.email])
            .returning(ACCOUNTS)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise EmailTaken(f"an account with the e-mail {email} exists")
    account = Account(**row)
    _tell(connection, ACCOUNT_REGISTERED, account)
    return account


def account_by_email(connection: Connection, email: str) -> Account | None:
    """Return the account with this canonical e-mail address."""
    row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.email == email)).mappings().first()
    return None if row is None else Account(**row)


def account_by_id(connection: Connection, account_id: uuid.UUID) -> Account:
    """Return an account as it is. Raises UnknownAccount."""
    return _account(connection, account_id, lock=False)


def locked_account(connection: Connection, account_id: uuid.UUID) -> Account:
    """Return an account that nobody else changes until the transaction ends.

    Raises UnknownAccount.
    """
    return _account(connection, account_id, lock=True)


def all_accounts(connection: Connection) -> tuple[Account, ...]:
    """Return every account, oldest first."""
    rows = connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.created_at, ACCOUNTS.c.id))
    return tuple(Account(**row) for row in rows.mappings())


def change_profile(
    connection: Connection, account_id: uuid.UUID, changes: dict[str, Any], now: datetime
) -> Account:
    """Change what the owner may; a change that changes nothing stores nothing.

    Raises UnknownAccount, and IncompleteQuietHours for what the account would become.
    """
    account = locked_account(connection, account_id)
    _check_quiet_hours(replace(account, **changes))
    return _change(connection, account, changes, now)


def set_active(
    connection: Connection, account_id: uuid.UUID, *, is_active: bool, now: datetime
) -> Account:
    """Enable or disable an account. Raises UnknownAccount."""
    account = locked_account(connection, account_id)
    return _change(connection, account, {"is_active": is_active}, now)


def change_password(
    connection: Connection, account_id: uuid.UUID, password_hash: str, now: datetime
) -> None:
    """Store a new password; nothing that other services know changes, so no event tells of it."""
    connection.execute(
        update(ACCOUNTS)
        .where(ACCOUNTS.c.id == account_id)
        .values(password_hash=password_hash, password_changed_at=now)
    )


def rehash_password(connection: Connection, account_id: uuid.UUID, password_hash: str) -> None:
    """Store the same password hashed at today's cost."""
    connection.execute(
        update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(password_hash=password_hash)
    )


def erase(connection: Connection, account_id: uuid.UUID, now: datetime) -> None:
    """Delete an account with its sessions; the event makes every service do the same.

    Raises UnknownAccount.
    """
    account = locked_account(connection, account_id)
    version = account.version + 1
    forget_keys(connection, email_hash(account.email))
    connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.id == account_id))
    connection.execute(insert(ERASED_ACCOUNTS).values(id=account_id, version=version))
    state = _state(account, deleted=True, version=version, updated_at=now, settings_since=now)
    _send(connection, ACCOUNT_DELETED, state)


def tell_again(connection: Connection, account: Account) -> None:
    """Tell an account's present state once more. Its row must be locked."""
    _tell(connection, ACCOUNT_REGISTERED if account.version == 1 else ACCOUNT_CHANGED, account)


def tell_erasure_again(
    connection: Connection, account_id: uuid.UUID, version: int, now: datetime
) -> None:
    """Tell once more that an account is gone; of what it was nothing is known any more."""
    state = AccountStateV1(
        id=str(account_id),
        time_zone="UTC",
        locale="en",
        is_active=False,
        created_at=now,
        updated_at=now,
        settings_since=now,
        deleted=True,
        version=version,
    )
    _send(connection, ACCOUNT_DELETED, state)


def _account(connection: Connection, account_id: uuid.UUID, *, lock: bool) -> Account:
    query = select(ACCOUNTS).where(ACCOUNTS.c.id == account_id)
    if lock:
        query = query.with_for_update(key_share=True)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise UnknownAccount(f"there is no account {account_id}")
    return Account(**row)


def _check_quiet_hours(account: Account) -> None:
    is_half = (account.quiet_from is None) != (account.quiet_to is None)
    is_empty = account.quiet_from is not None and account.quiet_from == account.quiet_to
    if is_half or is_empty:
        raise IncompleteQuietHours


def _change(
    connection: Connection, account: Account, changes: dict[str, Any], now: datetime
) -> Account:
    changed_names = {name for name, value in changes.items() if getattr(account, name) != value}
    if not changed_names:
        return account
    settings_since = now if changed_names & _SETTINGS else account.settings_since
    row = (
        connection.execute(
            update(ACCOUNTS)
            .where(ACCOUNTS.c.id == account.id)
            .values(
                **changes,
                updated_at=now,
                settings_since=settings_since,
                version=ACCOUNTS.c.version + 1,
            )
            .returning(ACCOUNTS)
        )
        .mappings()
        .one()
    )
    changed = Account(**row)
    _tell(connection, ACCOUNT_CHANGED, changed)
    return changed


def _tell(connection: Connection, event_type: str, account: Account) -> None:
    state = _state(
        account,
        deleted=False,
        version=account.version,
        updated_at=account.updated_at,
        settings_since=account.settings_since,
    )
    _send(connection, event_type, state)


def _send(connection: Connection, event_type: str, state: AccountStateV1) -> None:
    add_event(connection, "/services/auth", event_type, subject=state.id, body=state)


def _state(
    account: Account,
    *,
    deleted: bool,
    version: int,
    updated_at: datetime,
    settings_since: datetime,
) -> AccountStateV1:
    return AccountStateV1(
        id=str(account.id),
        time_zone=account.time_zone,
        locale=account.locale,
        is_active=account.is_active,
        created_at=account.created_at,
        updated_at=updated_at,
        settings_since=settings_since,
        quiet_from=account.quiet_from,
        quiet_to=account.quiet_to,
        day_starts_at=account.day_starts_at,
        weekly_digest=account.weekly_digest,
        deleted=deleted,
        version=version,
    )
