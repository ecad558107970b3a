"""The log as server-sent events (HTML standard, section 9.2), from a position on and then live.

Each event has its id, so that a client that comes back names the last one it got. The end of what
was there already is told by `caught-up`. A stream ends with the token it was asked for with.
"""

import time
from collections.abc import AsyncIterator

import psycopg
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.feed.event_queries import PAGE_SIZE
from services.feed.log_reader import LogReader, Selection
from services.feed.log_watch import LogWatch, wait_until_woken
from shared.process.structured_logs import get_logger

RETRY_MILLISECONDS = 3_000
COMMENT_SECONDS = 15
# A client that takes nothing for so long is gone.
_SEND_SECONDS = 30

_log = get_logger(__name__)


def stream_response(
    reader: LogReader, watch: LogWatch, selection: Selection, after: int, *, expires_at: float
) -> EventSourceResponse:
    """Answer with the events after a position, until `expires_at` (seconds since the epoch)."""
    return EventSourceResponse(
        _events(reader, watch, selection, after, expires_at),
        ping=COMMENT_SECONDS,
        ping_message_factory=lambda: ServerSentEvent(comment="still here", sep="\n"),
        sep="\n",
        send_timeout=_SEND_SECONDS,
    )


async def _events(
    reader: LogReader, watch: LogWatch, selection: Selection, after: int, expires_at: float
) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(retry=RETRY_MILLISECONDS, sep="\n")
    is_caught_up = False
    async with watch.waiting(selection.account_id) as woken:
        while (left_seconds := expires_at - time.time()) > 0 and not watch.is_closed:
            try:
                rows = await reader.page(selection, after, PAGE_SIZE)
            except psycopg.Error as error:
                _log.warning("a stream ends, its client comes back", reason=repr(error))
                return
            for row in rows:
                after = row.position
                yield ServerSentEvent(row.as_json(), id=row.event_id, sep="\n")
            if rows:
                continue
            if not is_caught_up:
                is_caught_up = True
                yield ServerSentEvent("{}", event="caught-up", sep="\n")
            await wait_until_woken(woken, left_seconds)
