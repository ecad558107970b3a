"""How long the scheduler keeps records that have served their time; the relay prunes.

A reminder's record keeps it from being announced twice; once a habit has moved on, what it keeps of
its announced ones does so for all earlier dates. What was heard of a date matters as long as a
reminder of it may come late, and which command has been carried out, as long as a dead letter may
come back (14 days). What a version of a state said matters as long as an older one may still come
late; the newest is kept. Without this the tables grow by a row a habit a day, and one a change.
"""

from datetime import timedelta

from sqlalchemy import exists

from services.scheduler.tables import (
    ACCOUNT_LINKS,
    ACCOUNTS,
    HABIT_TIMINGS,
    HABITS,
    HANDLED_COMMANDS,
    HEARD_DAYS,
    REMINDERS,
)
from shared.pruning import Retention

KEPT = timedelta(days=30)

RETENTIONS = (
    Retention(REMINDERS.c.recorded_at, KEPT),
    Retention(HEARD_DAYS.c.heard_at, KEPT),
    Retention(HANDLED_COMMANDS.c.handled_at, KEPT),
    Retention(
        HABIT_TIMINGS.c.heard_at,
        KEPT,
        superseded=exists().where(
            HABITS.c.habit_id == HABIT_TIMINGS.c.habit_id,
            HABITS.c.version > HABIT_TIMINGS.c.version,
        ),
    ),
    Retention(
        ACCOUNT_LINKS.c.heard_at,
        KEPT,
        superseded=exists().where(
            ACCOUNTS.c.account_id == ACCOUNT_LINKS.c.account_id,
            ACCOUNTS.c.link_version > ACCOUNT_LINKS.c.version,
        ),
    ),
)
