"""Open requests to link a chat: a code to be sent from any private chat, or a question to one chat.

An account has one open request; a new one replaces it. A code is 128 random bits, stored as a hash,
good for ten minutes and for one use. A request links only what the chat itself agrees to: the chat
that sends the code, or the asked chat that presses `yes`.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from services.notifier.accounts import Account, share_account
from services.notifier.linking.chat_links import link, linked_account
from services.notifier.tables import LINK_REQUESTS

VALID_FOR = timedelta(minutes=10)
VALID_FOR_MINUTES = 10

_CODE_BYTES = 16


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What the asker is told; only a hash of `code` is kept."""

    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Linked:
    account: Account


@dataclass(frozen=True, slots=True)
class Declined:
    account: Account


@dataclass(frozen=True, slots=True)
class TakesChatAway:
    """The code is good, but the chat belongs to another account; nothing has happened yet."""


@dataclass(frozen=True, slots=True)
class NotOpen:
    """Unknown, used, too old, replaced, or not for this chat."""


def new_code() -> str:
    """Return a code nobody can guess."""
    return code_of(secrets.token_bytes(_CODE_BYTES))


def code_of(chance: bytes) -> str:
    """Return the code that random bytes make, at least 16 of them."""
    return base64.urlsafe_b64encode(chance[:_CODE_BYTES]).rstrip(b"=").decode()


def open_request(
    connection: Connection,
    account_id: str,
    chat_id: int | None,
    at: datetime,
    code: str | None = None,
) -> OpenRequest:
    """Open a request in the place of the account's older one; `chat_id` is the chat to be asked."""
    code = code or new_code()
    values = {"code_hash": _hash(code), "chat_id": chat_id, "expires_at": at + VALID_FOR}
    connection.execute(
        insert(LINK_REQUESTS)
        .values(account_id=account_id, **values)
        .on_conflict_do_update(index_elements=[LINK_REQUESTS.c.account_id], set_=values)
    )
    return OpenRequest(code, at + VALID_FOR)


def read_request(connection: Connection, account_id: str, at: datetime) -> Row[Any] | None:
    """Return the account's open request."""
    return connection.execute(
        select(LINK_REQUESTS).where(
            LINK_REQUESTS.c.account_id == account_id, LINK_REQUESTS.c.expires_at > at
        )
    ).one_or_none()


def close_request(connection: Connection, account_id: str) -> None:
    """Withdraw the account's open request, if there is one."""
    connection.execute(delete(LINK_REQUESTS).where(LINK_REQUESTS.c.account_id == account_id))


def use_code(
    connection: Connection, code: str, chat_id: int, at: datetime, *, may_take_away: bool = False
) -> Linked | TakesChatAway | NotOpen:
    """Link the private chat that sent a code.

    It is taken from another account only with `may_take_away`: when the chat has said so.
    """
    matches = _open(code, None, at)
    asker, owner = _asker(connection, matches), linked_account(connection, chat_id)
    if asker is None:
        return NotOpen()
    if owner not in {None, asker} and not may_take_away:
        return TakesChatAway()
    account = _take(connection, asker, matches)
    if account is None:
        return NotOpen()
    link(connection, account.account_id, chat_id, at)
    return Linked(account)


def answer_question(
    connection: Connection, code: str, chat_id: int, at: datetime, *, agreed: bool
) -> Linked | Declined | NotOpen:
    """Take the answer that came from a chat; only the asked chat's counts."""
    matches = _open(code, chat_id, at)
    asker = _asker(connection, matches)
    account = None if asker is None else _take(connection, asker, matches)
    if account is None:
        return NotOpen()
    if not agreed:
        return Declined(account)
    link(connection, account.account_id, chat_id, at)
    return Linked(account)


def _open(code: str, asked_chat_id: int | None, at: datetime) -> ColumnElement[bool]:
    """Match an open request that is a question to exactly this chat, or for any chat."""
    return (
        (LINK_REQUESTS.c.code_hash == _hash(code))
        & LINK_REQUESTS.c.chat_id.is_not_distinct_from(asked_chat_id)
        & (LINK_REQUESTS.c.expires_at > at)
    )


def _asker(connection: Connection, matches: ColumnElement[bool]) -> str | None:
    return connection.scalar(select(LINK_REQUESTS.c.account_id).where(matches))


def _take(connection: Connection, account_id: str, matches: ColumnElement[bool]) -> Account | None:
    """Use up the account's request; None when it is gone."""
    # The account before the request, as erasure locks them. The DELETE then finds one winner, and
    # none after an erasure, which has deleted the request.
    account = share_account(connection, account_id)
    used = connection.execute(delete(LINK_REQUESTS).where(matches)).rowcount == 1
    return account if used else None


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
