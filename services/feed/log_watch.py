"""One LISTEN a process wakes all who wait for the log to grow.

Who waits takes a `Waiting` first, then looks into the log, then waits: what is committed in between
is not missed. While the connection is down everybody is woken now and then, and looks.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import psycopg
from prometheus_client import Gauge

from services.feed.log_notices import LOG_CHANNEL, accounts_in
from shared.database import CONNECT_ARGS
from shared.process.structured_logs import get_logger

_RETRY_SECONDS = 1.0
# A notice is never waited for longer: a connection can die without a word.
_LOOK_SECONDS = 15.0

_EVERYBODY = None

_waiting = Gauge("feed_waiting", "Long polls and streams that wait for the log to grow")

_log = get_logger(__name__)


class LogWatch:
    """Knows who waits for events: of one account, or of any."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: defaultdict[str | None, set[asyncio.Event]] = defaultdict(set)
        self.is_closed = False

    @asynccontextmanager
    async def waiting(self, account_id: str | None) -> AsyncIterator[asyncio.Event]:
        """Yield an event that is set when the log has grown by events of the account, or any."""
        woken = asyncio.Event()
        self._waiting[account_id].add(woken)
        _waiting.inc()
        try:
            yield woken
        finally:
            _waiting.dec()
            self._waiting[account_id].discard(woken)
            if not self._waiting[account_id]:
                del self._waiting[account_id]

    @property
    def count(self) -> int:
        """How many wait now."""
        return sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Wake all who wait: nobody is to wait any longer."""
        self.is_closed = True
        self._wake(list(self._waiting))

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, application_name="feed-watch", **CONNECT_ARGS
                ) as connection:
                    await connection.execute(f"LISTEN {LOG_CHANNEL}")
                    await self._pass_on(connection)
            except psycopg.Error as error:
                _log.warning("not listening, looking now and then instead", reason=str(error))
            await asyncio.sleep(_RETRY_SECONDS)

    async def _pass_on(self, connection: psycopg.AsyncConnection) -> None:
        while True:
            self._wake(list(self._waiting))
            async for notice in connection.notifies(timeout=_LOOK_SECONDS):
                accounts = accounts_in(notice.payload)
                self._wake(list(self._waiting) if accounts is None else [_EVERYBODY, *accounts])
            # Says whether the connection is still there.
            await connection.execute("SELECT 1")

    def _wake(self, accounts: Iterable[str | None]) -> None:
        for account_id in accounts:
            for woken in self._waiting.get(account_id, ()):
                woken.set()


async def wait_until_woken(woken: asyncio.Event, seconds: float) -> bool:
    """Wait for an event of `LogWatch`; return whether it came in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()
    was_woken = woken.is_set()
    woken.clear()
    return was_woken
