"""Forgets records that have served their time.

A reminder's record keeps it from being announced twice; once a habit has moved on, its
`last_local_date` does so for all earlier dates. What a version of a state said matters as long as
an older one may still come late; the newest is kept. Without this the tables grow by a row a habit
a day, and by one a change.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Select, Table, delete, func, select, tuple_

from services.scheduler.tables import ACCOUNT_LINKS, ACCOUNTS, HABIT_TIMINGS, HABITS, REMINDERS
from shared.database import transaction

KEPT = timedelta(days=30)
BATCH_SIZE = 5_000


def forget_old_records(engine: Engine, batch_size: int = BATCH_SIZE) -> int:
    """Delete what is older than `KEPT`, in transactions of `batch_size`; return how many went."""
    is_old_timing = HABIT_TIMINGS.c.heard_at < func.now() - KEPT
    is_old_link = ACCOUNT_LINKS.c.heard_at < func.now() - KEPT
    return (
        _forget(
            engine,
            REMINDERS,
            select(*_key(REMINDERS)).where(REMINDERS.c.recorded_at < func.now() - KEPT),
            batch_size,
        )
        + _forget(
            engine,
            HABIT_TIMINGS,
            select(*_key(HABIT_TIMINGS))
            .join(HABITS, HABITS.c.habit_id == HABIT_TIMINGS.c.habit_id)
            .where(is_old_timing, HABIT_TIMINGS.c.version < HABITS.c.version),
            batch_size,
        )
        + _forget(
            engine,
            ACCOUNT_LINKS,
            select(*_key(ACCOUNT_LINKS))
            .join(ACCOUNTS, ACCOUNTS.c.account_id == ACCOUNT_LINKS.c.account_id)
            .where(is_old_link, ACCOUNT_LINKS.c.version < ACCOUNTS.c.link_version),
            batch_size,
        )
    )


def _forget(engine: Engine, table: Table, old: Select[Any], batch_size: int) -> int:
    forgotten = 0
    while True:
        with transaction(engine) as connection:
            these = tuple_(*_key(table)).in_(old.limit(batch_size))
            deleted = connection.execute(delete(table).where(these)).rowcount
        forgotten += deleted
        if deleted < batch_size:
            return forgotten


def _key(table: Table) -> list[Any]:
    return list(table.primary_key.columns)
