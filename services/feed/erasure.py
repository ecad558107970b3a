"""Erasing an account: nothing that it wrote stays in the log, nor enters it later.

What stays of its events is their place and their id, so that a reader's cursor remains good, and
those that say that something has ended: `account.deleted` itself, and the deletions without texts
that come after it.
"""

from collections.abc import Collection

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.feed.log_entry import ERASED
from services.feed.tables import ERASED_ACCOUNTS, LOG, WEBHOOKS


def erase_accounts(connection: Connection, account_ids: Collection[str | None]) -> None:
    """Blank all that is in the log of these accounts, unless that has been done before."""
    if not account_ids:
        return
    ended = connection.scalars(
        upsert(ERASED_ACCOUNTS)
        .values([{"account_id": account_id} for account_id in account_ids])
        .on_conflict_do_nothing()
        .returning(ERASED_ACCOUNTS.c.account_id)
    ).all()
    connection.execute(delete(WEBHOOKS).where(WEBHOOKS.c.account_id.in_(ended)))
    connection.execute(update(LOG).where(LOG.c.account_id.in_(ended)).values(dict.fromkeys(ERASED)))


def erased_among(connection: Connection, account_ids: Collection[str | None]) -> set[str]:
    """Return those of the accounts that have been erased."""
    found = connection.scalars(
        select(ERASED_ACCOUNTS.c.account_id).where(ERASED_ACCOUNTS.c.account_id.in_(account_ids))
    )
    return set(found)
