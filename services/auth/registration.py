"""Registering, once for each `Idempotency-Key`.

The key is remembered in the transaction that makes the account; the account's unique e-mail address
and the key's primary key let one of several parallel repetitions win, and the others find its
account. Who shows a key that was used for the same e-mail address proves with the password to be
the client that used it: anybody else gets the conflict that would come without a key. Of the
password nothing is kept but the account's hash.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql

from services.auth.accounts import Account, EmailTaken, register
from services.auth.parts import Parts
from services.auth.rate_limits import WrongPassword
from services.auth.sign_in import prove_password
from services.auth.tables import ACCOUNTS, REGISTRATION_KEYS
from shared.database import transaction
from shared.http.idempotency_key import KEPT, KeyReused


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a client asks for; `locale` may come from its headers, where the body has none."""

    email: str
    time_zone: str
    locale: str
    body_locale: str | None

    def fingerprint(self) -> bytes:
        """Return what tells this body, but for the password, from another."""
        asked = repr((self.email, self.time_zone, self.body_locale))
        return hashlib.sha256(asked.encode()).digest()


@dataclass(frozen=True, slots=True)
class _Earlier:
    """The account that was registered under a key, and what was asked for and given then."""

    account: Account
    fingerprint: bytes
    locale: str


def register_once(
    parts: Parts, wanted: Registration, password: str, key: str | None, now: datetime
) -> Account:
    """Register; with a key that came before, return the account as it was registered then.

    Raises EmailTaken, KeyReused, LimitReached and HashingBusy.
    """
    if earlier := _find(parts, key, now):
        return _again(parts, earlier, wanted, password)
    password_hash = parts.passwords.hash(password)
    try:
        with transaction(parts.engine) as connection:
            account = register(
                connection,
                email=wanted.email,
                password_hash=password_hash,
                time_zone=wanted.time_zone,
                locale=wanted.locale,
                now=now,
            )
            if key is not None:
                _remember(connection, key, account, wanted, now)
    except (EmailTaken, KeyReused):
        # By a repetition in parallel, perhaps.
        if earlier := _find(parts, key, now):
            return _again(parts, earlier, wanted, password)
        raise
    return account


def _find(parts: Parts, key: str | None, now: datetime) -> _Earlier | None:
    if key is None:
        return None
    query = (
        select(ACCOUNTS, REGISTRATION_KEYS.c.fingerprint, REGISTRATION_KEYS.c.locale.label("given"))
        .join(REGISTRATION_KEYS)
        .where(REGISTRATION_KEYS.c.key_hash == _hash(key), REGISTRATION_KEYS.c.used_at > now - KEPT)
    )
    with parts.engine.connect() as connection:
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    account = Account(**{column.name: row[column] for column in ACCOUNTS.columns})
    return _Earlier(account, row["fingerprint"], row["given"])


def _again(parts: Parts, earlier: _Earlier, wanted: Registration, password: str) -> Account:
    if wanted.email != earlier.account.email:
        raise KeyReused
    try:
        account = prove_password(parts, wanted.email, earlier.account, password)
    except WrongPassword:
        raise EmailTaken(f"an account with the e-mail {wanted.email} exists") from None
    if wanted.fingerprint() != earlier.fingerprint:
        raise KeyReused
    return replace(account, time_zone=wanted.time_zone, locale=earlier.locale)


def _remember(
    connection: Connection, key: str, account: Account, wanted: Registration, now: datetime
) -> None:
    """Remember a key with its account, and forget keys that are too old. Raises KeyReused."""
    old = select(REGISTRATION_KEYS.c.key_hash).where(REGISTRATION_KEYS.c.used_at <= now - KEPT)
    connection.execute(
        delete(REGISTRATION_KEYS).where(
            # Whoever else is about to forget the same keys is not waited for.
            REGISTRATION_KEYS.c.key_hash.in_(old.with_for_update(skip_locked=True))
        )
    )
    remembered = connection.scalar(
        postgresql.insert(REGISTRATION_KEYS)
        .values(
            key_hash=_hash(key),
            account_id=account.id,
            fingerprint=wanted.fingerprint(),
            locale=account.locale,
            used_at=now,
        )
        .on_conflict_do_nothing()
        .returning(REGISTRATION_KEYS.c.key_hash)
    )
    if remembered is None:
        raise KeyReused


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
