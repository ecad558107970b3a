"""The feed's routes: the whole log for operators, and to everybody what is their own.

After the specification of http-feeds.org: a page of events after `lastEventId`, an empty one at the
end, and with `timeout` a wait there for what comes next.
"""

import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.feed.bearer_tokens import Caller, read_caller
from services.feed.event_queries import EventQuery, read_query
from services.feed.event_stream import stream_response
from services.feed.log_reader import LogReader, LogRow, Selection
from services.feed.log_watch import LogWatch, wait_until_woken
from shared.http.access_tokens import KeyLookup, invalid_token
from shared.http.problem_details import Problem
from shared.http.scopes import ALL_EVENTS_READ, EVENTS_READ

BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"
STREAM_CONTENT_TYPE = "text/event-stream"


class FeedApi:
    """Answers requests for events."""

    def __init__(self, reader: LogReader, watch: LogWatch, find_key: KeyLookup) -> None:
        self._reader = reader
        self._watch = watch
        self._find_key = find_key

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/events/", self.all_events),
            Route("/api/me/events/", self.own_events),
        ]

    async def all_events(self, request: Request) -> Response:
        """Answer with a page of the whole log."""
        caller = await self._caller(request)
        caller.require_named(ALL_EVENTS_READ)
        query = read_query(request.query_params)
        selection = Selection(types=query.types, compacted=query.compacted)
        return await self._page(query, selection, await self._position(query.last_event_id))

    async def own_events(self, request: Request) -> Response:
        """Answer with the caller's own events: a page, or a stream where that is accepted."""
        caller = await self._caller(request)
        caller.require(EVENTS_READ)
        if await self._reader.is_erased(caller.account_id):
            raise invalid_token()
        query = read_query(request.query_params, request.headers.get("Last-Event-ID", ""))
        selection = Selection(
            account_id=caller.account_id, types=query.types, compacted=query.compacted
        )
        after = await self._position(query.last_event_id)
        if STREAM_CONTENT_TYPE not in request.headers.get("Accept", ""):
            return await self._page(query, selection, after)
        return stream_response(
            self._reader, self._watch, selection, after, expires_at=caller.expires_at
        )

    async def _caller(self, request: Request) -> Caller:
        # In a thread: the keys may have to be fetched.
        authorization = request.headers.get("Authorization", "")
        return await run_in_threadpool(read_caller, authorization, self._find_key)

    async def _position(self, event_id: str | None) -> int:
        if event_id is None:
            return 0
        position = await self._reader.position_of(event_id)
        if position is None:
            raise Problem(
                410,
                "position_unknown",
                "No event of this feed has that id; read the feed from its beginning.",
            )
        return position

    async def _page(self, query: EventQuery, selection: Selection, after: int) -> Response:
        rows = await self._rows(query, selection, after)
        return Response(
            f"[{', '.join(row.as_json() for row in rows)}]\n",
            media_type=BATCH_CONTENT_TYPE,
            headers={"Cache-Control": "no-store"},
        )

    async def _rows(self, query: EventQuery, selection: Selection, after: int) -> list[LogRow]:
        ends_at = time.monotonic() + query.wait_seconds
        async with self._watch.waiting(selection.account_id) as woken:
            while True:
                rows = await self._reader.page(selection, after, query.limit)
                left_seconds = ends_at - time.monotonic()
                if rows or left_seconds <= 0 or self._watch.is_closed:
                    return rows
                await wait_until_woken(woken, left_seconds)
