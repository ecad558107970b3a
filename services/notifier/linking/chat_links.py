"""The link between an account and the one chat that agreed to get its reminders.

    unlinked -- the chat agrees --> linked -- the chat blocks the bot --> blocked
    linked, blocked -- /stop, DELETE, erasure, another account takes the chat --> unlinked
    blocked -- the chat unblocks the bot --> linked (it had agreed before it blocked)

Every change raises the row's version and stores its event in the same transaction. A chat belongs
to one account at a time; whoever it agreed with last has it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.notifier.tables import CHAT_LINKS
from shared.contracts.events import (
    TELEGRAM_BLOCKED,
    TELEGRAM_LINKED,
    TELEGRAM_UNLINKED,
    ChatLinkStateV1,
)
from shared.outbox.table import add_event

SOURCE = "/services/notifier"

Status = Literal["linked", "unlinked", "blocked"]

_EVENT_TYPES: dict[Status, str] = {
    "linked": TELEGRAM_LINKED,
    "unlinked": TELEGRAM_UNLINKED,
    "blocked": TELEGRAM_BLOCKED,
}
# Links change rarely and in milliseconds: that one may be *made* at a time keeps two accounts from
# taking the same chat, and two chats from being given to one account.
_LINKING = 5_077_101


# Made once: it runs for every reminder.
_LINKED_CHAT = select(CHAT_LINKS.c.chat_id).where(
    CHAT_LINKS.c.account_id == bindparam("wanted"), CHAT_LINKS.c.status == "linked"
)


def read_link(connection: Connection, account_id: str) -> Row[Any] | None:
    """Return an account's row; None when it never had a chat."""
    return connection.execute(
        select(CHAT_LINKS).where(CHAT_LINKS.c.account_id == account_id)
    ).one_or_none()


def linked_chat(connection: Connection, account_id: str) -> int | None:
    """Return the chat that gets the account's reminders now."""
    return connection.scalar(_LINKED_CHAT, {"wanted": account_id})


def linked_account(connection: Connection, chat_id: int) -> str | None:
    """Return the account that a chat belongs to."""
    return connection.scalar(select(CHAT_LINKS.c.account_id).where(CHAT_LINKS.c.chat_id == chat_id))


def link(connection: Connection, account_id: str, chat_id: int, at: datetime) -> None:
    """Give the chat to the account: the chat has agreed."""
    own: Row[Any] | None = None
    for row in _lock_for_linking(connection, account_id, chat_id):
        if row.account_id == account_id:
            own = row
        else:
            _store(connection, row.account_id, row, "unlinked", at)
    if own is None or own.status != "linked" or own.chat_id != chat_id:
        _store(connection, account_id, own, "linked", at, chat_id=chat_id, linked_at=at)


def unlink(connection: Connection, account_id: str, at: datetime) -> bool:
    """Take the chat from the account; False when it has none."""
    row = _lock(connection, CHAT_LINKS.c.account_id == account_id)
    if row is None or row.status == "unlinked":
        return False
    _store(connection, account_id, row, "unlinked", at)
    return True


def block(connection: Connection, chat_id: int, at: datetime) -> None:
    """Note that the bot may not write to this chat any more."""
    row = _lock(connection, CHAT_LINKS.c.chat_id == chat_id)
    if row is not None and row.status == "linked":
        _store(
            connection,
            row.account_id,
            row,
            "blocked",
            at,
            chat_id=chat_id,
            linked_at=row.linked_at,
        )


def change_membership(
    connection: Connection, chat_id: int, *, blocked: bool, changed_at: datetime, at: datetime
) -> None:
    """Note that the chat blocked or unblocked the bot at `changed_at`; older news are ignored."""
    row = _lock(connection, CHAT_LINKS.c.chat_id == chat_id)
    if row is None or (row.membership_at is not None and changed_at < row.membership_at):
        return
    status: Status = "blocked" if blocked else "linked"
    if row.status != status:
        _store(
            connection,
            row.account_id,
            row,
            status,
            at,
            chat_id=chat_id,
            linked_at=row.linked_at,
        )
    connection.execute(
        CHAT_LINKS.update()
        .where(CHAT_LINKS.c.account_id == row.account_id)
        .values(membership_at=changed_at)
    )


def erase_link(connection: Connection, account_id: str, at: datetime) -> None:
    """Remove every trace of an account's chat, after saying that it is no longer linked."""
    unlink(connection, account_id, at)
    connection.execute(delete(CHAT_LINKS).where(CHAT_LINKS.c.account_id == account_id))


def _lock_for_linking(connection: Connection, account_id: str, chat_id: int) -> Sequence[Row[Any]]:
    connection.execute(select(func.pg_advisory_xact_lock(_LINKING)))
    return connection.execute(
        select(CHAT_LINKS)
        .where(or_(CHAT_LINKS.c.account_id == account_id, CHAT_LINKS.c.chat_id == chat_id))
        .order_by(CHAT_LINKS.c.account_id)
        .with_for_update()
    ).all()


def _lock(connection: Connection, condition: Any) -> Row[Any] | None:
    return connection.execute(select(CHAT_LINKS).where(condition).with_for_update()).one_or_none()


def _store(
    connection: Connection,
    account_id: str,
    before: Row[Any] | None,
    status: Status,
    at: datetime,
    *,
    chat_id: int | None = None,
    linked_at: datetime | None = None,
) -> None:
    """Write the next version of a locked row, and its event."""
    version = 1 if before is None else before.version + 1
    linked_since = _linked_since(before, status, at)
    state = {
        "chat_id": chat_id,
        "status": status,
        "linked_at": linked_at,
        "linked_since": linked_since,
        "updated_at": at,
        "version": version,
    }
    connection.execute(
        insert(CHAT_LINKS)
        .values(account_id=account_id, **state)
        .on_conflict_do_update(index_elements=[CHAT_LINKS.c.account_id], set_=state)
    )
    _tell(connection, account_id, state)


def tell_again(connection: Connection, row: Row[Any]) -> None:
    """Tell the present state of a link once more. Its row must be locked."""
    names = ("chat_id", "status", "linked_at", "linked_since", "updated_at", "version")
    _tell(connection, row.account_id, {name: getattr(row, name) for name in names})


def _tell(connection: Connection, account_id: str, state: dict[str, Any]) -> None:
    chat_id = state["chat_id"]
    link = ChatLinkStateV1(
        **{**state, "chat_id": None if chat_id is None else str(chat_id)}, account_id=account_id
    )
    # In the outbox they keep the key of releases in which the account's id was the subject, too:
    # with another one they could overtake what such a release has stored.
    event_type = _EVENT_TYPES[link.status]
    add_event(connection, SOURCE, event_type, link.id, link, ordering_key=account_id)


def _linked_since(before: Row[Any] | None, status: Status, at: datetime) -> datetime | None:
    if status != "linked":
        return None
    if before is None or before.status != "linked":
        return at
    # A process of the release before, still running, stores links without it.
    since: datetime = before.linked_since or before.updated_at
    return since
