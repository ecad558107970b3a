"""Forgetting in time: rows whose time is over are deleted in the background, whoever wrote them.

Batches are small, and each is a transaction of its own: nobody waits long for a lock. Any number of
processes may prune the same table; what one has in hand the others pass over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from prometheus_client import Counter
from sqlalchemy import Column, ColumnElement, Engine, delete, select, true, tuple_

from shared.database import transaction
from shared.instants import now

PRUNING_SECONDS = 600.0
BATCH_SIZE = 1000
# So that a process that is told to stop has soon done its part.
MOST_BATCHES = 100

_pruned = Counter("rows_pruned_total", "Rows deleted because their time was over", ["table"])


@dataclass(frozen=True, slots=True)
class Retention:
    """Rows of a column's table are kept until `kept` after the instant in the column.

    Those that are not `superseded` are kept for ever.
    """

    column: Column[Any]
    kept: timedelta = timedelta()
    superseded: ColumnElement[bool] = field(default_factory=true)


def prune(engine: Engine, retentions: Sequence[Retention], batch_size: int = BATCH_SIZE) -> int:
    """Delete rows whose time is over, batch by batch; return how many.

    What is left after `MOST_BATCHES` of a table waits for the next time.
    """
    pruned = 0
    for retention in retentions:
        for _ in range(MOST_BATCHES):
            deleted = _prune_batch(engine, retention, batch_size)
            pruned += deleted
            if deleted < batch_size:
                break
    return pruned


def _prune_batch(engine: Engine, retention: Retention, batch_size: int) -> int:
    table, column = retention.column.table, retention.column
    key = tuple(table.primary_key)
    old = (
        select(*key)
        .where(column <= now() - retention.kept, retention.superseded)
        .order_by(column)
        .limit(batch_size)
        .with_for_update(skip_locked=True)
    )
    with transaction(engine) as connection:
        deleted = connection.execute(delete(table).where(tuple_(*key).in_(old))).rowcount
    _pruned.labels(table.name).inc(deleted)
    return deleted
