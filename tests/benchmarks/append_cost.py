"""What the event store costs: `append` against a plain insert of the same rows, and a library's.

All commit one event a transaction. The plain insert goes to the same kind of table with the same
indexes, but has no stream row, so nothing would keep two writers from the same version. They take
turns.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from datetime import time as local_time
from uuid import UUID, uuid4

from sqlalchemy import Engine, insert, text

from deploy.local.programs import run_once
from services.habits import stored_events
from services.habits.event_store import EventStore
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import HabitChanged, HabitCreated, HabitEvent
from services.habits.stored_events import HABITS
from services.habits.tables import events
from shared.database import new_metadata, transaction
from tests.benchmarks.sides import PEER, PEER_PYTHON
from tests.benchmarks.table import Row, ratio_text

STREAMS_A_ROUND = 20
EVENTS_A_STREAM = 10
WRITERS = (1, 8)

_NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
_OWNER = UUID(int=7)
_META = {"actor": str(_OWNER), "request_id": None}
_STORE = EventStore(HABITS)

_plain = events.to_metadata(new_metadata(), name="plain_events")

Write = Callable[[Engine], None]


def measure(engine: Engine, database_url: str, *, rounds: int) -> list[Row]:
    """Return a row for each number of writers and each way to append."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE plain_events (LIKE events INCLUDING ALL)"))
    return [row for writers in WRITERS for row in _compare(engine, database_url, writers, rounds)]


def _compare(engine: Engine, database_url: str, writers: int, rounds: int) -> list[Row]:
    ways: dict[str, Callable[[], float]] = {
        "append": lambda: _events_a_second(engine, _append_stream, writers),
        "plain insert of the same rows": lambda: _events_a_second(engine, _insert_stream, writers),
        "the library `eventsourcing`": lambda: _library_events_a_second(database_url, writers),
    }
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            measured[name].append(way())
    return [
        Row(
            f"{name}, {writers} at a time",
            f"{statistics.median(figures):.0f} events/s",
            ratio_text(measured["append"], figures),
        )
        for name, figures in measured.items()
    ]


def _library_events_a_second(database_url: str, writers: int) -> float:
    events = STREAMS_A_ROUND * EVENTS_A_STREAM
    script = str(PEER / "appends.py")
    return float(run_once([str(PEER_PYTHON), script, database_url, str(writers), str(events)]))


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
