"""The relay: moves outbox rows to the broker, at least once, per ordering key in order.

For each shard, in one transaction: take the shard's advisory lock, read, publish, delete what was
confirmed (`shard`). Any number of relays may run; each shard has one active relay at a time and the
others take over when its session ends. A crash between confirm and commit publishes again; it never
loses. A shard rests until it is woken by NOTIFY, or by a look at all shards every two seconds.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import psycopg
from prometheus_client import Counter, Gauge, Histogram

from shared.database import CONNECT_ARGS
from shared.instants import now
from shared.messaging.publisher import Publisher, PublishFailed, Unroutable
from shared.outbox.shard import OutboxRow, Shard
from shared.outbox.unroutable import UnroutableTypes
from shared.outbox.wake_ups import OUTBOX_CHANNEL, SHARDS, written_shards
from shared.process.structured_logs import get_logger

POLL_SECONDS = 2.0
# A batch ends before the database fences the transaction as idle.
BATCH_DEADLINE_SECONDS = 8.0
_RETRY_SECONDS = 1.0
_MEASURE_SECONDS = 10.0

_SHARDS_WITH_ROWS = """
SELECT number FROM generate_series(0, %s) AS number
 WHERE EXISTS (SELECT FROM outbox WHERE shard = number)
"""
_SIZE = "SELECT count(*), min(recorded_at) FROM outbox"

_published = Counter("outbox_published_total", "Messages confirmed by the broker", ["type"])
_unroutable = Counter(
    "outbox_unroutable_total",
    "Tries of messages that are kept because no queue takes them",
    ["type"],
)
_depth = Gauge("outbox_depth", "Messages waiting in the outbox")
_age = Gauge("outbox_age_seconds", "Age of the oldest message in the outbox")
_lag = Histogram(
    "outbox_lag_seconds",
    "From storing a message to the broker's confirm",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)

_log = get_logger(__name__)


class Relay:
    """Drains the outbox of one database until told to stop."""

    def __init__(self, url: str, publisher: Publisher) -> None:
        self._url = url
        self._publisher = publisher
        self._shards = [Shard(url, number) for number in range(SHARDS)]
        self._wake = [asyncio.Event() for _ in range(SHARDS)]
        self._unroutable = UnroutableTypes()
        self._measured_at = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set; the batch in hand is finished first."""
        helpers = [asyncio.create_task(self._watch()), asyncio.create_task(self._wake_on(stop))]
        try:
            await asyncio.gather(*(self._relay_shard(shard, stop) for shard in self._shards))
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _relay_shard(self, shard: Shard, stop: asyncio.Event) -> None:
        wake = self._wake[shard.number]
        async with aclosing(shard):
            while not stop.is_set():
                wake.clear()
                try:
                    while await self.drain(shard) and not stop.is_set():
                        pass
                except psycopg.Error as error:
                    _log.warning("outbox not readable, trying again", reason=str(error))
                    await _wait(stop, _RETRY_SECONDS)
                else:
                    await wake.wait()

    async def drain(self, shard: Shard) -> bool:
        """Send one batch of a shard; return whether it made progress and there may be more."""
        async with shard.batch(self._unroutable.resting()) as batch:
            if batch is None:
                return False
            batch.confirmed.extend(await self._publish_batch(batch.rows))
        return bool(batch.confirmed) and (batch.is_full or len(batch.confirmed) < len(batch.rows))

    async def _publish_batch(self, rows: Sequence[OutboxRow]) -> list[int]:
        attempt = _Attempt(ends_at=time.monotonic() + BATCH_DEADLINE_SECONDS)
        by_key = sorted(rows, key=attrgetter("ordering_key", "id"))
        aggregates = [list(group) for _, group in groupby(by_key, key=attrgetter("ordering_key"))]
        sent = await asyncio.gather(*(self._publish_in_order(each, attempt) for each in aggregates))
        if attempt.failure is not None:
            _log.warning("not all published, trying again", reason=str(attempt.failure))
            await asyncio.sleep(_RETRY_SECONDS)
        return [row_id for row_ids in sent for row_id in row_ids]

    async def _publish_in_order(self, rows: Sequence[OutboxRow], attempt: "_Attempt") -> list[int]:
        """Publish one aggregate's messages in order, up to the first that fails."""
        confirmed: list[int] = []
        for row in rows:
            if attempt.is_over() or not await self._publish(row, attempt):
                break
            confirmed.append(row.id)
        return confirmed

    async def _publish(self, row: OutboxRow, attempt: "_Attempt") -> bool:
        try:
            await self._publisher.publish(
                row.exchange,
                row.routing_key,
                row.body.encode(),
                message_id=str(row.message_id),
                headers=row.headers,
                message_type=row.routing_key if row.exchange else None,
            )
        except PublishFailed as failure:
            attempt.failure = failure
            return False
        except Unroutable:
            self._keep(row)
            return False
        self._unroutable.found_queue(row.routing_key)
        _published.labels(row.routing_key).inc()
        _lag.observe((now() - row.recorded_at).total_seconds())
        return True

    def _keep(self, row: OutboxRow) -> None:
        """Have what no queue takes wait: the feed takes every event, and is not there yet."""
        _unroutable.labels(row.routing_key).inc()
        if (seconds := self._unroutable.rest(row.routing_key)) is not None:
            _log.error("kept: no queue takes it", type=row.routing_key, again_in_seconds=seconds)

    async def _watch(self) -> None:
        """Wake shards on NOTIFY and, every `POLL_SECONDS`, those that have rows."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, application_name="outbox-watch", **CONNECT_ARGS
                ) as connection:
                    await self._listen(connection)
            except psycopg.Error as error:
                _log.warning("not listening, polling instead", reason=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
            self._wake_shards(range(SHARDS))

    async def _listen(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute(f"LISTEN {OUTBOX_CHANNEL}")
        while True:
            rows = await (await connection.execute(_SHARDS_WITH_ROWS, [SHARDS - 1])).fetchall()
            self._wake_shards(number for (number,) in rows)
            await self._measure(connection)
            async for notification in connection.notifies(timeout=POLL_SECONDS):
                self._wake_shards(written_shards(notification.payload))

    async def _measure(self, connection: psycopg.AsyncConnection) -> None:
        if time.monotonic() - self._measured_at < _MEASURE_SECONDS:
            return
        self._measured_at = time.monotonic()
        [(depth, oldest)] = await (await connection.execute(_SIZE)).fetchall()
        _depth.set(depth)
        _age.set((now() - oldest).total_seconds() if oldest else 0)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake_shards(range(SHARDS))

    def _wake_shards(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._wake[number].set()


@dataclass(slots=True)
class _Attempt:
    """One batch on its way; after a failure, or too long, nothing more of it is published."""

    ends_at: float
    failure: PublishFailed | None = None

    def is_over(self) -> bool:
        return self.failure is not None or time.monotonic() > self.ends_at


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
