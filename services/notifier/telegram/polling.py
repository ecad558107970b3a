"""Fetches updates by long polling: one poller at a time, whatever the number of `bot` processes.

The poller holds a lease in Redis and polls only while it does. Updates are handled one after the
other, as Telegram gives them; one is confirmed to Telegram only after its transaction has been
committed. A crash in between, or a poller that wakes up after another has taken over, brings an
update again, and its id tells that it has been handled.
"""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

from redis import RedisError
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError
from telegram.error import RetryAfter, TelegramError

from services.notifier.redis_scripts import KEY_PREFIX, read_script
from services.notifier.telegram.client import TelegramClient
from shared.contracts.cloud_event import UnreadableMessage
from shared.process.structured_logs import get_logger

LEASE_KEY = f"{KEY_PREFIX}:poller"
LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0
LONG_POLL_SECONDS = 20
_PAUSE_SECONDS = 2.0

_log = get_logger(__name__)


class PollerLease:
    """The right to poll."""

    def __init__(self, client: Redis, lease_seconds: float = LEASE_SECONDS) -> None:
        self._holder = uuid.uuid4().hex
        self._lease_seconds = lease_seconds
        self._hold = client.register_script(read_script("hold_lease"))
        self._drop = client.register_script(read_script("drop_lease"))

    async def hold(self) -> bool:
        """Take or renew the lease; False when another has it or Redis is away."""
        try:
            held = await self._hold(
                keys=[LEASE_KEY], args=[self._holder, round(self._lease_seconds * 1000)]
            )
        except RedisError as error:
            _log.warning("poller's lease not to be had", reason=repr(error))
            return False
        return bool(held)

    async def drop(self) -> None:
        """Let another poll at once."""
        try:
            await self._drop(keys=[LEASE_KEY], args=[self._holder])
        except RedisError as error:
            _log.warning("poller's lease not dropped, it runs out", reason=repr(error))


class UpdatesPolling:
    """Polls while it holds the lease."""

    def __init__(
        self,
        telegram: TelegramClient,
        handle: Callable[[bytes], None],
        lease: PollerLease,
        *,
        renew_seconds: float = RENEW_SECONDS,
        long_poll_seconds: int = LONG_POLL_SECONDS,
    ) -> None:
        self._telegram = telegram
        self._handle = handle
        self._lease = lease
        self._renew_seconds = renew_seconds
        self._long_poll_seconds = long_poll_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop`, or stand by while another process does."""
        while not stop.is_set():
            if await self._lease.hold():
                await self._poll_while_leased(stop)
                await self._lease.drop()
            else:
                await _pause(stop, self._renew_seconds / 2)

    async def _poll_while_leased(self, stop: asyncio.Event) -> None:
        polling = asyncio.create_task(self._poll())
        try:
            while not stop.is_set():
                await _pause(stop, self._renew_seconds)
                if polling.done():
                    polling.result()
                if not stop.is_set() and not await self._lease.hold():
                    _log.warning("the lease is lost, another process may poll")
                    return
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)

    async def _poll(self) -> None:
        offset: int | None = None
        webhook_gone = False
        while True:
            try:
                if not webhook_gone:
                    # Telegram refuses to be polled while a webhook is set.
                    await self._telegram.delete_webhook()
                    webhook_gone = True
                for update in await self._telegram.get_updates(offset, self._long_poll_seconds):
                    await asyncio.to_thread(self._take, update)
                    offset = int(update["update_id"]) + 1
            except RetryAfter as error:
                _log.warning("telegram wants a pause", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS * 2)
            except (TelegramError, SQLAlchemyError) as error:
                # What has not been handled comes again, before what came after it.
                _log.warning("not polled, trying again", reason=f"{type(error).__name__}: {error}")
                await asyncio.sleep(_PAUSE_SECONDS)

    def _take(self, update: dict[str, Any]) -> None:
        try:
            self._handle(json.dumps(update).encode())
        except UnreadableMessage as error:
            _log.error("telegram sent what is no update", reason=str(error))


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
