"""Registering, once for each `Idempotency-Key`.

Nobody is signed in here, so a key belongs to the e-mail address it is used for: two people may use
the same. Who shows a key that was used before proves with the password to be the client that used
it: anybody else gets the conflict that would come without a key. Of the password nothing is kept
but the account's hash.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from services.auth.accounts import Account, EmailTaken, account_by_email, register
from services.auth.email_addresses import email_hash
from services.auth.parts import Parts
from services.auth.rate_limits import WrongPassword
from services.auth.sign_in import prove_password
from shared.database import transaction
from shared.http.idempotency import KeyReused, Made, RequestKey, use_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a client asks for; `locale` may come from its headers, where the body has none."""

    email: str
    time_zone: str
    locale: str


def register_once(
    parts: Parts, wanted: Registration, password: str, key: RequestKey | None, now: datetime
) -> Account:
    """Register; with a key that came before, return the account as it was registered then.

    Raises EmailTaken, KeyReused, LimitReached and HashingBusy.
    """
    password_hash = parts.passwords.hash(password)
    try:
        with transaction(parts.engine) as connection:
            earlier = _use(connection, wanted, key, now)
            if earlier is None:
                return register(
                    connection,
                    email=wanted.email,
                    password_hash=password_hash,
                    time_zone=wanted.time_zone,
                    locale=wanted.locale,
                    now=now,
                )
    except KeyReused:
        _proven_account(parts, wanted.email, password)
        raise
    account = _proven_account(parts, wanted.email, password)
    return replace(account, time_zone=wanted.time_zone, locale=earlier["locale"])


def _use(
    connection: Connection, wanted: Registration, key: RequestKey | None, now: datetime
) -> Made | None:
    if key is None:
        return None
    return use_key(connection, email_hash(wanted.email), key, {"locale": wanted.locale}, now)


def _proven_account(parts: Parts, email: str, password: str) -> Account:
    with parts.engine.connect() as connection:
        account = account_by_email(connection, email)
    try:
        return prove_password(parts, email, account, password)
    except WrongPassword:
        raise EmailTaken(f"an account with the e-mail {email} exists") from None
