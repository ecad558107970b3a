"""Builds the read model anew from the events alone, while the service runs.

Commands wait for the length of the rebuild; readers see the old rows until the new ones commit.
The lock is on `streams`, the first table a writer changes: whoever already writes has finished
when it is granted, and whoever comes later waits without holding anything the rebuild needs.
"""

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, text

from services.habits import read_model
from services.habits.days import day_table
from services.habits.days.day_events import RecordedDay
from services.habits.days.stored_days import DAYS
from services.habits.event_store import Event, EventStore, State
from services.habits.habit_events import ActiveHabit
from services.habits.settings import Settings
from services.habits.stored_events import HABITS
from services.habits.tables import days, habits
from shared.database import new_engine, transaction
from shared.process.structured_logs import get_logger

_BATCH_ROWS = 500

_log = get_logger(__name__)


def rebuild_read_model(engine: Engine) -> dict[str, int]:
    """Replace every row of the read model; return the number of rows of each table."""
    with transaction(engine) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(text("LOCK TABLE streams IN SHARE ROW EXCLUSIVE MODE"))
        of_habits = (
            read_model.to_row(state)
            for state in _states(connection, EventStore(HABITS))
            if isinstance(state, ActiveHabit)
        )
        of_days = (
            day_table.to_row(state)
            for state in _states(connection, EventStore(DAYS))
            if isinstance(state, RecordedDay)
        )
        return {
            "habits": _replace(connection, habits, of_habits),
            "days": _replace(connection, days, of_days),
        }


def rebuild(settings: Settings) -> None:
    """Run the rebuild as a process of its own."""
    engine = new_engine(settings.database_url, pool_size=1)
    rows = rebuild_read_model(engine)
    engine.dispose()
    _log.info("read model rebuilt", **rows)


def _replace(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> int:
    rows_written = 0
    connection.execute(delete(table))
    while batch := list(islice(rows, _BATCH_ROWS)):
        connection.execute(insert(table), batch)
        rows_written += len(batch)
    return rows_written


def _states(connection: Connection, store: EventStore[State, Event]) -> Iterator[State]:
    for _, recorded in groupby(store.read_all(connection), key=lambda item: item.stream_id):
        yield store.fold(recorded)
