"""Erasing an account: its events, its habits and every text of them are gone for good.

What stays are tombstones without content: the owner's row, by which a still valid access token is
refused, and a row for each stream. Other services hear of each habit's end with blank texts, also
of habits deleted before, and of each recorded day's, so that a state they kept is overwritten.
Doing it again changes nothing.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, select, text, update

from services.habits.days import day_messages, day_table
from services.habits.days.stored_days import DAYS
from services.habits.owners import lock_for_erasure, mark_erased
from services.habits.public_events import announce_erasure
from services.habits.stored_events import HABITS
from services.habits.tables import (
    account_time_zones,
    days,
    events,
    habit_copies,
    habits,
    handled_commands,
    imports,
    streams,
)
from services.habits.writing_level import SCHEDULES_LEVEL, WritingLevel
from shared.http.idempotency_keys import forget_keys


def erase_account(
    connection: Connection, account_id: UUID, account_version: int, at: datetime
) -> int:
    """Erase everything of the account; return the number of habits, 0 when it was done before."""
    if lock_for_erasure(connection, account_id) is not None:
        return 0
    mark_erased(connection, account_id, account_version)
    erased = _bury_streams(connection, account_id, at)
    recorded_days = day_table.of_owner(connection, account_id)
    connection.execute(delete(days).where(days.c.owner_id == account_id))
    connection.execute(
        delete(account_time_zones).where(account_time_zones.c.account_id == account_id)
    )
    connection.execute(delete(habits).where(habits.c.owner_id == account_id))
    mine = select(streams.c.id).where(streams.c.owner_id == account_id)
    connection.execute(delete(habit_copies).where(habit_copies.c.habit_id.in_(mine)))
    connection.execute(delete(imports).where(imports.c.account_id == account_id))
    forget_keys(connection, str(account_id))
    connection.execute(delete(handled_commands).where(handled_commands.c.account_id == account_id))
    connection.execute(text("SET LOCAL habits.erasure = 'on'"))
    of_account = select(streams.c.id).where(streams.c.owner_id == account_id)
    connection.execute(delete(events).where(events.c.stream_id.in_(of_account)))
    habit_ends = erased[HABITS.name]
    in_version_1 = not WritingLevel().allows(connection, SCHEDULES_LEVEL)
    for habit_id, version in habit_ends:
        announce_erasure(connection, habit_id, account_id, at, version, in_version_1=in_version_1)
    day_messages.announce_erasure(connection, recorded_days, dict(erased[DAYS.name]), at)
    return len(habit_ends)


def _bury_streams(
    connection: Connection, account_id: UUID, at: datetime
) -> Mapping[str, list[tuple[UUID, int]]]:
    """Return the last version of each stream, by kind.

    Moves each stream one version on, so that nothing can be appended to what was.
    """
    buried = connection.execute(
        update(streams)
        .where(streams.c.owner_id == account_id)
        .values(version=streams.c.version + 1, erased_at=at)
        .returning(streams.c.kind, streams.c.id, streams.c.version)
    )
    by_kind: defaultdict[str, list[tuple[UUID, int]]] = defaultdict(list)
    for kind, stream_id, version in buried:
        by_kind[kind].append((stream_id, version))
    return by_kind
