"""Puts updates into their queue from the threads of the HTTP process, each confirmed.

The publisher lives on an event loop in a thread of its own, which starts and connects with the
first update. One update at a time: a message that the broker returns is matched by its id, and
Telegram may send the same update twice at once.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as WaitTimeout

from services.notifier.telegram.polling import store_update
from shared.messaging.publisher import (
    BROKER_ERRORS,
    CONFIRM_TIMEOUT_SECONDS,
    Publisher,
    PublishFailed,
)

_WAIT_SECONDS = 2 * CONFIRM_TIMEOUT_SECONDS + 1


class BlockingUpdateIntake:
    """Stores updates; safe to use from many threads."""

    def __init__(self, new_publisher: Callable[[], Publisher]) -> None:
        self._new_publisher = new_publisher
        self._publisher: Publisher | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._one_at_a_time = asyncio.Lock()

    def store(self, update_id: int, update: bytes) -> None:
        """Return once the broker has confirmed. Raises PublishFailed or Unroutable."""
        future = asyncio.run_coroutine_threadsafe(
            self._store(update_id, update), self._running_loop()
        )
        try:
            future.result(timeout=_WAIT_SECONDS)
        except WaitTimeout as error:
            future.cancel()
            raise PublishFailed("no confirm in time") from error

    def close(self) -> None:
        """Disconnect and end the thread."""
        with self._starting:
            if self._loop is None or self._thread is None:
                return
            if self._publisher is not None:
                leave = self._publisher.__aexit__(None, None, None)
                asyncio.run_coroutine_threadsafe(leave, self._loop).result(_WAIT_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = self._publisher = None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
                self._thread.start()
            return self._loop

    async def _store(self, update_id: int, update: bytes) -> None:
        async with self._one_at_a_time:
            if self._publisher is None:
                publisher = self._new_publisher()
                try:
                    await publisher.__aenter__()
                except BROKER_ERRORS as error:
                    raise PublishFailed(f"no broker: {error!r}") from error
                self._publisher = publisher
            await store_update(self._publisher, update_id, update)
