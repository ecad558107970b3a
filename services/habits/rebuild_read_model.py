"""Builds the read model anew from the events alone, while the service runs.

Commands wait for the length of the rebuild; readers see the old rows until the new ones commit.
The lock is on `streams`, the first table a writer changes: whoever already writes has finished
when it is granted, and whoever comes later waits without holding anything the rebuild needs.
"""

from collections.abc import Iterator
from itertools import groupby, islice

from sqlalchemy import Connection, Engine, delete, insert, text

from services.habits import read_model
from services.habits.event_store import EventStore
from services.habits.habit_events import ActiveHabit
from services.habits.settings import Settings
from services.habits.stored_events import HABITS, HabitStore
from services.habits.tables import habits
from shared.database import new_engine, transaction
from shared.process.structured_logs import get_logger

_BATCH_ROWS = 500

_log = get_logger(__name__)


def rebuild_read_model(engine: Engine, store: HabitStore) -> int:
    """Replace every row of the read model; return the number of rows."""
    rows_written = 0
    with transaction(engine) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(text("LOCK TABLE streams IN SHARE ROW EXCLUSIVE MODE"))
        connection.execute(delete(habits))
        rows = (read_model.to_row(habit) for habit in _active_habits(connection, store))
        while batch := list(islice(rows, _BATCH_ROWS)):
            connection.execute(insert(habits), batch)
            rows_written += len(batch)
    return rows_written


def rebuild(settings: Settings) -> None:
    """Run the rebuild as a process of its own."""
    engine = new_engine(settings.database_url, pool_size=1)
    count = rebuild_read_model(engine, EventStore(HABITS))
    engine.dispose()
    _log.info("read model rebuilt", habits=count)


def _active_habits(connection: Connection, store: HabitStore) -> Iterator[ActiveHabit]:
    for _, recorded in groupby(store.read_all(connection), key=lambda item: item.stream_id):
        state = store.fold(recorded)
        if isinstance(state, ActiveHabit):
            yield state
