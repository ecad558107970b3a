"""Repeating a POST whose answer was lost: the header `Idempotency-Key`, kept for 24 hours.

The key is remembered in the transaction that creates the habit, under the owner's lock, so
repetitions in parallel create one habit. The first answer needs no copy: it is the habit at its
first version, which its events lead to at any time.
"""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select

from services.habits.habit_details import HabitDetails
from services.habits.tables import idempotency_keys
from shared.http.idempotency_key import KEPT, KeyReused, checked_key


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key, and what the request under it asks for."""

    key: str
    fingerprint: bytes


def read_key(header: str | None, details: HabitDetails) -> IdempotencyKey | None:
    """Return the key of a request, None without one. Raises Problem 400 for a key that is none."""
    key = checked_key(header)
    if key is None:
        return None
    asked = repr(sorted(asdict(details).items()))
    return IdempotencyKey(key, hashlib.sha256(asked.encode()).digest())


def find_habit(
    connection: Connection, owner_id: UUID, key: IdempotencyKey, now: datetime
) -> UUID | None:
    """Return the habit that was created under the key, None for a new key. Raises KeyReused."""
    row = connection.execute(
        select(idempotency_keys.c.fingerprint, idempotency_keys.c.habit_id).where(
            idempotency_keys.c.owner_id == owner_id,
            idempotency_keys.c.key == key.key,
            idempotency_keys.c.used_at > now - KEPT,
        )
    ).one_or_none()
    if row is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise KeyReused
    habit_id: UUID = row.habit_id
    return habit_id


def remember(
    connection: Connection, owner_id: UUID, key: IdempotencyKey, habit_id: UUID, now: datetime
) -> None:
    """Remember a key together with its habit, and forget the owner's keys that are too old."""
    mine = idempotency_keys.c.owner_id == owner_id
    connection.execute(
        delete(idempotency_keys).where(mine, idempotency_keys.c.used_at <= now - KEPT)
    )
    connection.execute(
        insert(idempotency_keys).values(
            owner_id=owner_id,
            key=key.key,
            fingerprint=key.fingerprint,
            habit_id=habit_id,
            used_at=now,
        )
    )
