"""Faults on demand: rules that say which requests go wrong, and how. Pure state.

The first rule that matches a request applies, and only that one. A rule with a probability draws
from a generator of its own, so the same seed gives the same history.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from deploy.telegram_simulator.http_messages import (
    Answer,
    CutConnection,
    Reply,
    StaySilent,
    json_reply,
)


@dataclass(frozen=True, slots=True)
class Effect:
    """How a request goes: wait, take effect or not, wait, answer the forced or its own answer."""

    takes_effect: bool = True
    forced_answer: Answer | None = None
    seconds_before: float = 0
    seconds_after: float = 0


NO_FAULT = Effect()


def refusal(status: int, description: str, parameters: Mapping[str, int] | None = None) -> Reply:
    """Build an error answer of the Bot API."""
    content: dict[str, object] = {
        "ok": False,
        "error_code": status,
        "description": description,
    }
    if parameters:
        content["parameters"] = parameters
    return json_reply(status, content)


@dataclass(frozen=True, slots=True)
class FaultOptions:
    """What a fault can be told; each kind uses what concerns it."""

    retry_after_seconds: int = 1
    delay_seconds: float = 1
    status: int | None = None
    description: str | None = None
    body: str = "<html>this is not JSON</html>"
    migrate_to_chat_id: int = -1_000_000_000_001
    recorded: bool = False


def _refuse(status: int, description: str) -> Effect:
    return Effect(takes_effect=False, forced_answer=refusal(status, description))


def _too_many_requests(options: FaultOptions) -> Effect:
    seconds = options.retry_after_seconds
    answer = refusal(
        429, f"Too Many Requests: retry after {seconds}", parameters={"retry_after": seconds}
    )
    return Effect(takes_effect=False, forced_answer=answer)


def _migrated(options: FaultOptions) -> Effect:
    answer = refusal(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        parameters={"migrate_to_chat_id": options.migrate_to_chat_id},
    )
    return Effect(takes_effect=False, forced_answer=answer)


def _server_error(options: FaultOptions) -> Effect:
    answer = refusal(options.status or 502, options.description or "Bad Gateway")
    return Effect(takes_effect=options.recorded, forced_answer=answer)


def _garbage(options: FaultOptions) -> Effect:
    answer = Reply(options.status or 200, options.body.encode(), "text/html")
    return Effect(takes_effect=options.recorded, forced_answer=answer)


FAULT_KINDS: dict[str, Callable[[FaultOptions], Effect]] = {
    "too_many_requests": _too_many_requests,
    "blocked": lambda _: _refuse(403, "Forbidden: bot was blocked by the user"),
    "deactivated": lambda _: _refuse(403, "Forbidden: user is deactivated"),
    "chat_not_found": lambda _: _refuse(400, "Bad Request: chat not found"),
    "migrated": _migrated,
    "unauthorized": lambda _: _refuse(401, "Unauthorized"),
    "refused": lambda o: _refuse(o.status or 400, o.description or "Bad Request"),
    "server_error": _server_error,
    "garbage": _garbage,
    "delay_before_recording": lambda o: Effect(seconds_before=o.delay_seconds),
    "delay_after_recording": lambda o: Effect(seconds_after=o.delay_seconds),
    "drop_before_recording": lambda _: Effect(takes_effect=False, forced_answer=CutConnection()),
    "drop_after_recording": lambda _: Effect(forced_answer=CutConnection()),
    "hang_before_recording": lambda _: Effect(takes_effect=False, forced_answer=StaySilent()),
    "hang_after_recording": lambda _: Effect(forced_answer=StaySilent()),
}


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a rule is for: all that is not None must hold."""

    method: str | None = None
    chat_id: str | None = None
    text_contains: str | None = None

    def covers(self, method: str, parameters: Mapping[str, str]) -> bool:
        return (
            (self.method is None or self.method.lower() == method.lower())
            and (self.chat_id is None or self.chat_id == parameters.get("chat_id"))
            and (self.text_contains is None or self.text_contains in parameters.get("text", ""))
        )


@dataclass(slots=True)
class FaultRule:
    """`remaining` is None for ever; `hits` counts the requests it was applied to."""

    id: int
    kind: str
    effect: Effect
    match: Match
    remaining: int | None
    probability: float
    random: Random
    hits: int = field(default=0)


class FaultQueue:
    """The rules in the order they were given."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self.rules: dict[int, FaultRule] = {}

    def add(
        self,
        kind: str,
        options: FaultOptions,
        match: Match,
        *,
        times: int | None = 1,
        probability: float = 1.0,
        seed: int = 0,
    ) -> FaultRule:
        rule = FaultRule(
            id=next(self._ids),
            kind=kind,
            effect=FAULT_KINDS[kind](options),
            match=match,
            remaining=times,
            probability=probability,
            random=Random(seed),  # noqa: S311 - reproducible faults, no secrets
        )
        self.rules[rule.id] = rule
        return rule

    def take(self, method: str, parameters: Mapping[str, str]) -> FaultRule | None:
        """Return the rule for this request and count it; None when all goes well."""
        for rule in self.rules.values():
            if rule.remaining == 0 or not rule.match.covers(method, parameters):
                continue
            if rule.random.random() >= rule.probability:
                continue
            if rule.remaining is not None:
                rule.remaining -= 1
            rule.hits += 1
            return rule
        return None
