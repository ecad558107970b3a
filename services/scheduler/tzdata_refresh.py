"""Recomputes what was scheduled with older time-zone data than is installed here.

Governments change clocks at short notice: after an upgrade of `tzdata` the instants already
stored are the old ones. Runs beside the ticks, hourly, because a replica that is not upgraded yet
goes on scheduling with its own data; what newer data scheduled is left alone. Goes account by
account, each in a transaction of its own; doing it twice, or in two replicas at once, is harmless.
Parked habits get another chance, as new data may know their zone.
"""

import re
from datetime import timedelta

from sqlalchemy import Engine, select

from services.scheduler.recurrence import TZDATA_VERSION
from services.scheduler.rescheduling import reschedule_some
from services.scheduler.schedule import Habit
from services.scheduler.tables import HABITS
from shared.process.structured_logs import get_logger

BATCH_SIZE = 500

_log = get_logger(__name__)


def refresh_schedules(engine: Engine, grace: timedelta, batch_size: int = BATCH_SIZE) -> int:
    """Schedule anew what older time-zone data scheduled; return the number of accounts."""
    older = _older_versions(engine)
    refreshed = 0
    last_account_id = ""
    while batch := _accounts_with(engine, older, last_account_id, batch_size):
        for account_id in batch:
            reschedule_some(engine, account_id, _is_outdated, grace)
        refreshed += len(batch)
        last_account_id = batch[-1]
    if refreshed:
        _log.info("schedules recomputed", accounts=refreshed, tzdata_version=TZDATA_VERSION)
    return refreshed


def _older_versions(engine: Engine) -> list[str]:
    used = select(HABITS.c.tzdata_version).distinct().where(HABITS.c.tzdata_version.is_not(None))
    with engine.connect() as connection:
        return [version for version in connection.execute(used).scalars() if _is_older(version)]


def _accounts_with(
    engine: Engine, tzdata_versions: list[str], after_account_id: str, batch_size: int
) -> list[str]:
    if not tzdata_versions:
        return []
    query = (
        select(HABITS.c.account_id)
        .distinct()
        .where(HABITS.c.tzdata_version.in_(tzdata_versions), HABITS.c.account_id > after_account_id)
        .order_by(HABITS.c.account_id)
        .limit(batch_size)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


def _is_outdated(habit: Habit) -> bool:
    return habit.tzdata_version is not None and _is_older(habit.tzdata_version)


def _is_older(tzdata_version: str) -> bool:
    """Whether a version like `2026.10` came before the installed one."""
    return _numbers(tzdata_version) < _numbers(TZDATA_VERSION)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
