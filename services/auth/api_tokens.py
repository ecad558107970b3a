"""Personal tokens, which belong to an account, and service tokens, which belong to nobody.

A token is random, so its SHA-256 needs no stretching and is all that is stored. Whoever makes one
sees it once. When it was last used is kept by the day: a write a day, not one a request.
"""

import hashlib
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql

from services.auth.tables import ACCOUNTS, API_TOKENS
from services.auth.token_text import PERSONAL, SERVICE, beginning, new_token

MOST_TOKENS = 50


class TooManyTokens(Exception):
    """The account has as many tokens as it may."""


class NameTaken(Exception):
    """Another service token has this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token as stored; `account_id` is None for a service token."""

    id: uuid.UUID
    account_id: uuid.UUID | None
    name: str
    scopes: list[str]
    starts_with: str
    created_at: datetime
    expires_at: datetime | None
    last_used_on: date | None


_SHOWN = [API_TOKENS.c[field.name] for field in fields(ApiToken)]


def create_personal_token(
    connection: Connection,
    account_id: uuid.UUID,
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Make a token; return it as stored, and as shown once. Raises TooManyTokens.

    Expects the caller to hold the lock of the account's row.
    """
    count = select(func.count()).where(API_TOKENS.c.account_id == account_id)
    if connection.execute(count).scalar_one() >= MOST_TOKENS:
        raise TooManyTokens
    text = new_token(PERSONAL)
    columns = {"account_id": account_id, "name": name, "scopes": sorted(scopes)}
    times = {"created_at": now, "expires_at": expires_at}
    row = connection.execute(_insert(text, columns | times)).mappings().one()
    return ApiToken(**row), text


def create_service_token(
    connection: Connection, *, name: str, scopes: Collection[str], now: datetime
) -> str:
    """Make a service token; return it as shown once. Raises NameTaken."""
    text = new_token(SERVICE)
    columns = {"name": name, "scopes": sorted(scopes), "created_at": now}
    made = _insert(text, columns).on_conflict_do_nothing(
        index_elements=[API_TOKENS.c.name], index_where=API_TOKENS.c.account_id.is_(None)
    )
    if connection.execute(made).one_or_none() is None:
        raise NameTaken(f"there is a service token with the name {name}")
    return text


def tokens_of(connection: Connection, account_id: uuid.UUID | None) -> tuple[ApiToken, ...]:
    """Return an account's tokens, or with None the service tokens; oldest first."""
    rows = connection.execute(
        select(*_SHOWN)
        .where(API_TOKENS.c.account_id.is_not_distinct_from(account_id))
        .order_by(API_TOKENS.c.created_at, API_TOKENS.c.id)
    )
    return tuple(ApiToken(**row) for row in rows.mappings())


def revoke_personal_token(
    connection: Connection, account_id: uuid.UUID, token_id: uuid.UUID
) -> bool:
    """Delete one token of an account; return whether there was one."""
    one = delete(API_TOKENS).where(
        API_TOKENS.c.id == token_id, API_TOKENS.c.account_id == account_id
    )
    return connection.execute(one).rowcount > 0


def revoke_personal_tokens(connection: Connection, account_id: uuid.UUID) -> None:
    """Delete all tokens of an account."""
    connection.execute(delete(API_TOKENS).where(API_TOKENS.c.account_id == account_id))


def revoke_service_token(connection: Connection, name: str) -> bool:
    """Delete the service token of that name; return whether there was one."""
    one = delete(API_TOKENS).where(API_TOKENS.c.name == name, API_TOKENS.c.account_id.is_(None))
    return connection.execute(one).rowcount > 0


def usable_token(connection: Connection, text: str, now: datetime) -> ApiToken | None:
    """Return the token of a text, if it is one, has not expired, and its account is active."""
    row = (
        connection.execute(
            select(*_SHOWN)
            .join_from(API_TOKENS, ACCOUNTS, isouter=True)
            .where(
                API_TOKENS.c.token_hash == _hash(text),
                or_(API_TOKENS.c.expires_at.is_(None), API_TOKENS.c.expires_at > now),
                or_(API_TOKENS.c.account_id.is_(None), ACCOUNTS.c.is_active),
            )
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else ApiToken(**row)


def mark_used(connection: Connection, token: ApiToken, today: date) -> None:
    """Remember that a token was used on a date (UTC)."""
    connection.execute(
        update(API_TOKENS).where(API_TOKENS.c.id == token.id).values(last_used_on=today)
    )


def _insert(text: str, columns: Mapping[str, Any]) -> Any:
    return (
        postgresql.insert(API_TOKENS)
        .values(id=uuid.uuid4(), token_hash=_hash(text), starts_with=beginning(text), **columns)
        .returning(*_SHOWN)
    )


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
