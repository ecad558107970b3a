"""Prints the events a second of the `eventsourcing` library with its PostgreSQL recorder.

Usage: appends.py DATABASE_URL WRITERS EVENTS. Each writer appends to aggregates of its own, one
event a transaction, as `tests/benchmarks/append_cost.py` does with ours.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

database_url, writers, events = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
address = urlsplit(database_url)
os.environ.update(
    PERSISTENCE_MODULE="eventsourcing.postgres",
    POSTGRES_DBNAME=address.path.lstrip("/"),
    POSTGRES_HOST=address.hostname or "",
    POSTGRES_PORT=str(address.port),
    POSTGRES_USER=unquote(address.username or ""),
    POSTGRES_PASSWORD=unquote(address.password or ""),
    POSTGRES_POOL_SIZE=str(writers),
)

from eventsourcing.application import Application  # noqa: E402 - reads the environment
from eventsourcing.domain import Aggregate, event  # noqa: E402


class Habit(Aggregate):
    """A habit of two kinds of events."""

    @event("Created")
    def __init__(self, action: str, place: str, duration_seconds: int) -> None:
        self.action, self.place, self.duration_seconds = action, place, duration_seconds

    @event("Moved")
    def move(self, place: str) -> None:
        self.place = place


EVENTS_A_STREAM = 10
application: Application = Application()


def write_stream(_number: int) -> None:
    habit = Habit("Read", "Sofa", 90)
    application.save(habit)
    for number in range(1, EVENTS_A_STREAM):
        habit.move(f"Place {number}")
        application.save(habit)


with ThreadPoolExecutor(writers) as pool:
    list(pool.map(write_stream, range(writers)))
    began = time.perf_counter()
    list(pool.map(write_stream, range(events // EVENTS_A_STREAM)))
    sys.stdout.write(f"{events / (time.perf_counter() - began):.1f}\n")
