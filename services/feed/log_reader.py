"""Reads the log in its order, page by page; what has been erased is passed over.

Bodies are handed on as the text that PostgreSQL keeps: they are not parsed on their way.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from shared.instants import to_json

_COLUMNS = (
    "position, event_id, type, source, subject, time, received_at, data::text, request_id,"
    " traceparent"
)
_POSITION_OF = "SELECT position FROM log WHERE event_id = %s"
_IS_ERASED = "SELECT EXISTS (SELECT FROM erased_accounts WHERE account_id = %s)"

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events are asked for.

    `account_id`: only this account's. `types`: only these, each a SQL pattern. `compacted`: of each
    subject only the newest.
    """

    account_id: str | None = None
    types: Sequence[str] = ()
    compacted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """An event of the log; `data` is JSON text."""

    position: int
    event_id: str
    type: str
    source: str
    subject: str | None
    time: datetime
    received_at: datetime
    data: str
    request_id: str | None
    traceparent: str | None

    def as_json(self) -> str:
        """Return the event in CloudEvents' JSON format, on one line."""
        attributes = {
            "specversion": "1.0",
            "id": self.event_id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": to_json(self.time),
            "datacontenttype": "application/json",
            "requestid": self.request_id,
            "traceparent": self.traceparent,
        }
        given = {name: value for name, value in attributes.items() if value is not None}
        return f'{json.dumps(given, ensure_ascii=False)[:-1]}, "data": {self.data}}}'


class LogReader:
    """Reads with connections of a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def position_of(self, event_id: str) -> int | None:
        """Return an event's position; None for one that was never in the log."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_POSITION_OF, [event_id])).fetchone()
        return None if row is None else int(row[0])

    async def head(self) -> int:
        """Return the position of the newest event."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute("SELECT position FROM head")).fetchone()
        return int(row[0]) if row else 0

    async def is_erased(self, account_id: str) -> bool:
        """Whether an account has been erased."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_IS_ERASED, [account_id])).fetchone()
        return bool(row and row[0])

    async def page(self, selection: Selection, after: int, limit: int) -> list[LogRow]:
        """Return the first events after a position."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(LogRow)) as cursor,
        ):
            await cursor.execute(
                _page_query(selection),
                {
                    "after": after,
                    "limit": limit,
                    "account_id": selection.account_id,
                    "types": list(selection.types),
                },
            )
            return await cursor.fetchall()


def _page_query(selection: Selection) -> bytes:
    of_types = " AND {}.type LIKE ANY(%(types)s)" if selection.types else ""
    conditions = "event.position > %(after)s AND event.data IS NOT NULL" + of_types.format("event")
    if selection.account_id is not None:
        conditions += " AND event.account_id = %(account_id)s"
    if selection.compacted:
        conditions += (
            " AND NOT EXISTS (SELECT FROM log AS newer WHERE newer.subject = event.subject"
            f" AND newer.position > event.position{of_types.format('newer')})"
        )
    query = f"SELECT {_COLUMNS} FROM log AS event WHERE {conditions}"  # noqa: S608 - only ours
    return f"{query} ORDER BY event.position LIMIT %(limit)s".encode()
