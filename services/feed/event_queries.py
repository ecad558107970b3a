"""The query of a request for events, read strictly: what is not understood is refused."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import QueryParams

from shared.http.problem_details import invalid_input

PAGE_SIZE = 100
LARGEST_PAGE = 1000
# Shorter than the gateway waits for an answer.
LONGEST_WAIT_MILLISECONDS = 25_000
_LONGEST_ID = 500
MOST_TYPES = 50

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
TYPE_PATTERN = re.compile(r"[a-z0-9_*]+(\.[a-z0-9_*]+)*", re.ASCII)

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """`types` are patterns of SQL; `wait_seconds` is how long to wait for what is not there yet."""

    last_event_id: str | None = None
    wait_seconds: float = 0
    types: tuple[str, ...] = ()
    compacted: bool = False
    limit: int = PAGE_SIZE


def read_query(parameters: QueryParams, last_event_id_header: str = "") -> EventQuery:
    """Read the parameters. Raises Problem 400 that names each one at fault.

    The header, which a client sends whose stream broke off, goes before the parameter.
    """
    reading = _Reading(parameters)
    asked_for = reading.value("lastEventId", _event_id, None)
    came_last = reading.read("Last-Event-ID", last_event_id_header, _event_id, None)
    query = EventQuery(
        last_event_id=came_last or asked_for,
        wait_seconds=reading.value("timeout", _milliseconds, 0) / 1000,
        types=reading.value("types", _types, ()),
        compacted=reading.value("compacted", _boolean, False),
        limit=reading.value("limit", _limit, PAGE_SIZE),
    )
    reading.finish()
    return query


class _Reading:
    def __init__(self, parameters: QueryParams) -> None:
        self._parameters = parameters
        self._known: set[str] = set()
        self._errors: dict[str, list[str]] = {}

    def value(self, name: str, read: Callable[[str], Value], default: Value) -> Value:
        self._known.add(name)
        texts = self._parameters.getlist(name)
        if len(texts) > 1:
            self._errors[name] = ["Must be given once."]
        return self.read(name, texts[0] if len(texts) == 1 else "", read, default)

    def read(self, name: str, text: str, read: Callable[[str], Value], default: Value) -> Value:
        if not text:
            return default
        try:
            return read(text)
        except ValueError as error:
            self._errors[name] = [str(error)]
        return default

    def finish(self) -> None:
        unknown = self._parameters.keys() - self._known
        self._errors.update({name: ["Unknown field."] for name in sorted(unknown)})
        if self._errors:
            raise invalid_input(self._errors)


def _event_id(text: str) -> str | None:
    if len(text) > _LONGEST_ID or "\x00" in text:
        raise ValueError("Must be the id of an event.")
    return text


def _milliseconds(text: str) -> int:
    return _number(text, 0, LONGEST_WAIT_MILLISECONDS)


def _limit(text: str) -> int:
    return _number(text, 1, LARGEST_PAGE)


def _number(text: str, at_least: int, at_most: int) -> int:
    if not _NUMBER.fullmatch(text) or not at_least <= int(text) <= at_most:
        raise ValueError(f"Must be a whole number from {at_least} to {at_most}.")
    return int(text)


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("Must be true or false.")
    return text == "true"


def _types(text: str) -> tuple[str, ...]:
    patterns = text.split(",")
    if len(patterns) > MOST_TYPES or not all(map(TYPE_PATTERN.fullmatch, patterns)):
        raise ValueError(
            f"Must be up to {MOST_TYPES} types, separated by commas; * stands for anything."
        )
    return tuple(map(sql_pattern, patterns))


def sql_pattern(pattern: str) -> str:
    """Return a pattern of types as one of SQL's LIKE."""
    return pattern.replace("_", r"\_").replace("*", "%")
