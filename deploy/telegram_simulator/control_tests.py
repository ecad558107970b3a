"""Control API, the tests' part: what was received, faults, a fresh start, health."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from itertools import islice

from aiohttp import web

from deploy.telegram_simulator.control_schemas import (
    FaultSchema,
    RequestsQuery,
    answered,
    body_of,
    query_of,
)
from deploy.telegram_simulator.faults import FaultOptions, FaultRule, Match
from deploy.telegram_simulator.request_log import RecordFilter
from deploy.telegram_simulator.telegram_shapes import JSON
from deploy.telegram_simulator.world import World

_OPTIONS = frozenset(option.name for option in fields(FaultOptions))


class ControlTests:
    """What handlers return is the content of a 200."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Iterable[web.RouteDef]:
        yield web.get("/health", answered(self._health))
        yield web.get("/requests", answered(self._requests))
        yield web.get("/faults", answered(self._list_faults))
        yield web.post("/faults", answered(self._add_fault))
        yield web.delete("/faults", answered(self._clear_faults))
        yield web.get("/faults/{rule_id:[0-9]+}", answered(self._show_fault))
        yield web.delete("/faults/{rule_id:[0-9]+}", answered(self._drop_fault))
        yield web.post("/reset", answered(self._reset))

    async def _health(self, _: web.Request) -> JSON:
        return {"status": "ok", "pending_updates": len(self._world.updates)}

    async def _requests(self, request: web.Request) -> JSON:
        query = query_of(request, RequestsQuery)
        limit = query.pop("limit")
        found = self._world.requests.find(RecordFilter(**query))
        return {"requests": [record.as_json() for record in islice(found, limit)]}

    async def _list_faults(self, _: web.Request) -> JSON:
        return {"faults": [_rule(rule) for rule in self._world.faults.rules.values()]}

    async def _add_fault(self, request: web.Request) -> JSON:
        wanted = await body_of(request, FaultSchema)
        chat_id = wanted["chat_id"]
        rule = self._world.faults.add(
            wanted["kind"],
            FaultOptions(**{name: wanted[name] for name in _OPTIONS & wanted.keys()}),
            Match(
                method=wanted["method"],
                chat_id=None if chat_id is None else str(chat_id),
                text_contains=wanted["text_contains"],
            ),
            times=wanted["times"],
            probability=wanted["probability"],
            seed=wanted["seed"],
        )
        return _rule(rule)

    async def _show_fault(self, _: web.Request, rule_id: int) -> JSON:
        return _rule(self._rule(rule_id))

    async def _drop_fault(self, _: web.Request, rule_id: int) -> JSON:
        del self._world.faults.rules[self._rule(rule_id).id]
        return {}

    async def _clear_faults(self, _: web.Request) -> JSON:
        self._world.faults.rules.clear()
        return {}

    async def _reset(self, _: web.Request) -> JSON:
        self._world.reset()
        return {}

    def _rule(self, rule_id: int) -> FaultRule:
        try:
            return self._world.faults.rules[rule_id]
        except KeyError:
            raise web.HTTPNotFound(text=f"no fault {rule_id}") from None


def _rule(rule: FaultRule) -> JSON:
    return {
        "id": rule.id,
        "kind": rule.kind,
        **asdict(rule.match),
        "remaining": rule.remaining,
        "probability": rule.probability,
        "hits": rule.hits,
    }
