"""Forgets records of reminders that have served their time.

The record keeps a reminder from being announced twice; once a habit has moved on, its
`last_local_date` does so for all earlier dates, so old records can go. Without this the table
grows by a row a habit a day.
"""

from datetime import timedelta

from sqlalchemy import Engine, delete, func, select, tuple_

from services.scheduler.tables import REMINDERS
from shared.database import transaction

KEPT = timedelta(days=30)
BATCH_SIZE = 5_000


def forget_old_reminders(engine: Engine, batch_size: int = BATCH_SIZE) -> int:
    """Delete records older than `KEPT`, in transactions of `batch_size`; return how many went."""
    key = (REMINDERS.c.habit_id, REMINDERS.c.local_date)
    old = select(*key).where(REMINDERS.c.recorded_at < func.now() - KEPT).limit(batch_size)
    forgotten = 0
    while True:
        with transaction(engine) as connection:
            deleted = connection.execute(delete(REMINDERS).where(tuple_(*key).in_(old))).rowcount
        forgotten += deleted
        if deleted < batch_size:
            return forgotten
