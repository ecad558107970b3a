"""Gathers deliveries into batches, each stored in one transaction, in the order they came.

A delivery is handled once its batch is committed. While the database is away the batch stays in
hand and everything behind it waits: a retry queue would let later events overtake it, and giving
the messages back would only count deliveries. Whatever the database refuses because of a message's
own content is that message's end alone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from prometheus_client import Counter, Histogram
from sqlalchemy.exc import DataError, SQLAlchemyError

from services.feed.log_entry import LogEntry, read_entry
from shared.contracts.cloud_event import UnreadableMessage
from shared.instants import now
from shared.messaging.deliveries import Delivery
from shared.process.structured_logs import get_logger

LARGEST_BATCH = 200
_RETRY_SECONDS = 1.0

Store = Callable[[Sequence[LogEntry]], int]

_appended = Counter("feed_appended_total", "Events appended to the log")
_lag = Histogram(
    "feed_lag_seconds",
    "From the time of an event to its commit in the log",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600),
)

_log = get_logger(__name__)


class Batches:
    """Stores what is received; `store` runs in a thread and is called for one batch at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[tuple[LogEntry, asyncio.Future[None]]] = deque()
        self._storing: asyncio.Task[None] | None = None

    async def receive(self, delivery: Delivery) -> None:
        """Return once the event is in the log. Raises UnreadableMessage when it never can be."""
        entry = read_entry(delivery)
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, stored))
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_all())
        await stored

    async def _store_all(self) -> None:
        try:
            while self._waiting:
                # What arrives in the same moment goes along.
                await asyncio.sleep(0)
                size = min(len(self._waiting), LARGEST_BATCH)
                batch = [self._waiting.popleft() for _ in range(size)]
                await self._store_batch(batch)
        finally:
            self._storing = None

    async def _store_batch(self, batch: "Sequence[tuple[LogEntry, asyncio.Future[None]]]") -> None:
        try:
            await self._until_stored([entry for entry, _ in batch])
        except DataError as refusal:
            if len(batch) > 1:
                for one in batch:
                    await self._store_batch([one])
                return
            _settle(batch, UnreadableMessage(f"the database refuses it: {type(refusal.orig)}"))
        except Exception as error:  # a bug here must not leave deliveries waiting for ever
            _settle(batch, error)
        else:
            _settle(batch)

    async def _until_stored(self, entries: Sequence[LogEntry]) -> None:
        """Store the events. Raises DataError when the content of one is refused."""
        while True:
            try:
                _appended.inc(await asyncio.to_thread(self._store, entries))
            except DataError:
                raise
            except SQLAlchemyError as error:
                _log.warning("the log cannot be written, trying again", reason=repr(error))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                for entry in entries:
                    _lag.observe(max(0.0, (now() - entry.time).total_seconds()))
                return


def _settle(
    batch: "Sequence[tuple[LogEntry, asyncio.Future[None]]]", error: Exception | None = None
) -> None:
    for _, stored in batch:
        if stored.done():
            continue
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)
