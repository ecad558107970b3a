"""The relay: moves outbox rows to the broker, at least once, per ordering key in order.

For each shard, in one transaction: take the shard's advisory lock, read, publish, delete what was
confirmed. Any number of relays may run; each shard has one active relay at a time and the others
take over when its session ends. A crash between confirm and commit publishes again; it never
loses. Lock and SELECT are two statements in READ COMMITTED: the SELECT's snapshot has to be taken
after the lock, or it would show rows that the previous holder has already sent and deleted.
"""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import psycopg
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.contracts.topology import CONSUMED_TYPES, EVENTS_EXCHANGE
from shared.database import OUTBOX_CHANNEL
from shared.instants import now
from shared.messaging.publisher import Publisher, PublishFailed, Unroutable
from shared.outbox.table import OUTBOX, SHARDS
from shared.process.structured_logs import get_logger

BATCH_SIZE = 200
POLL_SECONDS = 0.25
# A batch ends before the database fences the transaction as idle.
BATCH_DEADLINE_SECONDS = 8.0
FENCE_SECONDS = 15
LOCK_NAMESPACE = 7201
_RETRY_SECONDS = 1.0
_GAUGE_SECONDS = 5.0

_published = Counter("outbox_published_total", "Messages confirmed by the broker", ["type"])
_unroutable = Counter(
    "outbox_unroutable_total", "Messages kept because no queue takes them", ["type"]
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

    def __init__(self, engine: AsyncEngine, listen_url: str, publisher: Publisher) -> None:
        self._engine = engine
        self._listen_url = listen_url
        self._publisher = publisher
        self._wake = [asyncio.Event() for _ in range(SHARDS)]

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set; the batch in hand is finished first."""
        helpers = [
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._measure()),
            asyncio.create_task(self._wake_on(stop)),
        ]
        try:
            await asyncio.gather(*(self._relay_shard(shard, stop) for shard in range(SHARDS)))
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _relay_shard(self, shard: int, stop: asyncio.Event) -> None:
        wake = self._wake[shard]
        while not stop.is_set():
            wake.clear()
            try:
                progress = await self.drain(shard)
            except SQLAlchemyError:
                _log.warning("outbox not readable, trying again", shard=shard, exc_info=True)
                await _wait(stop, _RETRY_SECONDS)
            else:
                if not progress:
                    await _wait(wake, POLL_SECONDS)

    async def drain(self, shard: int) -> bool:
        """Send one batch of a shard; return whether it made progress and there may be more."""
        async with self._engine.connect() as connection, connection.begin():
            await connection.execute(
                text(f"SET LOCAL idle_in_transaction_session_timeout = '{FENCE_SECONDS}s'")
            )
            if not await self._lock(connection, shard):
                return False
            rows = await _read_batch(connection, shard)
            confirmed = await self._publish_batch(rows)
            if confirmed:
                await connection.execute(delete(OUTBOX).where(OUTBOX.c.id.in_(confirmed)))
        return bool(confirmed)

    async def _lock(self, connection: AsyncConnection, shard: int) -> bool:
        """Take the shard until the transaction ends; False when another relay has it."""
        locked = await connection.scalar(
            select(func.pg_try_advisory_xact_lock(LOCK_NAMESPACE, shard))
        )
        return bool(locked)

    async def _publish_batch(self, rows: Sequence[Row[Any]]) -> list[int]:
        deadline = asyncio.get_running_loop().time() + BATCH_DEADLINE_SECONDS
        by_key = sorted(rows, key=lambda row: (row.ordering_key, row.id))
        streams = [list(group) for _, group in groupby(by_key, key=lambda row: row.ordering_key)]
        sent = await asyncio.gather(*(self._publish_stream(rows, deadline) for rows in streams))
        return [row_id for row_ids in sent for row_id in row_ids]

    async def _publish_stream(self, rows: Sequence[Row[Any]], deadline: float) -> list[int]:
        """Publish one aggregate's messages in order, up to the first that fails."""
        confirmed: list[int] = []
        for row in rows:
            if asyncio.get_running_loop().time() > deadline or not await self._publish(row):
                break
            confirmed.append(row.id)
        return confirmed

    async def _publish(self, row: Row[Any]) -> bool:
        try:
            await self._publisher.publish(
                row.exchange,
                row.routing_key,
                row.body,
                message_id=str(row.message_id),
                headers=row.headers,
                message_type=row.routing_key if row.exchange else None,
            )
        except PublishFailed as failure:
            _log.warning("not published, trying again", type=row.routing_key, reason=str(failure))
            await asyncio.sleep(_RETRY_SECONDS)
            return False
        except Unroutable:
            # A public event nobody subscribed to is done with; one of our own must wait.
            if row.exchange == EVENTS_EXCHANGE and row.routing_key not in CONSUMED_TYPES:
                return True
            _unroutable.labels(row.routing_key).inc()
            _log.error("kept: no queue takes it", type=row.routing_key, id=str(row.message_id))
            return False
        _published.labels(row.routing_key).inc()
        _lag.observe((now() - row.recorded_at).total_seconds())
        return True

    async def _listen(self) -> None:
        """Wake the shards on NOTIFY; without a connection they poll."""
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._listen_url, autocommit=True, connect_timeout=5, keepalives_idle=10
                )
                async with connection:
                    await connection.execute(f"LISTEN {OUTBOX_CHANNEL}")
                    self._wake_all()
                    async for _ in connection.notifies():
                        self._wake_all()
            except psycopg.Error as error:
                _log.warning("not listening, polling instead", reason=str(error))
            await asyncio.sleep(_RETRY_SECONDS)

    async def _measure(self) -> None:
        query = select(func.count(), func.min(OUTBOX.c.recorded_at))
        while True:
            try:
                async with self._engine.connect() as connection:
                    depth, oldest = (await connection.execute(query)).one()
                _depth.set(depth)
                _age.set((now() - oldest).total_seconds() if oldest else 0)
            except SQLAlchemyError:
                _log.debug("outbox not measured", exc_info=True)
            await asyncio.sleep(_GAUGE_SECONDS)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake_all()

    def _wake_all(self) -> None:
        for wake in self._wake:
            wake.set()


async def _read_batch(connection: AsyncConnection, shard: int) -> Sequence[Row[Any]]:
    result = await connection.execute(
        select(OUTBOX).where(OUTBOX.c.shard == shard).order_by(OUTBOX.c.id).limit(BATCH_SIZE)
    )
    return result.all()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
