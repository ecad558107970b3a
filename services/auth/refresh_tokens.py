"""Refresh tokens: random, single use, rotated; one stolen and used twice ends its whole family.

A client whose answer got lost may show its token again: for ten seconds, and as long as the
successor is unused, it gets the same successor. The server keeps hashes only; the successor is
sealed under a key made from the token itself, so that nobody but its holder can open it, not even
with the database and all of the service's secrets.

Every function expects the caller to hold the lock of the account's row.
"""

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Connection, delete, insert, select, update

from services.auth.sealing import sealing_key
from services.auth.tables import REFRESH_TOKENS

REFRESH_TOKEN_LIFETIME = timedelta(days=14)
LOST_ANSWER_GRACE = timedelta(seconds=10)
_LONGEST_USER_AGENT = 200
# What every token of a session has in common.
_OF_SESSION = ("account_id", "family_id", "session_since", "user_agent")


@dataclass(frozen=True, slots=True)
class Issued:
    """A refresh token as handed out, and when; the same answer can be given again."""

    token: str
    at: datetime
    family_id: uuid.UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A sign-in that goes on; `user_agent` is what its program called itself then."""

    id: uuid.UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A token that is unknown, revoked or expired."""


@dataclass(frozen=True, slots=True)
class Reused:
    """A token that was used before: its family is gone now."""

    family_id: uuid.UUID


def start_family(
    connection: Connection, account_id: uuid.UUID, now: datetime, user_agent: str | None = None
) -> Issued:
    """Issue the first token of a sign-in."""
    session = {
        "account_id": account_id,
        "family_id": uuid.uuid4(),
        "session_since": now,
        "user_agent": user_agent and user_agent[:_LONGEST_USER_AGENT],
    }
    return _issue(connection, session, now)


def owner(connection: Connection, token: str) -> uuid.UUID | None:
    """Return the account a token was issued to, used or not. Needs no lock."""
    account_id: uuid.UUID | None = connection.scalar(
        select(REFRESH_TOKENS.c.account_id).where(REFRESH_TOKENS.c.token_hash == _hash(token))
    )
    return account_id


def rotate(connection: Connection, token: str, now: datetime) -> Issued | Refused | Reused:
    """Use a token: issue its successor, or the same one again within the grace.

    A token used a second time otherwise takes its family with it: commit in that case too.
    """
    row = connection.execute(
        select(REFRESH_TOKENS).where(REFRESH_TOKENS.c.token_hash == _hash(token))
    ).one_or_none()
    if row is None or row.expires_at <= now:
        return Refused()
    if row.used_at is None:
        successor = _issue(connection, {name: getattr(row, name) for name in _OF_SESSION}, now)
        _mark_used(connection, token, row.family_id, successor)
        return successor
    if row.sealed_successor is not None and now - row.used_at <= LOST_ANSWER_GRACE:
        return Issued(
            _seal(token).decrypt(row.sealed_successor).decode(), row.used_at, row.family_id
        )
    connection.execute(delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.family_id == row.family_id))
    return Reused(row.family_id)


def revoke_family(connection: Connection, token: str) -> None:
    """End the session a token belongs to."""
    family = select(REFRESH_TOKENS.c.family_id).where(REFRESH_TOKENS.c.token_hash == _hash(token))
    connection.execute(
        delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.family_id == family.scalar_subquery())
    )


def revoke_all(connection: Connection, account_id: uuid.UUID) -> None:
    """End all sessions of an account."""
    connection.execute(delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.account_id == account_id))


def open_sessions(
    connection: Connection, account_id: uuid.UUID, now: datetime
) -> tuple[Session, ...]:
    """Return an account's sessions that go on, latest used first. Needs no lock."""
    unused = (
        select(REFRESH_TOKENS)
        .where(
            REFRESH_TOKENS.c.account_id == account_id,
            REFRESH_TOKENS.c.used_at.is_(None),
            REFRESH_TOKENS.c.expires_at > now,
        )
        .order_by(REFRESH_TOKENS.c.issued_at.desc(), REFRESH_TOKENS.c.family_id)
    )
    return tuple(
        Session(
            id=row.family_id,
            created_at=row.session_since or row.issued_at,
            last_used_at=row.issued_at,
            expires_at=row.expires_at,
            user_agent=row.user_agent,
        )
        for row in connection.execute(unused)
    )


def end_session(connection: Connection, account_id: uuid.UUID, session_id: uuid.UUID) -> bool:
    """End one session of an account; return whether there was one."""
    ended = connection.execute(
        delete(REFRESH_TOKENS).where(
            REFRESH_TOKENS.c.family_id == session_id, REFRESH_TOKENS.c.account_id == account_id
        )
    )
    return ended.rowcount > 0


def _issue(connection: Connection, session: Mapping[str, Any], now: datetime) -> Issued:
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(REFRESH_TOKENS).values(
            **session,
            token_hash=_hash(token),
            issued_at=now,
            expires_at=now + REFRESH_TOKEN_LIFETIME,
        )
    )
    return Issued(token, now, session["family_id"])


def _mark_used(connection: Connection, token: str, family_id: uuid.UUID, successor: Issued) -> None:
    # Using a token proves that the answer which brought it arrived: its own repetition ends here.
    connection.execute(
        update(REFRESH_TOKENS)
        .where(
            REFRESH_TOKENS.c.family_id == family_id, REFRESH_TOKENS.c.sealed_successor.is_not(None)
        )
        .values(sealed_successor=None)
    )
    connection.execute(
        update(REFRESH_TOKENS)
        .where(REFRESH_TOKENS.c.token_hash == _hash(token))
        .values(
            used_at=successor.at, sealed_successor=_seal(token).encrypt(successor.token.encode())
        )
    )


def _seal(token: str) -> Fernet:
    return sealing_key(token.encode(), "successor of a refresh token")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
