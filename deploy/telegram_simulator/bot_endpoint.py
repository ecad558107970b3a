"""The life of a request to the Bot API: note it, let a fault have its way, run it, answer.

A request is settled in the log, and its journal line flushed, before the answer leaves; where
there is no answer, before the silence begins.
"""

import asyncio
import hmac
import itertools
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from weakref import WeakKeyDictionary

from aiohttp import web

from deploy.telegram_simulator.bot_methods import BotMethods
from deploy.telegram_simulator.bot_parameters import BotRefused, bad_request
from deploy.telegram_simulator.faults import NO_FAULT, refusal
from deploy.telegram_simulator.http_messages import (
    Answer,
    CutConnection,
    Reply,
    UnreadableBody,
    give,
    json_reply,
    parameters_of,
)
from deploy.telegram_simulator.request_log import Outcome, RequestRecord
from deploy.telegram_simulator.world import World

_PATH = re.compile(r"/bot(?P<token>[^/]*)/(?P<method>\w+)")


class BotEndpoint:
    """Answers `/bot<token>/<method>` for the one token it knows."""

    def __init__(self, world: World, bot_token: str) -> None:
        self._world = world
        self._token = bot_token.encode()
        self._methods = BotMethods(world)
        self._connection_ids: WeakKeyDictionary[asyncio.Transport, int] = WeakKeyDictionary()
        self._next_connection_id = itertools.count(1)

    async def answer(self, request: web.Request) -> web.Response:
        return await give(await self._answer(request), request)

    async def _answer(self, request: web.Request) -> Answer:
        received_at = time.time()
        path = _PATH.fullmatch(request.path)
        if path is None or request.method not in {"GET", "POST"}:
            return refusal(HTTPStatus.NOT_FOUND, "Not Found")
        try:
            parameters = await parameters_of(request)
        except UnreadableBody as error:
            return _told(bad_request(str(error)))
        except web.HTTPRequestEntityTooLarge as error:
            return refusal(error.status, error.reason)
        requests = self._world.requests
        connection_id = self._connection_id(request)
        record = requests.receive(path["method"], parameters, connection_id, received_at)
        if (problem := self._wrong_address(path["token"], path["method"])) is not None:
            requests.settle(record, Outcome(status=problem.status))
            return problem
        return await self._go_through(record, parameters)

    async def _go_through(self, record: RequestRecord, parameters: Mapping[str, str]) -> Answer:
        rule = self._world.faults.take(record.method, parameters)
        effect = rule.effect if rule else NO_FAULT
        await asyncio.sleep(effect.seconds_before)
        own: Answer = CutConnection()
        recorded_at: float | None = None
        if effect.takes_effect:
            own, recorded_at = await self._run(record.method, parameters)
        answer = effect.forced_answer or own
        outcome = Outcome(
            recorded_at_seconds=recorded_at,
            fault=rule.kind if rule else None,
            status=answer.status if isinstance(answer, Reply) else None,
        )
        self._world.requests.settle(record, outcome)
        await asyncio.sleep(effect.seconds_after)
        return answer

    def _connection_id(self, request: web.Request) -> int:
        """Tell connections apart for the log; 0 where the client has gone already."""
        if request.transport is None:
            return 0
        if request.transport not in self._connection_ids:
            self._connection_ids[request.transport] = next(self._next_connection_id)
        return self._connection_ids[request.transport]

    def _wrong_address(self, token: str, method: str) -> Reply | None:
        if not hmac.compare_digest(token.encode(), self._token):
            return refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized")
        if not self._methods.knows(method):
            return refusal(HTTPStatus.NOT_FOUND, "Not Found")
        return None

    async def _run(self, method: str, parameters: Mapping[str, str]) -> tuple[Reply, float | None]:
        """Return the answer and the time it took effect, None where it was refused."""
        try:
            result = await self._methods.call(method, parameters)
        except BotRefused as refused:
            return _told(refused), None
        return json_reply(HTTPStatus.OK, {"ok": True, "result": result}), time.time()


def _told(refused: BotRefused) -> Reply:
    return refusal(refused.status, refused.description, refused.parameters)
