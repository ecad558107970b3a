"""What the notifier looks after besides its work."""

from datetime import timedelta

from sqlalchemy import ColumnElement, Engine, Table, delete, select, tuple_

from services.notifier.hints import forget_old_hints
from services.notifier.tables import (
    DELIVERIES,
    DELIVERY_STATES,
    HANDLED_UPDATES,
    HEARD_DAYS,
    LINK_REQUESTS,
    REMINDER_MESSAGES,
)
from services.notifier.unhandled_updates import forget_old_updates
from shared.database import transaction
from shared.instants import now

PRUNING_SECONDS = 3600.0
# Telegram keeps an update for a day.
UPDATES_KEPT = timedelta(days=30)
# What has been sent must be known for longer than anything that may bring it again: a message that
# waits in a queue, the dead letters (14 days), a backup of the broker. And people ask what came.
DELIVERIES_KEPT = timedelta(days=90)
# So many rows at a time, lest others wait for a long transaction.
BATCH_SIZE = 5000


def prune(engine: Engine) -> None:
    """Forget what is over: updates, requests and hints, and deliveries of long ago."""
    at = now()
    with transaction(engine) as connection:
        connection.execute(
            delete(HANDLED_UPDATES).where(HANDLED_UPDATES.c.handled_at < at - UPDATES_KEPT)
        )
        connection.execute(delete(LINK_REQUESTS).where(LINK_REQUESTS.c.expires_at < at))
        forget_old_hints(connection, at)
        forget_old_updates(connection, at)
    for table, instant in (
        (DELIVERY_STATES, DELIVERY_STATES.c.changed_at),
        (DELIVERIES, DELIVERIES.c.received_at),
        (REMINDER_MESSAGES, REMINDER_MESSAGES.c.begun_at),
        (HEARD_DAYS, HEARD_DAYS.c.heard_at),
    ):
        while _delete_batch(engine, table, instant < at - DELIVERIES_KEPT) == BATCH_SIZE:
            pass


def _delete_batch(engine: Engine, table: Table, is_old: ColumnElement[bool]) -> int:
    key = tuple_(*table.primary_key.columns)
    with transaction(engine) as connection:
        batch = select(*table.primary_key.columns).where(is_old).limit(BATCH_SIZE)
        return connection.execute(delete(table).where(key.in_(batch))).rowcount
