"""How long the notifier keeps records that have served their time; the relay prunes."""

from datetime import timedelta

from services.notifier.tables import (
    DELIVERIES,
    DELIVERY_STATES,
    HANDLED_UPDATES,
    HEARD_DAYS,
    HINTS,
    LINK_REQUESTS,
    OPEN_QUESTIONS,
    REMINDER_MESSAGES,
    UNHANDLED_UPDATES,
)
from shared.http.idempotency_keys import KEYS_KEPT
from shared.pruning import Retention

# For so long a chat is not given the same hint again.
HINTS_KEPT = timedelta(seconds=30)
# Telegram keeps an update for a day.
UPDATES_KEPT = timedelta(days=30)
# They are personal data, whole, as Telegram sent them.
UNHANDLED_UPDATES_KEPT = timedelta(days=14)
# Later nobody waits for a reply any more.
QUESTIONS_KEPT = timedelta(days=1)
# What has been sent must be known for longer than anything that may bring it again: a message that
# waits in a queue, the dead letters (14 days), a backup of the broker. And people ask what came.
DELIVERIES_KEPT = timedelta(days=90)

RETENTIONS = (
    KEYS_KEPT,
    Retention(HANDLED_UPDATES.c.handled_at, UPDATES_KEPT),
    Retention(UNHANDLED_UPDATES.c.failed_at, UNHANDLED_UPDATES_KEPT),
    Retention(LINK_REQUESTS.c.expires_at),
    Retention(HINTS.c.given_at, HINTS_KEPT),
    Retention(DELIVERY_STATES.c.changed_at, DELIVERIES_KEPT),
    Retention(DELIVERIES.c.received_at, DELIVERIES_KEPT),
    Retention(REMINDER_MESSAGES.c.begun_at, DELIVERIES_KEPT),
    Retention(OPEN_QUESTIONS.c.asked_at, QUESTIONS_KEPT),
    Retention(HEARD_DAYS.c.heard_at, DELIVERIES_KEPT),
)
