"""Begins the first epoch in Redis, once in the life of the database.

Later on an absent epoch means that Redis has lost its records, so `setup`, which runs at every
start, must not begin another.
"""

import asyncio

from redis import RedisError
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from services.notifier.redis_scripts import new_async_redis
from services.notifier.sending.once_each import OnceEach
from services.notifier.tables import REDIS_EPOCHS
from shared.database import new_engine, transaction
from shared.instants import now
from shared.process.processes import SETUP_LIMIT_SECONDS
from shared.process.waiting import wait_for


def provision_redis(database_url: str, redis_url: str) -> bool:
    """Begin the first epoch; False when that has been done. Waits for Redis."""
    engine = new_engine(database_url, pool_size=1)
    try:
        with transaction(engine) as connection:
            if not _is_first(connection):
                return False
            wait_for(
                "Redis",
                lambda: asyncio.run(_begin(redis_url)),
                (RedisError,),
                limit_seconds=SETUP_LIMIT_SECONDS,
            )
            return True
    finally:
        engine.dispose()


def _is_first(connection: Connection) -> bool:
    marked = connection.scalar(
        insert(REDIS_EPOCHS)
        .values(only_one=True, started_at=now())
        .on_conflict_do_nothing()
        .returning(REDIS_EPOCHS.c.only_one)
    )
    return marked is not None


async def _begin(redis_url: str) -> None:
    client = new_async_redis(redis_url)
    try:
        await OnceEach(client).provision()
    finally:
        await client.aclose()
