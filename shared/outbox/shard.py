"""The rows of one shard, as its relay takes them: locked, in order, deleted once confirmed.

Lock and SELECT are two statements in READ COMMITTED: the SELECT's snapshot has to be taken after
the lock, or it would show rows that the previous holder has already sent and deleted.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from shared.database import CONNECT_ARGS

BATCH_SIZE = 500
FENCE_SECONDS = 15
LOCK_NAMESPACE = 7201

_OPTIONS = f"{CONNECT_ARGS['options']} -c idle_in_transaction_session_timeout={FENCE_SECONDS}s"

# The body goes to the broker as it is, so nothing here has to read it.
_READ = """
SELECT id, ordering_key, message_id, exchange, routing_key, headers, body::text AS body, recorded_at
  FROM outbox WHERE shard = %(shard)s ORDER BY id LIMIT %(limit)s
"""
_READ_BESIDE_STUCK = """
SELECT id, ordering_key, message_id, exchange, routing_key, headers, body::text AS body, recorded_at
  FROM outbox WHERE shard = %(shard)s AND ordering_key NOT IN (
    SELECT ordering_key FROM outbox WHERE shard = %(shard)s AND routing_key = ANY(%(stuck)s))
 ORDER BY id LIMIT %(limit)s
"""
_DELETE = "DELETE FROM outbox WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A message to be sent."""

    id: int
    ordering_key: str
    message_id: UUID
    exchange: str
    routing_key: str
    headers: dict[str, Any]
    body: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows in the order of their ids; those whose id is put into `confirmed` are deleted."""

    rows: list[OutboxRow]
    confirmed: list[int] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return len(self.rows) == BATCH_SIZE


class Shard:
    """One shard of a database's outbox, on a connection of its own."""

    def __init__(self, url: str, number: int) -> None:
        self.number = number
        self._url = url
        self._connection: psycopg.AsyncConnection | None = None

    @asynccontextmanager
    async def batch(self, stuck: Collection[str] = ()) -> AsyncIterator[Batch | None]:
        """Hold the shard for the length of a block; None when another relay has it.

        Left out are all aggregates that wait behind a message with one of the `stuck` routing keys.
        Raises psycopg.Error when the database is away, or has ended the session of a relay that was
        idle for `FENCE_SECONDS`; then nothing is deleted.
        """
        connection = await self._connected()
        try:
            if not await self._lock(connection):
                yield None
                await connection.execute("ROLLBACK")
                return
            batch = Batch(await self._read(connection, stuck))
            yield batch
            if batch.confirmed:
                await connection.execute(_DELETE, [batch.confirmed])
            await connection.execute("COMMIT")
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Give the connection up, and with it the shard."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, **{**CONNECT_ARGS, "options": _OPTIONS}
            )
        return self._connection

    async def _lock(self, connection: psycopg.AsyncConnection) -> bool:
        """Take the shard until the transaction ends; False when another relay has it."""
        cursor = await connection.execute(
            "BEGIN ISOLATION LEVEL READ COMMITTED;"
            f"SELECT pg_try_advisory_xact_lock({LOCK_NAMESPACE}, {self.number})"
        )
        cursor.nextset()
        row = await cursor.fetchone()
        return row is not None and bool(row[0])

    async def _read(
        self, connection: psycopg.AsyncConnection, stuck: Collection[str]
    ) -> list[OutboxRow]:
        async with connection.cursor(row_factory=class_row(OutboxRow)) as cursor:
            await cursor.execute(
                _READ_BESIDE_STUCK if stuck else _READ,
                {"shard": self.number, "limit": BATCH_SIZE, "stuck": list(stuck)},
            )
            return await cursor.fetchall()
