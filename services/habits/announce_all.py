"""`announce-all`: the present state of every habit and day, told again; of what is gone, its end.

Of an erased account's days nothing is known any more, not even their dates; that the account and
its habits are gone tells of them.
"""

from collections.abc import Collection, Sequence
from functools import cache, partial, reduce
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, tuple_

from services.habits import public_events
from services.habits.account_clock import read_clock
from services.habits.days import day_messages
from services.habits.days.stored_days import DAYS
from services.habits.event_store import EventStore
from services.habits.habit_events import NoHabit
from services.habits.service import SERVICE
from services.habits.settings import Settings
from services.habits.stored_events import HABITS
from services.habits.tables import owners, streams
from services.habits.writing_level import SCHEDULES_LEVEL, WritingLevel
from shared import announce_all
from shared.announce_all import Told


def run_command(settings: Settings, arguments: Sequence[str]) -> int:
    """Run the command as typed, its own name first; return the exit status."""
    return announce_all.run_command(SERVICE.name, settings.database_url, BATCHES, arguments)


def announce_streams(connection: Connection, after: str | None, limit: int) -> Told | None:
    """Tell the states of habits and days, owner by owner."""
    page = _next_streams(connection, after, limit)
    if not page:
        return None
    # All changes of an account's habits and days wait for this lock, its erasure too.
    connection.execute(
        select(owners.c.id)
        .where(owners.c.id.in_({owner_id for owner_id, _ in page}))
        .order_by(owners.c.id)
        .with_for_update(key_share=True)
    )
    ids = [stream_id for _, stream_id in page]
    rows = connection.execute(
        select(streams).where(streams.c.id.in_(ids)).order_by(streams.c.id)
    ).all()
    told = _tell_habits(connection, [row for row in rows if row.kind == HABITS.name])
    told += _tell_days(connection, [row for row in rows if row.kind == DAYS.name])
    return Told(told, "{}/{}".format(*page[-1]))


def _next_streams(connection: Connection, after: str | None, limit: int) -> list[tuple[UUID, UUID]]:
    place = tuple_(streams.c.owner_id, streams.c.id)
    query = select(streams.c.id, streams.c.owner_id).order_by(streams.c.owner_id, streams.c.id)
    if after:
        owner_id, _, stream_id = after.partition("/")
        query = query.where(place > tuple_(UUID(owner_id), UUID(stream_id)))
    return [(row.owner_id, row.id) for row in connection.execute(query.limit(limit))]


def _tell_habits(connection: Connection, rows: Collection[Row[Any]]) -> int:
    stored = EventStore(HABITS).read_each(connection, [row.id for row in rows])
    in_version_1 = not WritingLevel().allows(connection, SCHEDULES_LEVEL)
    clock_of = cache(partial(read_clock, connection))
    for row in rows:
        if row.erased_at is not None:
            public_events.announce_erasure(
                connection,
                row.id,
                row.owner_id,
                row.erased_at,
                row.version,
                in_version_1=in_version_1,
            )
            continue
        state = reduce(HABITS.evolve, stored[row.id], HABITS.initial)
        if not isinstance(state, NoHabit):
            if state.created_on is None:
                state = clock_of(row.owner_id).settled(state)
            public_events.announce_again(connection, state, in_version_1=in_version_1)
    return len(rows)


def _tell_days(connection: Connection, rows: Collection[Row[Any]]) -> int:
    kept = [row for row in rows if row.erased_at is None]
    stored = EventStore(DAYS).read_each(connection, [row.id for row in kept])
    for row in kept:
        day_messages.announce_again(connection, stored[row.id])
    return len(kept)


BATCHES = {"streams": announce_streams}
