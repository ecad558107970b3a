"""One row for each account: the lock that serialises its commands, and the mark of its erasure.

A link joins two habits of one owner, so no single stream's version can guard it: without this lock
one request could link to a habit while another makes it unpleasant or deletes it. The same lock
keeps a late command from bringing back data of an account that is being erased.
"""

from uuid import UUID

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.habits.tables import owners

_ADD = upsert(owners).on_conflict_do_nothing()
_READ = select(owners.c.erased_version).where(owners.c.id == bindparam("owner_id"))
_LOCK = _READ.with_for_update()


class AccountErased(Exception):
    """The account is gone; its still valid access token counts for nothing."""


def lock_owner(connection: Connection, owner_id: UUID) -> None:
    """Make the account's other commands wait until this transaction ends. Raises AccountErased."""
    if lock_for_erasure(connection, owner_id) is not None:
        raise AccountErased(str(owner_id))


def lock_for_erasure(connection: Connection, owner_id: UUID) -> int | None:
    """Lock like `lock_owner`; return the account version of an erasure that has already been."""
    owner = {"owner_id": owner_id}
    locked = connection.execute(_LOCK, owner).first()
    if locked is None:
        connection.execute(_ADD, {"id": owner_id})
        locked = connection.execute(_LOCK, owner).one()
    erased_version: int | None = locked.erased_version
    return erased_version


def refuse_erased(connection: Connection, owner_id: UUID) -> None:
    """Check without a lock, for reading. Raises AccountErased."""
    erased_version = connection.execute(_READ, {"owner_id": owner_id}).scalar_one_or_none()
    if erased_version is not None:
        raise AccountErased(str(owner_id))


def mark_erased(connection: Connection, owner_id: UUID, account_version: int) -> None:
    """Record the erasure; the row must be locked by `lock_for_erasure`."""
    connection.execute(
        update(owners).where(owners.c.id == owner_id).values(erased_version=account_version)
    )
