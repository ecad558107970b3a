"""Wires the process `consume`: every event goes into the log, in the order of its queue."""

from collections.abc import Sequence

from services.feed.batches import LARGEST_BATCH, Batches
from services.feed.log_entry import LogEntry
from services.feed.log_writer import append
from services.feed.service import SERVICE
from services.feed.settings import Settings
from shared.contracts.topology import FEED_LOG
from shared.database import new_engine, transaction
from shared.process.processes import run_consume


def consume(settings: Settings) -> None:
    """Append every event to the log."""
    engine = new_engine(settings.database_url, pool_size=2)

    def store(entries: Sequence[LogEntry]) -> int:
        with transaction(engine) as connection:
            return append(connection, entries)

    handlers = {FEED_LOG: Batches(store).receive}
    run_consume(SERVICE.name, settings, engine, handlers, prefetch=LARGEST_BATCH)
