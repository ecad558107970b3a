"""Wake-ups for the relay: which shards have been written to, told by NOTIFY.

A writer's request does not pay for it. NOTIFY inside its transaction would take a lock on which all
commits of the server wait for each other; a NOTIFY of its own after the commit is a second commit,
with a flush of the log. So a thread tells of all writes of the last moment at once, on a connection
whose commits wait for no disk. A wake-up that is lost costs one interval of the relay's polling.
"""

import threading
import time
from collections.abc import Iterable
from typing import Any

import psycopg

from shared.process.structured_logs import get_logger

OUTBOX_CHANNEL = "outbox"
SHARDS = 4

# So long after a wake-up, writes are gathered for the next one.
_GATHERING_SECONDS = 0.005
_RETRY_SECONDS = 1.0
_CLOSE_SECONDS = 5.0

_CONNECT_ARGS: dict[str, Any] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 5_000,
    "options": "-c synchronous_commit=off -c statement_timeout=5s",
}

_log = get_logger(__name__)


def written_shards(payload: str) -> list[int]:
    """Return the shards that the payload of a notification names."""
    return [int(shard) for shard in payload.split(",") if shard]


class WakeUps:
    """Tells the relay of one database; safe for use by many threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._condition = threading.Condition()
        self._shards: set[int] = set()
        self._thread: threading.Thread | None = None
        self._is_closing = False

    def tell(self, shards: Iterable[int]) -> None:
        """Have the relay told, in a moment, that rows of these shards have been committed."""
        with self._condition:
            self._shards.update(shards)
            if self._thread is None:
                # Not before: a connection must not cross the fork of an HTTP server's worker.
                self._is_closing = False
                self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)
                self._thread.start()
            self._condition.notify()

    def close(self) -> None:
        """Tell what is left to be told, and disconnect; a later call of `tell` begins anew."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._is_closing:
            try:
                with psycopg.connect(self._url, autocommit=True, **_CONNECT_ARGS) as connection:
                    self._tell_on(connection)
            except psycopg.Error as error:
                _log.warning("relay not woken, it will poll", reason=str(error))
                time.sleep(_RETRY_SECONDS)

    def _tell_on(self, connection: psycopg.Connection[Any]) -> None:
        while shards := self._next_shards():
            payload = ",".join(map(str, sorted(shards)))
            try:
                connection.execute(f"NOTIFY {OUTBOX_CHANNEL}, '{payload}'")
            except psycopg.Error:
                with self._condition:
                    self._shards |= shards
                raise
            time.sleep(_GATHERING_SECONDS)

    def _next_shards(self) -> set[int]:
        """Wait for shards that have been written to; none when there is an end."""
        with self._condition:
            self._condition.wait_for(lambda: self._shards or self._is_closing)
            shards, self._shards = self._shards, set()
            return shards
