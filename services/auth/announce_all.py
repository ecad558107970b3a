"""`announce-all`: every account's present state, and that erased ones are gone, told again."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, select

from services.auth import accounts
from services.auth.service import SERVICE
from services.auth.settings import Settings
from services.auth.tables import ACCOUNTS, ERASED_ACCOUNTS
from shared import announce_all
from shared.announce_all import Told
from shared.instants import now


def run_command(settings: Settings, arguments: Sequence[str]) -> int:
    """Run the command as typed, its own name first; return the exit status."""
    return announce_all.run_command(SERVICE.name, settings.database_url, BATCHES, arguments)


def announce_accounts(connection: Connection, after: str | None, limit: int) -> Told | None:
    """Tell the states of accounts, locked so that none of them changes meanwhile."""
    query = select(ACCOUNTS).order_by(ACCOUNTS.c.id).limit(limit)
    if after:
        query = query.where(ACCOUNTS.c.id > uuid.UUID(after))
    rows = connection.execute(query.with_for_update(key_share=True)).mappings().all()
    for row in rows:
        accounts.tell_again(connection, accounts.Account(**row))
    return Told(len(rows), str(rows[-1]["id"])) if rows else None


def announce_erased(connection: Connection, after: str | None, limit: int) -> Told | None:
    """Tell which accounts have been erased."""
    query = select(ERASED_ACCOUNTS).order_by(ERASED_ACCOUNTS.c.id).limit(limit)
    if after:
        query = query.where(ERASED_ACCOUNTS.c.id > uuid.UUID(after))
    rows = connection.execute(query).all()
    for row in rows:
        accounts.tell_erasure_again(connection, row.id, row.version, now())
    return Told(len(rows), str(rows[-1].id)) if rows else None


BATCHES = {"accounts": announce_accounts, "erased": announce_erased}
