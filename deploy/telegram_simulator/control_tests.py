"""Control API, the tests' part: what was received, faults, a fresh start, health."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from itertools import islice

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule

from deploy.telegram_simulator.control_schemas import (
    FaultSchema,
    RequestsQuery,
    body_of,
    query_of,
)
from deploy.telegram_simulator.faults import FaultOptions, FaultRule, Match
from deploy.telegram_simulator.http_messages import Request
from deploy.telegram_simulator.request_log import RecordFilter
from deploy.telegram_simulator.telegram_shapes import JSON
from deploy.telegram_simulator.world import World

_OPTIONS = frozenset(option.name for option in fields(FaultOptions))


class ControlTests:
    """Handlers return the content of a 200."""

    def __init__(self, world: World) -> None:
        self._world = world

    def rules(self) -> Iterable[Rule]:
        yield Rule("/control/health", methods=["GET"], endpoint=self._health)
        yield Rule("/control/requests", methods=["GET"], endpoint=self._requests)
        yield Rule("/control/faults", methods=["GET"], endpoint=self._list_faults)
        yield Rule("/control/faults", methods=["POST"], endpoint=self._add_fault)
        yield Rule("/control/faults", methods=["DELETE"], endpoint=self._clear_faults)
        yield Rule("/control/faults/<int:rule_id>", methods=["GET"], endpoint=self._show_fault)
        yield Rule("/control/faults/<int:rule_id>", methods=["DELETE"], endpoint=self._drop_fault)
        yield Rule("/control/reset", methods=["POST"], endpoint=self._reset)

    async def _health(self, _: Request) -> JSON:
        return {"status": "ok", "pending_updates": len(self._world.updates)}

    async def _requests(self, request: Request) -> JSON:
        query = query_of(request, RequestsQuery)
        limit = query.pop("limit")
        found = self._world.requests.find(RecordFilter(**query))
        return {"requests": [record.as_json() for record in islice(found, limit)]}

    async def _list_faults(self, _: Request) -> JSON:
        return {"faults": [_rule(rule) for rule in self._world.faults.rules.values()]}

    async def _add_fault(self, request: Request) -> JSON:
        wanted = body_of(request, FaultSchema)
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

    async def _show_fault(self, _: Request, rule_id: int) -> JSON:
        return _rule(self._rule(rule_id))

    async def _drop_fault(self, _: Request, rule_id: int) -> JSON:
        del self._world.faults.rules[self._rule(rule_id).id]
        return {}

    async def _clear_faults(self, _: Request) -> JSON:
        self._world.faults.rules.clear()
        return {}

    async def _reset(self, _: Request) -> JSON:
        self._world.reset()
        return {}

    def _rule(self, rule_id: int) -> FaultRule:
        try:
            return self._world.faults.rules[rule_id]
        except KeyError:
            raise NotFound(f"no fault {rule_id}") from None


def _rule(rule: FaultRule) -> JSON:
    return {
        "id": rule.id,
        "kind": rule.kind,
        **asdict(rule.match),
        "remaining": rule.remaining,
        "probability": rule.probability,
        "hits": rule.hits,
    }
