"""Endpoints as stored: what their owners do with them, and what delivering does.

An endpoint is claimed by moving `next_attempt_at` on, by comparing it; the end of a try is stored
only while nobody has moved it since. So no transaction is open while somebody else's server
answers, a second `deliver` finds nothing to do, and a rewind beside a try is not overwritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from services.feed.log_reader import Pool
from services.feed.webhooks.sending import Attempt

MOST_ENDPOINTS = 20
DELIVERIES_SHOWN = 100
_OLD_SECRET_KEPT = timedelta(hours=24)

_COLUMNS = (
    "id, account_id, url, types, batch, is_enabled, disabled_reason, secret, previous_secret,"
    " previous_secret_until, position, attempts, next_attempt_at, failing_since, created_at"
)
_CREATE = f"""
INSERT INTO webhooks (id, account_id, url, types, batch, is_enabled, secret, position,
                      next_attempt_at, created_at)
SELECT gen_random_uuid(), %(account_id)s, %(url)s, %(types)s, %(batch)s, true, %(secret)s,
       head.position, now(), now()
  FROM head
 WHERE (SELECT count(*) FROM webhooks WHERE account_id = %(account_id)s) < %(most)s
RETURNING {_COLUMNS}
"""  # noqa: S608 - only ours
_OWN = f"SELECT {_COLUMNS} FROM webhooks WHERE account_id = %s ORDER BY created_at, id"  # noqa: S608
_ONE = f"SELECT {_COLUMNS} FROM webhooks WHERE account_id = %s AND id = %s"  # noqa: S608
_DUE = f"""
SELECT {_COLUMNS} FROM webhooks
 WHERE is_enabled AND next_attempt_at <= %s
   AND EXISTS (SELECT FROM log WHERE log.account_id = webhooks.account_id
                  AND log.position > webhooks.position)
 ORDER BY next_attempt_at LIMIT %s
"""  # noqa: S608 - only ours
_NEXT_DUE = "SELECT min(next_attempt_at) FROM webhooks WHERE is_enabled AND next_attempt_at > %s"
_CLAIM = f"""
UPDATE webhooks SET next_attempt_at = now() + %(lease)s
 WHERE id = %(id)s AND is_enabled AND next_attempt_at = %(seen)s
RETURNING {_COLUMNS}
"""  # noqa: S608 - only ours
_DELIVERY = """
INSERT INTO deliveries
       (webhook_id, event_id, attempt, outcome, status, milliseconds, attempted_at)
SELECT id, %(event_id)s, %(attempt)s, %(outcome)s, %(status)s, %(milliseconds)s, now()
  FROM webhooks WHERE id = %(id)s
