"""Updates that the bot could not handle, kept whole until they are tried again.

A bug of ours must not stop the updates behind the one it trips over. Such an update counts as
handled, and waits here until somebody has mended the bug and has it tried again, or forgets it.
They are personal data: after two weeks they are forgotten.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects.postgresql import insert

from services.notifier.tables import UNHANDLED_UPDATES

_COLUMNS = UNHANDLED_UPDATES.c


@dataclass(frozen=True, slots=True)
class UnhandledUpdate:
    update_id: int
    raw: bytes
    reason: str
    failed_at: datetime


def keep(connection: Connection, update: UnhandledUpdate) -> None:
    """Keep an update; one that is there already stays as it is."""
    connection.execute(
        insert(UNHANDLED_UPDATES)
        .values(
            update_id=update.update_id,
            raw=update.raw,
            reason=update.reason,
            failed_at=update.failed_at,
        )
        .on_conflict_do_nothing()
    )


def take_out(connection: Connection, update_id: int) -> bytes | None:
    """Take an update out for a new try; it is back when the transaction fails. None: not there."""
    raw: bytes | None = connection.scalar(
        delete(UNHANDLED_UPDATES).where(_COLUMNS.update_id == update_id).returning(_COLUMNS.raw)
    )
    return raw


def kept_updates(engine: Engine) -> list[UnhandledUpdate]:
    """List what waits, in the order it came."""
    query = select(UNHANDLED_UPDATES).order_by(_COLUMNS.update_id)
    with engine.connect() as connection:
        return [
            UnhandledUpdate(row.update_id, row.raw, row.reason, row.failed_at)
            for row in connection.execute(query)
        ]
