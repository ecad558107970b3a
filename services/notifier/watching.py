"""What the notifier looks after besides its work."""

from datetime import timedelta

from sqlalchemy import Engine, delete

from services.notifier.hints import forget_old_hints
from services.notifier.linking.link_request_keys import forget_old_keys
from services.notifier.tables import HANDLED_UPDATES, LINK_REQUESTS
from services.notifier.unhandled_updates import forget_old_updates
from shared.database import transaction
from shared.instants import now

EPOCH_SECONDS = 1.0
PRUNING_SECONDS = 3600.0
# Telegram keeps an update for a day.
UPDATES_KEPT = timedelta(days=30)


def prune(engine: Engine) -> None:
    """Forget what is over: ids of old updates, requests nobody answered, old keys and hints."""
    at = now()
    with transaction(engine) as connection:
        connection.execute(
            delete(HANDLED_UPDATES).where(HANDLED_UPDATES.c.handled_at < at - UPDATES_KEPT)
        )
        connection.execute(delete(LINK_REQUESTS).where(LINK_REQUESTS.c.expires_at < at))
        forget_old_keys(connection, at)
        forget_old_hints(connection, at)
        forget_old_updates(connection, at)
