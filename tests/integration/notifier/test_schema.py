"""The migrations make the tables of the code, and Redis is provisioned once."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from redis.asyncio import Redis
from sqlalchemy import Engine, insert, select

from services.notifier.provisioning import provision_redis
from services.notifier.sending.message_states import Claim
from services.notifier.sending.once_each import EPOCH_KEY, OnceEach
from services.notifier.tables import HANDLED_UPDATES, LINK_REQUESTS, METADATA
from services.notifier.watching import UPDATES_KEPT, prune
from shared.database import transaction
from shared.instants import now
from shared.migrations import migrate
from tests.integration.notifier.arrangements import a_message


def test_the_migrations_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    assert differences == []


async def test_redis_is_provisioned_once_in_the_life_of_the_database(
    database: Callable[[str], str], redis: Redis, redis_database: str
) -> None:
    url = database("notifier")
    migrate("notifier", url)
    await redis.delete(EPOCH_KEY)
    assert await asyncio.to_thread(provision_redis, url, redis_database) is True
    assert isinstance(await OnceEach(redis).claim(a_message()), Claim)
    await redis.flushdb()
    assert await asyncio.to_thread(provision_redis, url, redis_database) is False
    assert await redis.exists(EPOCH_KEY) == 0


def test_old_updates_and_requests_are_forgotten(engine: Engine) -> None:
    at = now()
    with transaction(engine) as connection:
        connection.execute(
            insert(HANDLED_UPDATES),
            [
                {"update_id": 1, "handled_at": at - UPDATES_KEPT - timedelta(seconds=1)},
                {"update_id": 2, "handled_at": at},
            ],
        )
        for name, expires_at in (("old", at - timedelta(seconds=1)), ("new", at + UPDATES_KEPT)):
            row = {"account_id": name, "code_hash": name.ljust(32).encode(), "chat_id": None}
            connection.execute(insert(LINK_REQUESTS).values(**row, expires_at=expires_at))
    prune(engine)
    with engine.connect() as connection:
        assert connection.scalars(select(HANDLED_UPDATES.c.update_id)).all() == [2]
        assert connection.scalars(select(LINK_REQUESTS.c.account_id)).all() == ["new"]
