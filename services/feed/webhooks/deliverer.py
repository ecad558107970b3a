"""Delivers to endpoints: each gets its events one after another, and none waits for another."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from prometheus_client import Counter, Histogram
from psycopg_pool import PoolTimeout

from services.feed.event_queries import sql_pattern
from services.feed.log_reader import LogReader, LogRow, Selection
from services.feed.log_watch import LogWatch, wait_until_woken
from services.feed.webhooks.endpoints import Endpoint, Endpoints
from services.feed.webhooks.retry_schedule import (
    MOST_ATTEMPTS,
    has_failed_too_long,
    pause_after,
)
from services.feed.webhooks.sending import TRY_SECONDS, Attempt, WebhookSender
from shared.instants import now
from shared.process.structured_logs import get_logger

EVENT_CONTENT_TYPE = "application/cloudevents+json"
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"
LARGEST_BATCH = 100
_AT_A_TIME = 50
# Longer than a try: nobody else takes an endpoint while it is tried.
_LEASE = timedelta(seconds=2 * TRY_SECONDS + 20)
_LONGEST_REST_SECONDS = 15.0
_RETRY_SECONDS = 1.0

_tries = Counter("webhook_deliveries_total", "Tries at endpoints, by how they ended", ["outcome"])
_age = Histogram(
    "webhook_event_age_seconds",
    "From an event's place in the log to its delivery",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600, 86400, 259200),
)

_log = get_logger(__name__)


class Deliverer:
    """Delivers until told to stop; any number of them may run."""

    def __init__(
        self, endpoints: Endpoints, reader: LogReader, watch: LogWatch, sender: WebhookSender
    ) -> None:
        self._endpoints = endpoints
        self._reader = reader
        self._watch = watch
        self._sender = sender
        self._busy: dict[object, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; what is under way then is finished."""
        ending = asyncio.create_task(self._wake_on(stop))
        try:
            async with self._watch.waiting(None) as woken:
                while not stop.is_set():
                    await wait_until_woken(woken, await self._begin_what_is_due(woken))
        finally:
            ending.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._watch.close()

    async def _begin_what_is_due(self, woken: asyncio.Event) -> float:
        """Begin to deliver where something is due; return for how many seconds nothing is."""
        # One instant for both questions: what is due in neither would be waited for too long.
        at = now()
        try:
            for endpoint in await self._endpoints.due(at, 2 * _AT_A_TIME):
                if len(self._busy) < _AT_A_TIME and endpoint.id not in self._busy:
                    self._begin(endpoint, woken)
            next_due_at = await self._endpoints.next_due_after(at)
        except (psycopg.Error, PoolTimeout) as error:
            _log.warning("endpoints cannot be read, trying again", reason=repr(error))
            return _RETRY_SECONDS
        if next_due_at is None:
            return _LONGEST_REST_SECONDS
        seconds = (next_due_at - now()).total_seconds()
        return min(max(seconds, 0.05), _LONGEST_REST_SECONDS)

    def _begin(self, endpoint: Endpoint, woken: asyncio.Event) -> None:
        task = asyncio.create_task(self._deliver_all(endpoint))
        self._busy[endpoint.id] = task

        def end(_task: asyncio.Task[None]) -> None:
            del self._busy[endpoint.id]
            woken.set()

        task.add_done_callback(end)

    async def _deliver_all(self, endpoint: Endpoint) -> None:
        """Deliver to one endpoint until there is nothing more, or a try fails."""
        current: Endpoint | None = endpoint
        try:
            while current is not None and not self._watch.is_closed:
                claimed = await self._endpoints.claim(current, _LEASE)
                current = None if claimed is None else await self.deliver_next(claimed)
        except (psycopg.Error, PoolTimeout) as error:
            _log.warning("not delivered, the claim runs out", reason=repr(error))

    async def deliver_next(self, claimed: Endpoint) -> Endpoint | None:
        """Try the next event, or batch; return the endpoint when there may be more for it."""
        selection = Selection(
            account_id=claimed.account_id, types=[sql_pattern(each) for each in claimed.types]
        )
        head = await self._reader.head()
        size = LARGEST_BATCH if claimed.batch else 1
        rows = await self._reader.page(selection, claimed.position, size)
        if not rows:
            done = {"position": max(head, claimed.position), "next_attempt_at": now()}
            await self._endpoints.finish(claimed, done)
            return None
        attempt = await self.send(claimed, rows)
        number = claimed.attempts + 1
        await self._endpoints.record(claimed, rows[-1].event_id, number, attempt)
        changes, goes_on = _after(claimed, attempt, number, rows[-1].position, now())
        stored = await self._endpoints.finish(claimed, changes)
        return stored if goes_on else None

    async def send(self, endpoint: Endpoint, rows: Sequence[LogRow]) -> Attempt:
        """Try to deliver events, as one message."""
        if endpoint.batch:
            body = f"[{', '.join(row.as_json() for row in rows)}]"
        else:
            body = rows[0].as_json()
        attempt = await self._sender.send(
            endpoint.url,
            rows[-1].event_id,
            body.encode(),
            BATCH_CONTENT_TYPE if endpoint.batch else EVENT_CONTENT_TYPE,
            endpoint.keys(now()),
        )
        _tries.labels(attempt.outcome).inc()
        if attempt.is_delivered:
            _age.observe(max(0.0, (now() - rows[-1].received_at).total_seconds()))
        return attempt


def _after(
    endpoint: Endpoint, attempt: Attempt, number: int, position: int, at: datetime
) -> tuple[dict[str, Any], bool]:
    """Return what a try changes, and whether the next event is to follow at once."""
    done = {"position": position, "attempts": 0, "next_attempt_at": at}
    if attempt.is_delivered:
        return {**done, "failing_since": None}, True
    failing_since = endpoint.failing_since or at
    if attempt.is_gone:
        return {"is_enabled": False, "disabled_reason": "gone", "attempts": 0}, False
    if has_failed_too_long(failing_since, at):
        return {"is_enabled": False, "disabled_reason": "failing", "attempts": 0}, False
    if number >= MOST_ATTEMPTS:
        return {**done, "failing_since": failing_since}, True
    return {
        "attempts": number,
        "failing_since": failing_since,
        "next_attempt_at": at + pause_after(number, attempt),
    }, False
