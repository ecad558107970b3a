"""Recomputes what was scheduled with other time-zone data than is installed now.

Governments change clocks at short notice: after an upgrade of `tzdata` the instants already
stored are the old ones. Runs beside the ticks, account by account, each in a transaction of its
own; doing it twice, or in two replicas at once, is harmless. Parked habits get another chance, as
new data may know their zone.
"""

from datetime import timedelta

from sqlalchemy import Engine, select

from services.scheduler.projection import lock_habits_of, lock_owner
from services.scheduler.recurrence import TZDATA_VERSION
from services.scheduler.rescheduling import HabitChange, OwnerChange, reschedule
from services.scheduler.tables import HABITS
from shared.database import transaction
from shared.instants import now
from shared.process.structured_logs import get_logger

BATCH_SIZE = 500

_log = get_logger(__name__)


def refresh_schedules(engine: Engine, grace: timedelta, batch_size: int = BATCH_SIZE) -> int:
    """Place every habit of outdated time-zone data anew; return the number of accounts seen to."""
    refreshed = 0
    last_account_id = ""
    while batch := _outdated_accounts(engine, last_account_id, batch_size):
        for account_id in batch:
            _refresh_account(engine, account_id, grace)
        refreshed += len(batch)
        last_account_id = batch[-1]
    if refreshed:
        _log.info("schedules recomputed", accounts=refreshed, tzdata_version=TZDATA_VERSION)
    return refreshed


def _outdated_accounts(engine: Engine, after_account_id: str, batch_size: int) -> list[str]:
    query = (
        select(HABITS.c.account_id)
        .distinct()
        .where(HABITS.c.tzdata_version != TZDATA_VERSION, HABITS.c.account_id > after_account_id)
        .order_by(HABITS.c.account_id)
        .limit(batch_size)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


def _refresh_account(engine: Engine, account_id: str, grace: timedelta) -> None:
    with transaction(engine) as connection:
        owner = lock_owner(connection, account_id)
        outdated = [
            # Without a "before" nothing is announced here: the corrected instant replaces the old
            # one.
            HabitChange(before=None, after=habit)
            for habit in lock_habits_of(connection, account_id)
            if habit.tzdata_version not in (None, TZDATA_VERSION)
        ]
        change = OwnerChange(before=owner, after=owner, changed_at=now())
        reschedule(connection, change, outdated, grace)
