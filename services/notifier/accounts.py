"""What the notifier knows of an account: its language, and whether it has been erased.

The row is also the lock between using an account and erasing it: users share it, erasure has it
alone, so nothing of an erased account can be written after the erasure.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from services.notifier.tables import ACCOUNTS
from services.notifier.translations import DEFAULT_LOCALE

_SHARE = (
    select(ACCOUNTS.c.locale, ACCOUNTS.c.deleted)
    .where(ACCOUNTS.c.account_id == bindparam("wanted"))
    .with_for_update(read=True)
)


@dataclass(frozen=True, slots=True)
class Account:
    account_id: str
    locale: str
    deleted: bool


def share_account(connection: Connection, account_id: str) -> Account:
    """Return the account and keep it from being erased until the transaction ends.

    An account whose `account.registered` has not arrived yet gets a placeholder.
    """
    row = connection.execute(_SHARE, {"wanted": account_id}).one_or_none()
    if row is None:
        connection.execute(insert(ACCOUNTS).values(account_id=account_id).on_conflict_do_nothing())
        row = connection.execute(_SHARE, {"wanted": account_id}).one()
    return Account(account_id, row.locale or DEFAULT_LOCALE, row.deleted)


def store_account(
    connection: Connection, account_id: str, *, locale: str, deleted: bool, version: int
) -> bool:
    """Take over a newer state; False when this state or a later one is known already."""
    statement = insert(ACCOUNTS).values(
        account_id=account_id, locale=locale, deleted=deleted, version=version
    )
    changed = connection.scalar(
        statement.on_conflict_do_update(
            index_elements=[ACCOUNTS.c.account_id],
            set_={
                "locale": statement.excluded.locale,
                "deleted": statement.excluded.deleted,
                "version": statement.excluded.version,
            },
            where=(ACCOUNTS.c.version < statement.excluded.version) & ~ACCOUNTS.c.deleted,
        ).returning(ACCOUNTS.c.account_id)
    )
    return changed is not None