"""
_DELIVERIES = """
SELECT id, event_id, attempt, outcome, status, milliseconds, attempted_at FROM deliveries
 WHERE webhook_id = %s ORDER BY id DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One webhook of an account."""

    id: UUID
    account_id: str
    url: str
    types: list[str]
    batch: bool
    is_enabled: bool
    disabled_reason: str | None
    secret: str
    previous_secret: str | None
    previous_secret_until: datetime | None
    position: int
    attempts: int
    next_attempt_at: datetime
    failing_since: datetime | None
    created_at: datetime

    def keys(self, now: datetime) -> list[str]:
        """Return the secrets to sign with: after a rotation, for a day, the old one too."""
        until = self.previous_secret_until
        if self.previous_secret is None or until is None or until <= now:
            return [self.secret]
        return [self.secret, self.previous_secret]


class Endpoints:
    """Endpoints in the database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(
        self, account_id: str, *, url: str, types: list[str], batch: bool, secret: str
    ) -> Endpoint | None:
        """Store a new endpoint, which begins with what comes; None when there are too many."""
        values = {"url": url, "types": types, "batch": batch, "secret": secret}
        return await self._one(_CREATE, values | {"account_id": account_id, "most": MOST_ENDPOINTS})

    async def of_account(self, account_id: str) -> list[Endpoint]:
        return await self._all(_OWN, [account_id])

    async def find(self, account_id: str, endpoint_id: UUID) -> Endpoint | None:
        return await self._one(_ONE, [account_id, endpoint_id])

    async def change(
        self, account_id: str, endpoint_id: UUID, changes: Mapping[str, Any]
    ) -> Endpoint | None:
        """Change columns; whatever is under way is begun anew, at once."""
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in changes
        )
        query = sql.SQL(
            "UPDATE webhooks SET {}, attempts = 0, next_attempt_at = now()"
            " WHERE account_id = {} AND id = {} RETURNING {}"
        ).format(
            assignments,
            sql.Placeholder("owner"),
            sql.Placeholder("endpoint"),
            sql.SQL(_COLUMNS),
        )
        return await self._one(query, {**changes, "owner": account_id, "endpoint": endpoint_id})

    async def rotate(self, endpoint: Endpoint, secret: str, now: datetime) -> Endpoint | None:
        """Give the endpoint a new secret; for a day the old one signs beside it."""
        changes = {
            "secret": secret,
            "previous_secret": endpoint.secret,
            "previous_secret_until": now + _OLD_SECRET_KEPT,
        }
        return await self.change(endpoint.account_id, endpoint.id, changes)

    async def delete(self, account_id: str, endpoint_id: UUID) -> bool:
        query = "DELETE FROM webhooks WHERE account_id = %s AND id = %s RETURNING id"
        async with self._pool.connection() as connection:
            deleted = await connection.execute(query, [account_id, endpoint_id])
            return await deleted.fetchone() is not None

    async def deliveries(self, endpoint_id: UUID) -> list[dict[str, Any]]:
        """Return the latest tries, the newest first."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_DELIVERIES, [endpoint_id, DELIVERIES_SHOWN])
            return await cursor.fetchall()

    async def due(self, at: datetime, limit: int) -> list[Endpoint]:
        """Return endpoints for which there is something, and whose time has come at an instant."""
        return await self._all(_DUE, [at, limit])

    async def next_due_after(self, at: datetime) -> datetime | None:
        """Return when the time of the next endpoint comes that was not due at an instant."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_NEXT_DUE, [at])).fetchone()
        return None if row is None else row[0]

    async def claim(self, endpoint: Endpoint, lease: timedelta) -> Endpoint | None:
        """Take an endpoint for some time; None when somebody else has it, or has changed it."""
        seen = {"id": endpoint.id, "seen": endpoint.next_attempt_at, "lease": lease}
        return await self._one(_CLAIM, seen)

    async def finish(self, claimed: Endpoint, changes: Mapping[str, Any]) -> Endpoint | None:
        """Store the end of a try; None when the endpoint was changed meanwhile."""
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in changes
        )
        query = sql.SQL(
            "UPDATE webhooks SET {} WHERE id = {} AND next_attempt_at = {} RETURNING {}"
        ).format(
            assignments,
            sql.Placeholder("endpoint"),
            sql.Placeholder("claimed_until"),
            sql.SQL(_COLUMNS),
        )
        claim = {"endpoint": claimed.id, "claimed_until": claimed.next_attempt_at}
        return await self._one(query, {**changes, **claim})

    async def record(self, endpoint: Endpoint, event_id: str, number: int, try_: Attempt) -> None:
        """Record a try, without anything of what the endpoint answered but its status."""
        async with self._pool.connection() as connection:
            await connection.execute(
                _DELIVERY,
                {
                    "id": endpoint.id,
                    "event_id": event_id,
                    "attempt": number,
                    "outcome": try_.outcome,
                    "status": try_.status,
                    "milliseconds": try_.milliseconds,
                },
            )

    async def _one(self, query: Any, parameters: Any) -> Endpoint | None:
        found = await self._all(query, parameters)
        return found[0] if found else None

    async def _all(self, query: Any, parameters: Any) -> list[Endpoint]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Endpoint)) as cursor,
        ):
            await cursor.execute(query, parameters)
            return await cursor.fetchall()
