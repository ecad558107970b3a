"""Claims: two replicas that get the same message do not both work on it.

A claim saves work, nothing more: it is a lease in Redis, and when it is lost or runs out, the
states in the database still let only one of them send (see `delivery_states`).
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis import RedisError
from redis.asyncio import Redis

from services.notifier.redis_scripts import KEY_PREFIX, read_script
from shared.process.structured_logs import get_logger

CLAIM_SECONDS = 15.0

_log = get_logger(__name__)


class Claims:
    """Claims of all replicas, by a message's identity."""

    def __init__(self, client: Redis) -> None:
        self._hold = client.register_script(read_script("hold_lease"))
        self._drop = client.register_script(read_script("drop_lease"))

    @asynccontextmanager
    async def claimed(self, identity: str) -> AsyncIterator[bool]:
        """Claim a message for a block; yields False when another worker has it."""
        key, holder = f"{KEY_PREFIX}:claim:{identity}", uuid.uuid4().hex
        claimed = await self._hold(keys=[key], args=[holder, round(CLAIM_SECONDS * 1000)])
        try:
            yield bool(claimed)
        finally:
            if claimed:
                await self._give_back(key, holder)

    async def _give_back(self, key: str, holder: str) -> None:
        try:
            await self._drop(keys=[key], args=[holder])
        except RedisError as error:
            _log.info("claim not given back, it will run out", reason=repr(error))
