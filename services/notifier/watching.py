"""What a process looks after besides its work; what fails is tried again next time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from redis import RedisError
from sqlalchemy import Engine, delete
from sqlalchemy.exc import SQLAlchemyError

from services.notifier.linking.link_request_keys import forget_old_keys
from services.notifier.metrics import DEAD_LETTERS
from services.notifier.tables import HANDLED_UPDATES, LINK_REQUESTS
from shared.contracts.topology import NOTIFIER_QUEUES
from shared.database import transaction
from shared.instants import now
from shared.messaging.dead_letters import count_dead_letters
from shared.messaging.publisher import BROKER_ERRORS
from shared.process.structured_logs import get_logger

EPOCH_SECONDS = 1.0
DEAD_LETTERS_SECONDS = 15.0
PRUNING_SECONDS = 3600.0
# Telegram keeps an update for a day; a dead letter may be replayed some days later.
UPDATES_KEPT = timedelta(days=30)

_log = get_logger(__name__)


async def every(seconds: float, look: Callable[[], Awaitable[object]]) -> None:
    """Await `look` again and again, until cancelled."""
    while True:
        try:
            await look()
        except (RedisError, SQLAlchemyError, *BROKER_ERRORS) as error:
            _log.info(
                "not now, later", looking_at=getattr(look, "__name__", ""), reason=repr(error)
            )
        await asyncio.sleep(seconds)


async def measure_dead_letters(rabbitmq_url: str) -> None:
    """Set the gauge of dead letters."""
    for queue in NOTIFIER_QUEUES:
        DEAD_LETTERS.labels(queue.name).set(await count_dead_letters(rabbitmq_url, queue))


def prune(engine: Engine) -> None:
    """Forget the ids of old updates, requests that nobody answered and keys of the day before."""
    at = now()
    with transaction(engine) as connection:
        connection.execute(
            delete(HANDLED_UPDATES).where(HANDLED_UPDATES.c.handled_at < at - UPDATES_KEPT)
        )
        connection.execute(delete(LINK_REQUESTS).where(LINK_REQUESTS.c.expires_at < at))
        forget_old_keys(connection, at)


@asynccontextmanager
async def looked_after(
    *watches: tuple[float, Callable[[], Awaitable[object]]],
) -> AsyncIterator[None]:
    """Look after things, each every so many seconds, for the length of a block."""
    tasks = [asyncio.create_task(every(seconds, look)) for seconds, look in watches]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
