"""Forgetting in time: rows whose time is over are deleted in the background, whoever wrote them.

Batches are small, and each is a transaction of its own: nobody waits long for a lock. Any number of
processes may prune the same table; what one has in hand the others pass over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from prometheus_client import Counter
from sqlalchemy import Column, Engine, delete, select, tuple_

from shared.database import transaction
from shared.instants import now

PRUNING_SECONDS = 600.0
BATCH_SIZE = 1000
# So that a process that is told to stop has soon done its part.
MOST_BATCHES = 100

_pruned = Counter("rows_pruned_total", "Rows deleted because their time was over", ["table"])


@dataclass(frozen=True, slots=True)
class Retention:
    """Rows of a column's table are kept until `kept` after the instant in the column."""

    column: Column[Any]
    kept: timedelta = timedelta()


def prune(engine: Engine, retentions: Sequence[Retention]) -> None:
    """Delete rows whose time is over, batch by batch; what is left then waits for the next time."""
    for retention in retentions:
        for _ in range(MOST_BATCHES):
            if _prune_batch(engine, retention) < BATCH_SIZE:
                break


def _prune_batch(engine: Engine, retention: Retention) -> int:
    table, column = retention.column.table, retention.column
    key = tuple(table.primary_key)
    old = (
        select(*key)
        .where(column <= now() - retention.kept)
        .order_by(column)
        .limit(BATCH_SIZE)
        .with_for_update(skip_locked=True)
    )
    with transaction(engine) as connection:
        deleted = connection.execute(delete(table).where(tuple_(*key).in_(old))).rowcount
    _pruned.labels(table.name).inc(deleted)
    return deleted
