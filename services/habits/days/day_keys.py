"""Repeating a POST of days whose answer was lost: which days it wrote, and at which versions.

The first answer needs no copy: it is those days at those versions, which their events lead to at
any time. The keys are kept in the same table as those of created habits, so one key is never good
for both.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select

from services.habits.idempotency import IdempotencyKey
from services.habits.tables import idempotency_keys
from shared.http.idempotency_key import KEPT, KeyReused, checked_key


def read_key(header: str | None, asked: object) -> IdempotencyKey | None:
    """Return the key of a request that asks for this, None without one. Raises Problem 400."""
    key = checked_key(header)
    if key is None:
        return None
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return IdempotencyKey(key, hashlib.sha256(canonical.encode()).digest())


def find_days(
    connection: Connection, owner_id: UUID, key: IdempotencyKey, now: datetime
) -> dict[UUID, int] | None:
    """Return the versions of the days written under the key, None for a new one.

    Raises KeyReused.
    """
    row = connection.execute(
        select(idempotency_keys.c.fingerprint, idempotency_keys.c.days).where(
            idempotency_keys.c.owner_id == owner_id,
            idempotency_keys.c.key == key.key,
            idempotency_keys.c.used_at > now - KEPT,
        )
    ).one_or_none()
    if row is None:
        return None
    if row.fingerprint != key.fingerprint or row.days is None:
        raise KeyReused
    return {UUID(day_id): version for day_id, version in row.days.items()}


def remember_days(
    connection: Connection,
    owner_id: UUID,
    key: IdempotencyKey,
    versions: Mapping[UUID, int],
    now: datetime,
) -> None:
    """Remember a key together with its days, and forget the owner's keys that are too old."""
    mine = idempotency_keys.c.owner_id == owner_id
    connection.execute(
        delete(idempotency_keys).where(mine, idempotency_keys.c.used_at <= now - KEPT)
    )
    connection.execute(
        insert(idempotency_keys).values(
            owner_id=owner_id,
            key=key.key,
            fingerprint=key.fingerprint,
            days={str(day_id): version for day_id, version in versions.items()},
            used_at=now,
        )
    )
