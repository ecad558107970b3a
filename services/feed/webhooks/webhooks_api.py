"""The routes of webhooks: endpoints of one's own, their deliveries, test, rewind and secret."""

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.feed.bearer_tokens import Caller, read_caller
from services.feed.log_reader import LogReader, LogRow
from services.feed.webhooks.endpoints import MOST_ENDPOINTS, Endpoint, Endpoints
from services.feed.webhooks.request_bodies import (
    ChangedWebhookSchema,
    RewindSchema,
    WebhookSchema,
    read_body,
    require_public,
)
from services.feed.webhooks.sending import WebhookSender
from services.feed.webhooks.signatures import new_secret
from shared.http.access_tokens import KeyLookup
from shared.http.problem_details import Problem, invalid_input
from shared.http.scopes import WEBHOOKS
from shared.instants import now, to_json

RequestHandler = Callable[[Request], Awaitable[Response]]

TEST_TYPE = "webhook.test.v1"


class WebhooksApi:
    """Answers requests about webhooks."""

    def __init__(
        self,
        endpoints: Endpoints,
        reader: LogReader,
        sender: WebhookSender,
        find_key: KeyLookup,
        *,
        allow_private: bool,
    ) -> None:
        self._endpoints = endpoints
        self._reader = reader
        self._sender = sender
        self._find_key = find_key
        self._allow_private = allow_private

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = "/api/webhooks/{webhook_id}/"
        return [
            _route("/api/webhooks/", GET=self.list, POST=self.create),
            _route(one, GET=self.read, PATCH=self.change, DELETE=self.delete),
            Route(f"{one}deliveries/", self.deliveries, methods=["GET"]),
            Route(f"{one}test/", self.test, methods=["POST"]),
            Route(f"{one}rewind/", self.rewind, methods=["POST"]),
            Route(f"{one}secret/", self.rotate, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Answer with the caller's webhooks, oldest first."""
        caller = await self._caller(request)
        found = await self._endpoints.of_account(caller.account_id)
        return JSONResponse({"results": [_shown(each) for each in found]})

    async def create(self, request: Request) -> Response:
        """Create a webhook; its secret is shown in this answer alone."""
        caller = await self._caller(request)
        wanted = await read_body(request, WebhookSchema())
        require_public(wanted["url"], allow_private=self._allow_private)
        endpoint = await self._endpoints.create(caller.account_id, **wanted, secret=new_secret())
        if endpoint is None:
            raise Problem(
                400, "too_many_webhooks", f"An account has at most {MOST_ENDPOINTS} webhooks."
            )
        location = {"Location": f"/api/webhooks/{endpoint.id}/"}
        return JSONResponse(_shown(endpoint) | {"secret": endpoint.secret}, 201, location)

    async def read(self, request: Request) -> Response:
        """Answer with one webhook."""
        return JSONResponse(_shown(await self._endpoint(request)))

    async def change(self, request: Request) -> Response:
        """Change a webhook; one that is enabled again goes on where it stopped."""
        endpoint = await self._endpoint(request)
        changes = await read_body(request, ChangedWebhookSchema())
        if "url" in changes:
            require_public(changes["url"], allow_private=self._allow_private)
        if changes.get("is_enabled"):
            changes |= {"disabled_reason": None, "failing_since": None}
        if not changes:
            return JSONResponse(_shown(endpoint))
        changed = await self._endpoints.change(endpoint.account_id, endpoint.id, changes)
        return JSONResponse(_shown(_there(changed)))

    async def delete(self, request: Request) -> Response:
        """Delete a webhook."""
        caller = await self._caller(request)
        if not await self._endpoints.delete(caller.account_id, _id_in(request)):
            raise _not_found()
        return Response(status_code=204)

    async def deliveries(self, request: Request) -> Response:
        """Answer with the latest tries, the newest first."""
        endpoint = await self._endpoint(request)
        found = await self._endpoints.deliveries(endpoint.id)
        shown = [{**each, "attempted_at": to_json(each["attempted_at"])} for each in found]
        return JSONResponse({"results": shown})

    async def test(self, request: Request) -> Response:
        """Try the endpoint with an event made for it, and say how that went."""
        endpoint = await self._endpoint(request)
        event = _test_event(endpoint)
        attempt = await self._sender.send(
            endpoint.url,
            event.event_id,
            event.as_json().encode(),
            "application/cloudevents+json",
            endpoint.keys(now()),
        )
        answer = {
            "event_id": event.event_id,
            "outcome": attempt.outcome,
            "status": attempt.status,
            "milliseconds": attempt.milliseconds,
        }
        return JSONResponse(answer)

    async def rewind(self, request: Request) -> Response:
        """Set the webhook back: what comes after an event is delivered again."""
        endpoint = await self._endpoint(request)
        last_event_id = (await read_body(request, RewindSchema()))["lastEventId"]
        position: int | None = 0
        if last_event_id is not None:
            position = await self._reader.position_of(last_event_id)
        if position is None:
            raise Problem(410, "position_unknown", "No event of this feed has that id.")
        changes = {"position": position}
        changed = await self._endpoints.change(endpoint.account_id, endpoint.id, changes)
        return JSONResponse(_shown(_there(changed)))

    async def rotate(self, request: Request) -> Response:
        """Give the webhook a new secret; for a day both sign."""
        endpoint = await self._endpoint(request)
        changed = _there(await self._endpoints.rotate(endpoint, new_secret(), now()))
        return JSONResponse(
            {
                "secret": changed.secret,
                "previous_signs_until": to_json(changed.previous_secret_until or now()),
            }
        )

    async def _caller(self, request: Request) -> Caller:
        # In a thread: the keys may have to be fetched.
        authorization = request.headers.get("Authorization", "")
        caller = await run_in_threadpool(read_caller, authorization, self._find_key)
        caller.require(WEBHOOKS)
        if request.query_params:
            raise invalid_input({name: ["Unknown field."] for name in request.query_params})
        return caller

    async def _endpoint(self, request: Request) -> Endpoint:
        caller = await self._caller(request)
        return _there(await self._endpoints.find(caller.account_id, _id_in(request)))


def _route(path: str, **endpoints: RequestHandler) -> Route:
    """Return one route for all methods of a path: its refusal of others names them all."""

    async def dispatch(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, dispatch, methods=list(endpoints))


def _id_in(request: Request) -> UUID:
    try:
        return UUID(request.path_params["webhook_id"])
    except ValueError:
        raise _not_found() from None


def _there(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise _not_found()
    return endpoint


def _not_found() -> Problem:
    return Problem(404, "not_found", "There is no such webhook.")


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    failing_since = endpoint.failing_since
    return {
        "id": str(endpoint.id),
        "url": endpoint.url,
        "types": endpoint.types,
        "batch": endpoint.batch,
        "is_enabled": endpoint.is_enabled,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": None if failing_since is None else to_json(failing_since),
        "created_at": to_json(endpoint.created_at),
    }


def _test_event(endpoint: Endpoint) -> LogRow:
    at = now()
    return LogRow(
        position=0,
        event_id=f"test-{uuid.uuid4()}",
        type=TEST_TYPE,
        source="/services/feed",
        subject=str(endpoint.id),
        time=at,
        received_at=at,
        data=f'{{"webhook_id": "{endpoint.id}", "sent_at": {int(time.time())}}}',
        request_id=None,
        traceparent=None,
    )
