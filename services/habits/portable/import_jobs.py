"""Imports as rows: what is to be taken in, how far it is, and what came of it.

The file is kept until its last part is done, the report for 30 days.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine, func, insert, select, update

from services.habits.owners import lock_owner, refuse_erased
from services.habits.portable.carried_habits import Rejected
from services.habits.tables import imports
from shared.contracts.day_commands import RunImportV1, command_to_json
from shared.contracts.topology import HABITS_COMMANDS
from shared.database import transaction
from shared.outbox.table import add_message
from shared.pruning import Retention

PENDING, RUNNING, DONE, FAILED = "pending", "running", "done", "failed"

IMPORTS_KEPT = Retention(imports.c.created_at, timedelta(days=30))

# A report that nobody could read helps nobody.
MOST_REJECTED = 1000


class ImportNotFound(Exception):
    """The account has no such import."""


class ImportUnderWay(Exception):
    """One import of the account at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of an import by now."""

    id: UUID
    status: str
    imported: int
    rejected: list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it came; time and place are for habits that name none."""

    payload: bytes
    default_time: str
    default_place: str


def begin_import(engine: Engine, owner_id: UUID, upload: Upload, at: datetime) -> UUID:
    """Store a file, and have it taken in. Raises ImportUnderWay, AccountErased."""
    import_id = uuid.uuid4()
    with transaction(engine) as connection:
        lock_owner(connection, owner_id)
        under_way = select(imports.c.id).where(
            imports.c.account_id == owner_id, imports.c.status.in_((PENDING, RUNNING))
        )
        if connection.execute(under_way).first() is not None:
            raise ImportUnderWay
        connection.execute(
            insert(imports).values(
                id=import_id,
                account_id=owner_id,
                status=PENDING,
                created_at=at,
                **asdict(upload),
            )
        )
        command = RunImportV1(
            command_id=str(import_id), account_id=owner_id, import_id=import_id, at=at
        )
        add_message(connection, HABITS_COMMANDS, str(owner_id), command_to_json(command))
    return import_id


def report_of(engine: Engine, owner_id: UUID, import_id: UUID) -> Report:
    """Return how far an import is. Raises ImportNotFound, AccountErased."""
    columns = imports.c
    query = select(columns.id, columns.status, columns.imported, columns.rejected).where(
        columns.id == import_id, columns.account_id == owner_id
    )
    with transaction(engine) as connection:
        refuse_erased(connection, owner_id)
        row = connection.execute(query).one_or_none()
    if row is None:
        raise ImportNotFound
    return Report(id=row.id, status=row.status, imported=row.imported, rejected=row.rejected)


def lock_import(connection: Connection, import_id: UUID) -> int | None:
    """Lock an import; return its next part.

    None if it is over, or somebody else has it in hand.
    """
    query = select(imports.c.next_part).where(
        imports.c.id == import_id, imports.c.status.in_((PENDING, RUNNING))
    )
    return connection.execute(query.with_for_update(skip_locked=True)).scalar_one_or_none()


def read_upload(connection: Connection, import_id: UUID) -> Upload:
    """Return the file of an import that is not over."""
    columns = imports.c
    query = select(columns.payload, columns.default_time, columns.default_place)
    row = connection.execute(query.where(columns.id == import_id)).one()
    return Upload(
        payload=bytes(row.payload),
        default_time=row.default_time,
        default_place=row.default_place,
    )


def note_part(
    connection: Connection,
    import_id: UUID,
    next_part: int,
    *,
    imported: int = 0,
    rejected: Sequence[Rejected] = (),
) -> None:
    """Say that all parts before `next_part` are done, in the transaction that did the last."""
    told = [asdict(each) for each in rejected]
    room = func.greatest(MOST_REJECTED - func.jsonb_array_length(imports.c.rejected), 0)
    is_room = room >= len(told)
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id)
        .values(status=RUNNING, next_part=next_part, imported=imports.c.imported + imported)
    )
    if told:
        connection.execute(
            update(imports)
            .where(imports.c.id == import_id, is_room)
            .values(rejected=imports.c.rejected + told)
        )


def end_import(connection: Connection, import_id: UUID, status: str) -> None:
    """Say that an import is over; its file is not kept."""
    connection.execute(
        update(imports).where(imports.c.id == import_id).values(status=status, payload=None)
    )
