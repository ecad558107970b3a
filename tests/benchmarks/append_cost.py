"""What the event store's guard costs: `append` against a plain insert of the same rows.

Both commit one event a transaction to the same kind of table with the same indexes; the plain one
has no stream row, so nothing would keep two writers from the same version. They take turns.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from datetime import time as local_time
from uuid import UUID, uuid4

from sqlalchemy import Engine, insert, text

from services.habits import stored_events
from services.habits.event_store import EventStore
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import HabitChanged, HabitCreated, HabitEvent
from services.habits.stored_events import HABITS
from services.habits.tables import events
from shared.database import new_metadata, transaction
from tests.benchmarks.table import Row

ROUNDS = 7
STREAMS_A_ROUND = 20
EVENTS_A_STREAM = 10
WRITERS = (1, 8)

_NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
_OWNER = UUID(int=7)
_META = {"actor": str(_OWNER), "request_id": None}
_STORE = EventStore(HABITS)

_plain = events.to_metadata(new_metadata(), name="plain_events")

Write = Callable[[Engine], None]


def measure(engine: Engine) -> list[Row]:
    """Return a row for each number of writers."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE plain_events (LIKE events INCLUDING ALL)"))
    return [row for writers in WRITERS for row in _compare(engine, writers)]


def _compare(engine: Engine, writers: int) -> list[Row]:
    appends: list[float] = []
    inserts: list[float] = []
    for _ in range(ROUNDS):
        appends.append(_events_a_second(engine, _append_stream, writers))
        inserts.append(_events_a_second(engine, _insert_stream, writers))
    ratio = statistics.median(
        plain / guarded for plain, guarded in zip(inserts, appends, strict=True)
    )
    return [
        Row(f"append, {writers} at a time", f"{statistics.median(appends):7.0f} events/s"),
        Row(f"plain insert, {writers} at a time", f"{statistics.median(inserts):7.0f} events/s"),
        Row("plain : append", f"{ratio:7.2f} : 1"),
    ]


def _events_a_second(engine: Engine, write_stream: Write, writers: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        for written in [pool.submit(write_stream, engine) for _ in range(STREAMS_A_ROUND)]:
            written.result()
    return STREAMS_A_ROUND * EVENTS_A_STREAM / (time.perf_counter() - began)


def _append_stream(engine: Engine) -> None:
    stream_id = uuid4()
    for version, event in enumerate(_events(stream_id)):
        with transaction(engine) as connection:
            _STORE.append(
                connection,
                stream_id,
                [event],
                owner_id=_OWNER,
                expected_version=version,
                meta=_META,
            )


def _insert_stream(engine: Engine) -> None:
    stream_id = uuid4()
    for version, event in enumerate(_events(stream_id), start=1):
        row = {
            "stream_id": stream_id,
            "version": version,
            "event_id": uuid4(),
            "type": stored_events.stored_type(event),
            "schema_version": 1,
            "data": stored_events.to_data(event),
            "meta": _META,
        }
        with transaction(engine) as connection:
            connection.execute(insert(_plain), [row])


def _events(stream_id: UUID) -> list[HabitEvent]:
    details = HabitDetails(
        action="Read", place="Sofa", times=(local_time(21),), duration_seconds=90
    )
    created = HabitCreated(habit_id=stream_id, owner_id=_OWNER, details=details, at=_NOW)
    moves = [
        HabitChanged.of({"place": f"Place {number}"}, _NOW) for number in range(1, EVENTS_A_STREAM)
    ]
    return [created, *moves]
