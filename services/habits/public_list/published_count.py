"""How long the public list is, without counting all of it for every reader.

Up to `exact_up_to` habits the number is exact and always new, as that costs next to nothing. A
longer list is counted every `kept_seconds` at most, by one thread; meanwhile the others get the
last number.
"""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection, func, select

from services.habits import read_model
from services.habits.tables import habits


class PublishedCount:
    """Counts the published habits; one instance serves all threads of a process."""

    def __init__(
        self,
        *,
        exact_up_to: int = 1000,
        kept_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exact_up_to = exact_up_to
        self._kept_seconds = kept_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: int | None = None
        self._counted_at = float("-inf")

    def current(self, connection: Connection) -> int:
        """Return the number of published habits; of a long list, as it was seconds ago."""
        near = self._count_up_to(connection, self._exact_up_to + 1)
        if near <= self._exact_up_to:
            return near
        if self._clock() - self._counted_at < self._kept_seconds and self._known is not None:
            return self._known
        if not self._lock.acquire(blocking=self._known is None):
            return self._known or near
        try:
            return self._count_all(connection)
        finally:
            self._lock.release()

    def _count_all(self, connection: Connection) -> int:
        if self._known is None or self._clock() - self._counted_at >= self._kept_seconds:
            self._known = read_model.count(connection, read_model.published())
            self._counted_at = self._clock()
        return self._known

    def _count_up_to(self, connection: Connection, limit: int) -> int:
        some = select(habits.c.id).where(read_model.published()).limit(limit).subquery()
        return connection.execute(select(func.count()).select_from(some)).scalar_one()
